"""The job engine, one contract on both databases."""
