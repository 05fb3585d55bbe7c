"""What the domains stand on: databases, streams, jobs, broker, settings and telemetry."""
