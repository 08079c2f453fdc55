"""Lambda's operations: each reads its request, does one thing, writes its answer."""
