"""STS: who asks, and keys for a while."""
