"""Figures: medians of interleaved runs, each a whole process."""
