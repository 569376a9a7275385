"""Masks and label maps of many classes → one mask or label map of groups of these classes."""
