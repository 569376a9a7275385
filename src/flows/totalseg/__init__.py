"""Segment a user's own images with TotalSegmentator: planned, in processes of its own, resumed case by case."""
