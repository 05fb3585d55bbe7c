"""Bank transfers by QR code."""
