"""Blobs: bytes by key, streamed in and out, with versions, lifecycle and signed URLs."""
