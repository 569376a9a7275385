"""The whole examination, as the command shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.dataset.layout import Dataset
from segconv.train.doctor import packages
from segconv.train.doctor.examination import estimated_bytes

from ...command import Command

WELL = {"torch": "2.8.0", "cuda": None, "available": False, "gpus": [], "blosc2": "4.0", "blosc2_equal": True}


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which PyTorch and Blosc2 work, without loading them."""
    monkeypatch.setattr(packages, "probed", lambda folder, paths: WELL)


@pytest.mark.train
def test_a_machine_that_can_train_passes(segconv: Command) -> None:
    done = segconv("doctor")
    assert done.code == 0, done.err
    assert "\nok\tBlosc2\t4.0" in done.out
    said = json.loads(segconv("doctor", "--json").out)
    assert said["ok"]
    assert {look["subject"] for look in said["looks"]} >= {
        "Python",
        "nnunetv2",
        "PyTorch",
        "GPU",
        "folders",
        "variables",
    }


def test_each_problem_has_its_code_and_fix(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_raw", '"/data"')
    monkeypatch.setenv("nnUNet_def_n_proc", "all")
    done = segconv("doctor", "--json")
    said = json.loads(done.out)
    assert (done.code, said["ok"]) == (78, False)
    assert {"SC040", "SC141"} <= {finding["code"] for finding in said["findings"] if finding["severity"] == "error"}
    assert all(finding["hint"] for finding in said["findings"])


def test_the_disk_is_compared_with_the_dataset(segconv: Command, tmp_path: Path) -> None:
    assert (
        segconv(
            "convert",
            png_shapes(tmp_path / "src", size=(40, 30), cases=3, tests=0, values=(0, 1, 2)),
            "--to",
            "9",
            "-q",
        ).code
        == 0
    )
    dataset = Dataset.open(next(segconv.raw.glob("Dataset009*")))
    assert estimated_bytes(dataset) == 3 * 40 * 30 * 3 * 4
    assert "preprocessed" in segconv("doctor", "9").out
    assert segconv("doctor", "77").code == 66


def test_nothing_of_the_trial_stays(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def tried(folder: Path, paths: object) -> dict[str, object]:
        seen.append(folder)
        (folder / "array.b2nd").write_bytes(b"")
        return WELL

    monkeypatch.setattr(packages, "probed", tried)
    segconv("doctor")
    assert seen[0].is_relative_to(segconv.folder)
    assert not [path for path in segconv.folder.rglob("*") if "doctor" in path.name]
