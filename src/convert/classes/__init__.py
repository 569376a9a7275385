"""Masks of one class each, and segmentations by name: found, and compiled into labels."""
