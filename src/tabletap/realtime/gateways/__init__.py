"""One file per namespace: who may connect to it and what may be said in it."""
