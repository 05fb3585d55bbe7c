"""Figures and receipts."""
