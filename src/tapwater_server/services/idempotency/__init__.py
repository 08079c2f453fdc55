"""Requests with an Idempotency-Key: run once, answered the same each time."""
