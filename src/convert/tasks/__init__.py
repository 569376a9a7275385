"""What tasks of the Decathlon and datasets of nnU-Net bring along: a json, lists of cases, folds."""
