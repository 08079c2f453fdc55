"""The words of rules: which events, and when. Pure."""
