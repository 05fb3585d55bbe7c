"""Two database engines behind one Transaction that carries rows, stream events and jobs."""
