"""Rooms of what apps may use. Strangers to each other."""
