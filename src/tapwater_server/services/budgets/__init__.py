"""Budgets: what may be used in a day or a month, checked before anything runs."""
