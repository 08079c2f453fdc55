"""Services without a server, one fake a file; each behaves as the real one does to a client."""
