"""The interfaces of other clouds, a folder each: wire formats on our own ports and services."""
