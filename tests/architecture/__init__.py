"""The rules of the code base, each kept by a test."""
