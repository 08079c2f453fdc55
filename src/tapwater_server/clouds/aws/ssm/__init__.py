"""The parameter store of Systems Manager; nothing else of it."""
