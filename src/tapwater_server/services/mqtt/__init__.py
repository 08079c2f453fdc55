"""MQTT 3.1.1 and 5: a small broker for each app, and a client of other brokers."""
