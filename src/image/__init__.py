"""Bytes to volumes and back: geometry, one codec a format, the general resampler."""
