"""Orders and the kitchen's tickets: priced by the server, moved along one table of transitions."""
