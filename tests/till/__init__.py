"""Drawers and days."""
