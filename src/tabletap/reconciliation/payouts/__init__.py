"""What providers paid out to us, tied to our payments and to the bank's lines."""
