"""Benchmarks: one file a headline figure."""
