"""Everything that keeps TableTap honest."""
