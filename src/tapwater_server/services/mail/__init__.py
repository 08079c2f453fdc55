"""E-mail: accepted is durable, sent as soon as the server for it takes it."""
