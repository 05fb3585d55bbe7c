"""TableTap: payments and live order flow for cafes and restaurants."""

__version__ = "0.1.0"
