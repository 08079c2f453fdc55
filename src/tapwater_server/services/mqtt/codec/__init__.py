"""MQTT's packets as values, and both ways between them and bytes. No sockets, no state."""
