"""CloudWatch Logs on the platform's own logs: what functions said, and groups of one's own."""
