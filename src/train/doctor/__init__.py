"""Examine this machine, its packages and variables, before nnU-Net trains here."""
