"""What was sold: by item, category and tax rate."""
