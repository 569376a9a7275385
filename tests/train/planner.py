"""A stand-in for nnU-Net's planning and preprocessing: plans of a given content, cases that hold only their head."""

from __future__ import annotations

import itertools
import json
import pickle
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from segconv.dataset.layout import Dataset
from segconv.train import commands
from segconv.train.paths import Paths

from .prepared import WHOLE

Stop = Callable[[str, str], None]


def configuration(data: str, **changes: Any) -> dict[str, Any]:
    """A configuration as a planner makes it, as far as segconv reads it."""
    network = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {"n_stages": 3, "features_per_stage": [8, 16, 32], "strides": [[1, 1], [2, 2], [2, 2]]},
    }
    usual = {"data_identifier": data, "batch_size": 2, "patch_size": [16, 16], "spacing": [1.0, 1.0]}
    return {**usual, "normalization_schemes": ["ZScoreNormalization"], "architecture": network, **changes}


class Planner:
    """Takes the place of nnU-Net's processes.

    Attributes
    ----------
    configurations
        Configuration → what it differs in from `configuration`.
    started
        Name and arguments of each command.
    preprocessed
        Configuration and cases of each preprocessing.
    before
        Called before each file of a case is written, with the configuration and the case; it may raise.
    """

    def __init__(self) -> None:
        self.configurations: dict[str, dict[str, Any]] = {"2d": {}}
        self.started: list[tuple[str, ...]] = []
        self.preprocessed: list[tuple[str, list[str]]] = []
        self.before: Stop = lambda configuration, case: None
        self.intensity = 0.0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Planner:
        """Take nnU-Net's place."""
        monkeypatch.setattr(commands, "run_nnunet", self.run)
        return self

    def run(self, name: str, arguments: Sequence[str], paths: Paths, **_: Any) -> None:
        """Run a command."""
        self.started.append((name, *arguments))
        number = int(arguments[arguments.index("-d") + 1])
        (raw,) = paths.require("raw").glob(f"Dataset{number:03d}_*")
        folder = paths.require("preprocessed") / raw.name
        work = {
            "nnUNetv2_plan_and_preprocess": self._plan,
            "nnUNetv2_extract_fingerprint": self._fingerprint,
            "nnUNetv2_preprocess": self._preprocess,
        }
        work[name](Dataset.open(raw), folder, arguments)

    def _fingerprint(self, dataset: Dataset, folder: Path, _: Sequence[str] = ()) -> None:
        fingerprint = folder / "dataset_fingerprint.json"
        if not fingerprint.exists():
            fingerprint.write_text(json.dumps({"spacings": [[1, 1, 1]] * len(dataset.cases())}))

    def _plan(self, dataset: Dataset, folder: Path, arguments: Sequence[str]) -> None:
        given = dict(itertools.pairwise(arguments))
        name = given.get("-overwrite_plans_name", "nnUNetPlans")
        self._fingerprint(dataset, folder)
        shutil.copyfile(dataset.path / "dataset.json", folder / "dataset.json")
        file = folder / f"{name}.json"
        old = json.loads(file.read_text())["configurations"] if file.exists() else {}
        new = {each: configuration(f"{name}_{each}", **how) for each, how in self.configurations.items()}
        if "-gpu_memory_target" in given:
            new["2d"]["batch_size"] = float(given["-gpu_memory_target"])
        plans = {
            "configurations": {**new, **{each: found for each, found in old.items() if each not in new}},
            "foreground_intensity_properties_per_channel": {"0": {"mean": self.intensity}},
        }
        file.write_text(json.dumps(plans))

    def _preprocess(self, dataset: Dataset, folder: Path, arguments: Sequence[str]) -> None:
        given = dict(itertools.pairwise(arguments))
        plans = json.loads((folder / f"{given['-plans_name']}.json").read_text())["configurations"]
        listed = json.loads((folder / "dataset.json").read_text()).get("dataset")
        cases = list(listed or dataset.cases())
        for name in arguments[arguments.index("-c") + 1 :]:
            self.preprocessed.append((name, cases))
            target = folder / plans[name]["data_identifier"]
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for case in cases:
                self.before(name, case)
                (target / f"{case}.b2nd").write_bytes(WHOLE)
                (target / f"{case}_seg.b2nd").write_bytes(WHOLE)
                content = [path.read_bytes() for path in (*dataset.stored_images(case), dataset.label_file(case))]
                made_of = [zlib.crc32(data) for data in content]
                (target / f"{case}.pkl").write_bytes(pickle.dumps((made_of, plans[name]["spacing"])))
        (folder / "gt_segmentations").mkdir(exist_ok=True)
        for case in dataset.cases():
            shutil.copyfile(dataset.label_file(case), folder / "gt_segmentations" / dataset.label_file(case).name)
