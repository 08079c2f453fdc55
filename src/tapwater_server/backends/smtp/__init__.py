"""Servers for mail, spoken to over SMTP."""
