"""Amazon Web Services: what its clients, tools and functions expect, a folder per service."""
