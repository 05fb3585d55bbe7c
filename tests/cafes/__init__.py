"""Cafes, their tables and menus."""
