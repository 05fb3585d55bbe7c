"""Bank statements and payouts, matched with what was asked for."""
