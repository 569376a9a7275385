"""How far a dataset is, from raw files to predictions, and what comes next."""
