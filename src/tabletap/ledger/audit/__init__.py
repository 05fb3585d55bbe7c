"""The audit chain: every row of the books that is never changed, sealed one after the other, and signed every day."""
