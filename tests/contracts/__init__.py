"""What we publish about ourselves, held against the programs that others read it with."""
