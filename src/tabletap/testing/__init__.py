"""For authors of plug-ins: suites that prove a plug-in before it touches money. Install `tabletap[testing]`."""
