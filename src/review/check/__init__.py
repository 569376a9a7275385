"""Check whether a dataset can be trained on: its declarations, each case, all cases together, and its folds."""
