"""The till: drawers and what is in them, and the closing of a day."""
