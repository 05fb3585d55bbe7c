"""Cafes: their settings, tables, table sessions and menu."""
