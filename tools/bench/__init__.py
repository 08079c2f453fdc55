"""Measures Tapwater against peers and promises: `make bench`, docs/decisions/0016-benchmarks.md."""
