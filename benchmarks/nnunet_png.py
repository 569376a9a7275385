"""nnU-Net's example converter for pictures, its function in a pool as the example runs it.

``python -m benchmarks.nnunet_png SOURCE OUT WORKERS``
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path


def main() -> None:
    """Convert a folder of pictures and masks."""
    from nnunetv2.dataset_conversion.Dataset120_RoadSegmentation import load_and_convert_case

    source, made, workers = Path(sys.argv[1]) / "training", Path(sys.argv[2]), int(sys.argv[3])
    for folder in ("imagesTr", "labelsTr"):
        (made / folder).mkdir(parents=True)
    jobs = [
        (
            str(source / "input" / path.name),
            str(path),
            str(made / "imagesTr" / f"{path.stem}_0000.png"),
            str(made / "labelsTr" / path.name),
            50,
        )
        for path in sorted((source / "output").iterdir())
    ]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.starmap(load_and_convert_case, jobs)


if __name__ == "__main__":
    main()
