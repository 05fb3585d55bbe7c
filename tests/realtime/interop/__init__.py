"""The official Socket.IO clients against the server: one suite of behaviours for all of them, over every transport."""
