"""One module per format: judges headers, decodes voxels, and writes files."""
