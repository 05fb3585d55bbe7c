"""Who gets the tips: shifts, rules, pools, shares, payouts and statements."""
