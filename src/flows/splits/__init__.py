"""Folds of a dataset: shown, verified with a certificate, and made."""
