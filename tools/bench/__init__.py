"""Measures Tapwater against peers and promises: `make bench` (docs/decisions/benchmarks.md)."""
