"""What is awaited at the bank."""
