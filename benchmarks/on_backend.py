"""Convert a source with workers of a kind: ``python -m benchmarks.on_backend SOURCE TARGET BACKEND WORKERS``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from segconv.convert.conversion import plan_conversion, run_conversion
from segconv.work.run_options import RunOptions

if __name__ == "__main__":
    source, target, backend, workers = sys.argv[1:]
    conversion = plan_conversion(Path(source), target, raw=Path(os.environ["nnUNet_raw"]))
    run_conversion(conversion, RunOptions(jobs=int(workers), backend=backend))
