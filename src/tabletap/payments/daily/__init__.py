"""What payments and orders add to the report of a day, and what of them keeps a day open."""
