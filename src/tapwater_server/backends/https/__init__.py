"""Other servers on the web."""
