"""Prices as they were on a day: ours, and those of the clouds."""
