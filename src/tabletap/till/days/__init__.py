"""Closing the business day: what came in, what is open, and the signed end of the audit chain."""
