"""Tests of streams: who hears what, and where it begins."""
