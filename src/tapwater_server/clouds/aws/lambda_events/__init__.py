"""What calls Lambda functions: event source mappings, and calls nobody waits for."""
