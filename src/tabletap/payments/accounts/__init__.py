"""Accounts at payment providers: one per cafe and provider, with sealed keys and webhook secrets that rotate."""
