"""Webhooks in: the inbox of what providers tell us."""
