"""A stand-in for the process that runs TotalSegmentator: it marks bright voxels, and fails as it is asked to."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from segconv.image import opened
from segconv.train.totalsegmentator import working
from segconv.train.totalsegmentator.weights import Mode, needed
from segconv.train.totalsegmentator.worker import say

ROOT = Path(__file__).parents[3]
FOLDER = "TOTALSEG_STAND_IN"
"""Variable with a folder: the file ``log`` in it grows by what is done, others say what is to go wrong."""

PROGRAM = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {__name__} import main; main()"
LIVER = 5


class StandIn:
    """Complete-looking models, and a folder to direct the processes with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.weights = folder, folder / "weights"
        self.make_models("total", "fast")

    def make_models(self, task: str, mode: Mode = "normal", *, subset: bool = False) -> None:
        """Make models for a task."""
        for model in needed(task, mode, roi_subset=subset):
            path = self.weights / model.folder / model.name
            for fold in model.folds:
                (path / f"fold_{fold}").mkdir(parents=True, exist_ok=True)
                with zipfile.ZipFile(path / f"fold_{fold}" / "checkpoint_final.pth", "w") as archive:
                    archive.writestr("data.pkl", b"")
            for name in ("plans.json", "dataset.json"):
                (path / name).write_text("{}", encoding="utf-8")

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the process, with these models."""
        monkeypatch.setattr(working, "_PROGRAM", PROGRAM)
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)

    @property
    def variables(self) -> dict[str, str]:
        return {
            FOLDER: str(self.folder),
            "TOTALSEG_WEIGHTS_PATH": str(self.weights),
            "TOTALSEG_HOME_DIR": str(self.folder / "home"),
        }

    def direct(self, case: str, what: str | None) -> None:
        """Let a case ``fail``, ``die``, or ``hold`` until it is directed anew; None to let it go well."""
        file = self.folder / f"{case}.do"
        file.unlink(missing_ok=True) if what is None else file.write_text(what, encoding="utf-8")

    def said(self) -> list[list[str]]:
        """What was done, in order: ``start`` and a process, or a case and its process."""
        log = self.folder / "log"
        return [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []

    def cases(self) -> list[str]:
        """Cases that were begun, sorted."""
        return sorted(what for what, _ in self.said() if what != "start")


def main() -> None:
    """Answer as `segconv.train.totalsegmentator.worker` does."""
    folder = Path(os.environ[FOLDER])
    _log(folder, "start")
    if _asked(folder, "start") == "die":
        raise RuntimeError("no such driver")
    if _asked(folder, "start") == "unsafe":
        say({"unsafe": [{"code": "SC064", "severity": "error", "file": "m.pth", "message": "is code", "hint": ""}]})
        return
    versions = {"totalsegmentator": "2", "nnunetv2": "2", "torch": "2"}
    say({"ready": {**versions, "resampling_order": 1, "device": "cpu", "kept": True}})
    for line in sys.stdin:
        options = json.loads(line)
        case = Path(options["input"]).name.removesuffix("_0000.nii")
        _log(folder, case)
        while (asked := _asked(folder, case)) == "hold":
            time.sleep(0.02)
        if asked == "die":
            Path(os.environ["TMPDIR"], "nnunet_tmp_x").mkdir()
            Path(os.environ["TMPDIR"], "nnunet_tmp_x", "s01.nii").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        if asked == "fail":
            say({"failed": "ValueError: odd", "out_of_memory": False, "refused": []})
            continue
        _segment(options)
        say({"done": options["output"], "refused": []})


def _segment(options: dict[str, str]) -> None:
    image = opened.read_image(opened.read_bytes(options["input"]), "image.nii")
    label = np.where(image.array > 0, LIVER, 0).astype(np.uint8)
    Path(options["output"]).write_bytes(b"".join(opened.encode(label, image.geometry, ".nii")))


def _log(folder: Path, what: str) -> None:
    with (folder / "log").open("a", encoding="utf-8") as log:
        log.write(f"{what}\t{os.getpid()}\n")


def _asked(folder: Path, case: str) -> str:
    file = folder / f"{case}.do"
    return file.read_text(encoding="utf-8") if file.is_file() else ""
