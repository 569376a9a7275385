"""A trained model without nnU-Net: a program that writes masks, and may wait afterwards.

Run as a module it is the command line with that program: ``python -m tests.flows.predictor FOLDER WORD…``.
"""

from __future__ import annotations

import json
import os
import signal
import site
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fixtures.make_fixtures import write_png
from segconv.train import child, predict

from ..train.checkpoints import checkpoint

ROOT = Path(__file__).parents[2]
LIMIT_S = 120
"""For what takes a moment on an idle machine."""
MODEL = "nnUNetTrainer__nnUNetPlans__2d"
OWN_FILES = ("dataset.json", "plans.json", "predict_from_raw_data_args.json")
"""What nnU-Net writes next to the predictions."""

PROGRAM = f"""
import multiprocessing, os, pathlib, shutil, sys, time, zipfile

room = os.path.dirname(os.path.abspath(__file__))

def note(file, words):
    with open(f"{{room}}/{{file}}", "a") as log:
        log.write(" ".join(words) + "\\n")

def main():
    inputs, output = sys.argv[2], sys.argv[4]
    cases = sorted(name.rpartition("_")[0] for name in os.listdir(inputs))
    note("log", cases)
    note("models", [os.path.basename(sys.argv[6])])
    note("processes", [sys.argv[sys.argv.index("-npp") + 1]])
    note("gpus", [os.environ.get("CUDA_VISIBLE_DEVICES", "-")])
    note("folds", sys.argv[8 : sys.argv.index("-chk")])
    before = sys.argv[sys.argv.index("-prev_stage_predictions") + 1] if "-prev_stage_predictions" in sys.argv else None
    how = os.environ.get("nnUNet_program", "")
    for name in {OWN_FILES!r}:
        with open(f"{{output}}/{{name}}", "w") as file:
            file.write("{{}}")
    if how == "fail" or how == "fail on GPU 1" and os.environ.get("CUDA_VISIBLE_DEVICES") == "1":
        sys.exit("no prediction today")
    for case in cases[how == "fewer": 2 if how == "wait after two" else None]:
        assert before is None or os.path.exists(f"{{before}}/{{case}}.png")
        if "--save_probabilities" in sys.argv:
            with zipfile.ZipFile(f"{{output}}/{{case}}.npz", "w") as file:
                file.writestr("probabilities.npy", b"")
            open(f"{{output}}/{{case}}.pkl", "w").close()
        empty = how == "background" or how == "background at first" and case == cases[0]
        shutil.copyfile(f"{{room}}/{{'empty' if empty else 'mask'}}.png", f"{{output}}/{{case}}.png")
    if how.startswith("wait"):
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,)).start()
        open(f"{{room}}/begun", "w").close()
        while not os.path.exists(f"{{room}}/go"):
            time.sleep(0.01)
    os._exit(0)

def average():
    folders, output = sys.argv[2 : sys.argv.index("-o")], sys.argv[sys.argv.index("-o") + 1]
    first, *others = [sorted(pathlib.Path(folder).glob("*.npz")) for folder in folders]
    for other in others:
        assert [path.name for path in other] == [path.name for path in first]
    note("averaged", [path.stem for path in first])
    for path in first:
        shutil.copyfile(f"{{room}}/mask.png", f"{{output}}/{{path.stem}}.png")
"""


@dataclass(frozen=True)
class Predictor:
    """A folder with the program, and what it was asked for."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Predictor:
        folder.mkdir()
        (folder / "stand_in.py").write_text(PROGRAM)
        write_png(folder / "mask.png", np.repeat(np.arange(3, dtype=np.uint8), 16).reshape(6, 8))
        write_png(folder / "empty.png", np.zeros((6, 8), dtype=np.uint8))
        return cls(folder)

    @property
    def asked(self) -> list[list[str]]:
        """The cases of each call."""
        return self._noted("log")

    @property
    def models(self) -> list[str]:
        """The model of each call."""
        return [name for (name,) in self._noted("models")]

    @property
    def processes(self) -> list[str]:
        """How many processes read in each call."""
        return [name for (name,) in self._noted("processes")]

    @property
    def gpus(self) -> list[str]:
        """The GPU of each call."""
        return [name for (name,) in self._noted("gpus")]

    @property
    def folds(self) -> list[list[str]]:
        """The folds of each call."""
        return self._noted("folds")

    @property
    def averaged(self) -> list[list[str]]:
        """The cases whose probabilities were averaged, by call."""
        return self._noted("averaged")

    def _noted(self, name: str) -> list[list[str]]:
        log = self.folder / name
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def begun(self) -> bool:
        return (self.folder / "begun").exists()

    def go(self) -> None:
        (self.folder / "go").touch()

    def trains(self, results: Path, dataset: str, *configurations: str, folds: Sequence[str] = ("0",)) -> None:
        """Make models of a dataset, as far as they are looked at; ``3d_cascade_fullres`` has two stages."""
        network = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
        planned: dict[str, Any] = {
            name: {"architecture": {"network_class_name": network}}
            for name in ("2d", "3d_lowres", "3d_cascade_fullres")
        }
        planned["3d_cascade_fullres"]["previous_stage"] = "3d_lowres"
        for configuration in configurations or ("2d",):
            model = results / dataset / f"nnUNetTrainer__nnUNetPlans__{configuration}"
            for fold in folds:
                (model / f"fold_{fold}").mkdir(parents=True)
                (model / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(checkpoint())
            (model / "plans.json").write_text(json.dumps({"dataset_name": dataset, "configurations": planned}))

    def install(self, patch: Callable[[object, str, object], None] = setattr) -> None:
        """Let it be found where nnU-Net's command would be."""
        known = {"nnUNetv2_predict_from_modelfolder": "stand_in:main", "nnUNetv2_ensemble": "stand_in:average"}
        for module in (child, predict):
            patch(module, "commands", lambda: known)
        patch(site, "ENABLE_USER_SITE", True)
        patch(site, "getusersitepackages", lambda: str(self.folder))

    def start(self, *words: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Run the command line in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.flows.predictor", str(self.folder), *map(str, words)],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


if __name__ == "__main__":
    from segconv.cli.main import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    Predictor(Path(sys.argv[1])).install()
    main(sys.argv[2:])
