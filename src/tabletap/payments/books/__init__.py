"""What the books of payments, orders, refunds and credit have to say the same about: `tabletap verify` asks."""
