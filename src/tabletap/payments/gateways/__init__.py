"""Ways to be paid: one file a provider, found through the entry-point group `tabletap.gateways`."""
