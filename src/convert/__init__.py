"""Sources become datasets, and predictions become files of the source again."""
