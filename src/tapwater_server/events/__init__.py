"""The event door: from the bus, through the invoker, to a settled delivery."""
