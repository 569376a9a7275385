"""Which files make one volume: DICOM series, stacks of pictures and frames, and their order."""
