"""The users of apps: signing up and in, tokens, roles, keys."""
