"""Trainer classes that nnU-Net runs: schedules of the learning rate, fine-tuning, a watchdog."""
