"""The money path: starting, completing, splitting, refunding, and what goes wrong on the way."""
