"""The double-entry ledger: journals that sum to zero and are never changed."""
