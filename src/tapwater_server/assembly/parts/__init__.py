"""One file per service: how it is made of its backends, and what it adds to the node."""
