"""Queues and topics: messages for whoever takes them."""
