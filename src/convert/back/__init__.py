"""Restore predictions in the user's own names, values, files and formats."""
