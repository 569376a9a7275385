"""Convert sources to datasets, and predictions back to the form of the source's files."""
