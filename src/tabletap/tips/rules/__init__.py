"""The rules by which tips are shared: in versions that never change, and within what the law of a country allows."""
