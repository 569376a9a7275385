"""nnU-Net's own check as a process: ``python -m benchmarks.verify_integrity DATASET WORKERS``."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

    verify_dataset_integrity(sys.argv[1], int(sys.argv[2]))
