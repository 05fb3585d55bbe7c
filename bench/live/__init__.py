"""The live edge beside Node's socket.io, and what it does with many connections."""
