"""People of a cafe: staff, customers and guests, how they sign in and what their tokens say."""
