"""What a cafe's credit sums up to: what is owed, and whether it agrees with itself."""
