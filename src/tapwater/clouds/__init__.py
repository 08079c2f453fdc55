"""Functions written for other clouds, as they are run in here. Loaded by those functions alone."""
