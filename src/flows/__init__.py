"""Flows that run several steps in a row."""
