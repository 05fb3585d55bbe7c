"""What TableTap costs: real servers, real databases, real requests; `make bench` prints it."""
