"""Durable background jobs: enqueued in the transaction that wants them, run by the engine here (pgqueuer's core)."""
