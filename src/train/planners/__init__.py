"""Planner classes that nnU-Net runs."""
