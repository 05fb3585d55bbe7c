"""The clients that we publish, against a real server."""
