"""Bank statements and payouts of providers, matched with what was asked for."""
