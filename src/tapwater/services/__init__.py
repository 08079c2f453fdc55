"""The platform's services as functions, scripts and tests use them. Standard library only."""
