"""The live edge: six Socket.IO namespaces as views on the streams (contract section 4)."""
