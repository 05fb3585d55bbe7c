"""What the provider tells us."""
