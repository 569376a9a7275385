"""The doorstep of nnU-Net: its folders, its commands, its plans."""
