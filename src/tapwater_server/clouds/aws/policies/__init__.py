"""Policies of IAM: what they say, and whether they allow it. Pure."""
