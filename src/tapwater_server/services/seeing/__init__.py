"""Logs, traces, numbers and groups of errors, for those who look."""
