"""The kits for authors of plug-ins, tried on our own."""
