"""Benchmarks: medians of interleaved runs, each a complete process."""
