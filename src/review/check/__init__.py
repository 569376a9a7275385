"""Whether a dataset can be trained on: what it declares, its files case by case, what all cases show, its folds."""
