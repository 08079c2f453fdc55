"""The platform: everything that runs outside the sandbox."""
