"""What is read of the books: figures and receipts. Nothing here changes any money."""
