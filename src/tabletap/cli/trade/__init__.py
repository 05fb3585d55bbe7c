"""Simulated trade: a clock that runs as fast as wanted, and days of guests who pay through the real services."""
