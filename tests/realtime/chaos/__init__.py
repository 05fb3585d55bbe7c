"""Live streams while everything goes wrong at random."""
