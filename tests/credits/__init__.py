"""Tests of customer credit."""
