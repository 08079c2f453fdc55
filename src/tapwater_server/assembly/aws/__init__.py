"""The room of AWS put together: a page for each of its services."""
