"""Fakes and kits for tests and simulations. Shipped, never imported by product code."""
