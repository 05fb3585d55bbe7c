"""What the domains stand on."""
