"""The key-value cache of an app."""
