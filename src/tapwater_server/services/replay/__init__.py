"""Calls written down whole, and run again."""
