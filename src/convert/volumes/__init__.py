"""Which files make one volume: series of DICOM, stacks of pictures, frames, and their order."""
