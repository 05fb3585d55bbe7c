"""The HTTP edge: what a caller gets for what they send, over real sockets."""
