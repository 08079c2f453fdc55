"""Documents as values: where they lie, how they compare, how they change. No I/O, no time."""
