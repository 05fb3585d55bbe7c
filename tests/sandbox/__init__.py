"""The Payconic sandbox over real HTTP."""
