"""Bytes to volumes and back: geometry, one codec per format, the general resampler."""
