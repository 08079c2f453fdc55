"""Secrets Manager on the secrets of the account's home."""
