"""The folder that segconv names first in ``nnUNet_extTrainer``; nnU-Net imports every module in it."""
