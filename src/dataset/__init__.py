"""A nnU-Net v2 dataset on disk: its labels, splits and lineage."""
