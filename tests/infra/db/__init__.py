"""Tests of both database engines."""
