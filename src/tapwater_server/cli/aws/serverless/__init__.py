"""Reads serverless.yml without Node: variables, then functions and events, then a SAM template."""
