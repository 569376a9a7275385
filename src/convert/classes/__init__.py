"""Find masks of one class each, and segmentations by name, and compile them into labels."""
