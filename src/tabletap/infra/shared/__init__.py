"""What several processes share through Redis: hints, who is here, counters. Nothing is only there."""
