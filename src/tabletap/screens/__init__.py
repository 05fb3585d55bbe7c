"""The screens: pages drawn by the server, made alive by scripts that use the public APIs alone."""
