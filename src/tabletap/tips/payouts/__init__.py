"""What workers are still to get of tips, and what they were paid."""
