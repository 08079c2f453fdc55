"""Events as AWS writes them, and what its services say of ends. Pure."""
