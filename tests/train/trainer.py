"""A stand-in for nnU-Net's trainer, which says that it started and trains until it may end.

Run as a module it is the command line with that trainer: ``python -m tests.train.trainer FOLDER WORD…``.
"""

from __future__ import annotations

import site
import sys
from collections.abc import Callable
from pathlib import Path

from segconv.train import child
from segconv.train import known_trainers as trainers

PROGRAM = """
import os, pathlib, sys, time, zipfile

def main():
    room = pathlib.Path(__file__).parent
    number, configuration, fold, _, trainer, _, plans = sys.argv[1:8]
    results = next(pathlib.Path(os.environ["nnUNet_results"]).parent.glob(f"nnUNet_raw/Dataset{int(number):03d}_*")).name
    folder = pathlib.Path(os.environ["nnUNet_results"], results, f"{trainer}__{plans}__{configuration}", f"fold_{fold}")
    folder.mkdir(parents=True, exist_ok=True)
    (room / f"begun {fold}").touch()
    while not (room / "go").exists():
        time.sleep(0.01)
    (folder / "validation").mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "checkpoint_final.pth", "w"):
        pass
    (folder / "validation" / "summary.json").write_text("{}")
"""


def install(folder: Path, patch: Callable[[object, str, object], None] = setattr) -> None:
    """Let the trainer in a folder be found where nnU-Net's command would be."""
    (folder / "stand_in.py").write_text(PROGRAM)
    patch(child, "commands", lambda: {"nnUNetv2_train": "stand_in:main"})
    patch(trainers, "list_trainers", lambda *_: [trainers.Trainer("nnUNetTrainer", "", (), ())])
    patch(site, "ENABLE_USER_SITE", True)
    patch(site, "getusersitepackages", lambda: str(folder))


if __name__ == "__main__":
    from segconv.cli.main import main

    install(Path(sys.argv[1]))
    main(sys.argv[2:])
