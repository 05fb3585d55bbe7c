"""The HTTP edge: translates requests to service calls and answers to JSON. It decides nothing."""
