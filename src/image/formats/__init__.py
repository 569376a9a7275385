"""One module a format: its header judged, its voxels decoded, files written."""
