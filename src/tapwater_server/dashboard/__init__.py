"""The dashboard at ``/_/``: static pages that use the public API, and the way to sign in to it."""
