"""Receipts: what was bought, the tax in it, how it was paid and what went back."""
