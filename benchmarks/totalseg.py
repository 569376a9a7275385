"""Several small cases: ``segconv totalseg run`` against one ``TotalSegmentator`` command for each.

``python -m benchmarks.totalseg IMAGE [--cases N] [--rounds N]``

IMAGE is a small CT, such as TotalSegmentator's own test image. Both segment copies of it on the CPU with the same
models, tiny networks of random weights: what is compared is starting, loading and resampling. Their results must be
equal. The floor is one command for one case.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from segconv.image import opened
from tests.train.totalsegmentator.random_models import make_models

from .job import FLOOR, OURS
from .measure import Contestant, compare, machine
from .page import comparison
from .result import Result

PROGRAMS = Path(sys.executable).parent
ONE_AFTER_ANOTHER = "import json, subprocess, sys; [subprocess.run(c, check=True) for c in json.loads(sys.argv[1])]"
SETTINGS = {"totalseg_id": "x", "send_usage_stats": False, "prediction_counter": 0, "statistics_disclaimer_shown": True}


def prepared(folder: Path, image: Path, cases: int) -> dict[str, Contestant]:
    """Make models and copies of the image, and return what is compared."""
    make_models(folder / "models")
    (folder / "scans").mkdir()
    (folder / "home").mkdir()
    (folder / "home" / "config.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    for number in range(cases):
        shutil.copyfile(image, folder / "scans" / f"case{number}.nii.gz")
    env = {"TOTALSEG_WEIGHTS_PATH": str(folder / "models"), "TOTALSEG_HOME_DIR": str(folder / "home")}
    ours = [str(PROGRAMS / "segconv"), "totalseg", "run", str(folder / "scans"), "-o", str(folder / "ours")]
    ours += ["--task", "total", "--fast", "--device", "cpu"]
    return {
        OURS: Contestant(ours, folder / "ours", env),
        f"TotalSegmentator, {cases} times": Contestant(theirs(folder, "theirs", cases), folder / "theirs", env),
        FLOOR: Contestant(theirs(folder, "once", 1), folder / "once", env),
    }


def theirs(folder: Path, made: str, cases: int) -> list[str]:
    """Return a command line that segments copies, one command after the other."""
    words = [str(PROGRAMS / "TotalSegmentator"), "--ml", "--task", "total", "--fast", "--device", "cpu"]
    names = [f"case{number}.nii.gz" for number in range(cases)]
    each = [[*words, "-i", str(folder / "scans" / name), "-o", str(folder / made / name)] for name in names]
    return [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(each)]


def refuse_differences(folder: Path) -> None:
    """Compare the results of both, voxel by voxel."""
    for path in sorted((folder / "theirs").iterdir()):
        own, other = (opened.read_label(p.read_bytes(), p.name).array for p in (folder / "ours" / path.name, path))
        if not np.array_equal(own, other):
            raise SystemExit(f"{path.name} differs")


def main() -> None:
    """Compare both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--cases", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contestants = prepared(folder, options.image, options.cases)
        rows = compare(contestants, options.rounds, lambda: refuse_differences(folder))
    print(f"{machine()}, medians of {options.rounds} rounds")
    print("\n".join(comparison(Result(f"{options.cases} cases, one process", rows))))


if __name__ == "__main__":
    main()
