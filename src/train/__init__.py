"""The interface to nnU-Net: its folders, commands and plans."""
