"""Offline augmentation: sample, then apply, then record."""
