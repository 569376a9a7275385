"""Rehearse everything from planning to restored predictions on a tiny dataset, before GPU days depend on it."""
