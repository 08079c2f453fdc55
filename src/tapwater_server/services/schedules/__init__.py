"""Schedules that an app makes while it runs."""
