"""One module per format: its header judged, its voxels decoded, files written."""
