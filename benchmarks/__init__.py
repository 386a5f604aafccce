"""Measures `elsewhere` beside its peers, in alternation; start at `python -m benchmarks --help`."""
