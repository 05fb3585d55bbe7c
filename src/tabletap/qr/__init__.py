"""Bank transfers by QR code: bank details, references, payloads and their images."""
