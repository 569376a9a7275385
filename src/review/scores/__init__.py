"""Score predictions against references: pair labels, settle the meaning of values, and compute the scores."""
