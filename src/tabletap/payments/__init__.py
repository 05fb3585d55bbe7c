"""Payments, refunds and splits: only evidence moves money's state."""
