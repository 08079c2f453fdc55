"""Notifications of S3: what happens in buckets, told where their configuration says."""
