"""Whole services, through the public interfaces alone."""
