"""Disputes: a guest's bank takes money back until it is decided whose it is."""
