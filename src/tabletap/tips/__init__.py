"""Tips: what a cafe offers, how much is right, never pre-selected."""
