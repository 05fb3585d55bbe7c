"""Tests of the live edge, over real sockets."""
