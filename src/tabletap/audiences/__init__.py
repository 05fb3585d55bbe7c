"""Who hears of what: the names of streams, who may hear them, what each audience is told, and where it can begin."""
