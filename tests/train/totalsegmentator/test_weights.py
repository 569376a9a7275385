"""The models that tasks need, held against TotalSegmentator's own code, and what is on the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Refused, SegconvError
from segconv.train.totalsegmentator import registry
from segconv.train.totalsegmentator.weights import (
    MODES,
    Needed,
    complete_models,
    home_folder,
    look,
    modes_of,
    needed,
    weights_folder,
)

from ...command import Command

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

BROKEN = "test"
"""A task without weights, whose crop is a word where TotalSegmentator expects a list of classes."""


def asked() -> Iterator[tuple[str, str, bool]]:
    """Every task, mode and subset that can be asked for."""
    for task in registry.tasks():
        for mode in MODES:
            for roi_subset in (False, True):
                if task.name != BROKEN and not refused(task.name, mode, roi_subset):
                    yield task.name, mode, roi_subset


def refused(task: str, mode: Any, roi_subset: bool) -> bool:
    try:
        needed(task, mode, roi_subset=roi_subset)
    except SegconvError:
        return True
    return False


def test_models_are_those_that_totalsegmentator_takes(tmp_path: Path) -> None:
    settings = {
        "totalseg_id": "x",
        "send_usage_stats": False,
        "prediction_counter": 0,
        "statistics_disclaimer_shown": 1,
    }
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    wanted = list(asked())
    lines = []
    for task, mode, roi_subset in wanted:
        options: dict[str, Any] = {} if mode == "normal" else {mode: True}
        if roi_subset:
            options["roi_subset"] = [next(iter(registry.find_task(task).classes.values()))]
        lines.append(json.dumps([task, options]))
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("needs_program.py")],
        input="\n".join(lines),
        env={**os.environ, "TOTALSEG_HOME_DIR": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(wanted) > 100
    for (task, mode, roi_subset), predicted in zip(wanted, answers, strict=True):
        theirs = {
            (number, f"{trainer}__{plans}__{model}", tuple(folds or ()))
            for number, trainer, model, folds, plans in predicted
        }
        ours = {(m.number, m.name, m.folds) for m in needed(task, mode, roi_subset=roi_subset)}
        assert ours == theirs, (task, mode, roi_subset)


def test_what_totalsegmentator_refuses_is_refused() -> None:
    assert refused("lung_nodules", "fast", False)
    assert refused("lung_vessels", "normal", True)
    assert modes_of("total") == MODES
    assert (modes_of("body"), modes_of("teeth")) == (("normal", "fast"), ("normal",))


def test_the_folder_is_where_totalsegmentator_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights_folder({}) == tmp_path / ".totalsegmentator" / "nnunet" / "results"
    assert weights_folder({"TOTALSEG_HOME_DIR": "/a"}) == Path("/a/nnunet/results")
    assert weights_folder({"TOTALSEG_HOME_DIR": "/a", "TOTALSEG_WEIGHTS_PATH": "/b"}) == Path("/b")
    monkeypatch.setenv("HOME", "/")
    assert home_folder({}) == Path(os.sep, "tmp", ".totalsegmentator")


def put(folder: Path, model: Needed) -> Path:
    """Make the files of a model, without anything in them that a network needs."""
    own = folder / model.folder / model.name
    for fold in model.folds or (0, 3):
        (own / f"fold_{fold}").mkdir(parents=True)
        with zipfile.ZipFile(own / f"fold_{fold}" / "checkpoint_final.pth", "w") as archive:
            archive.writestr("data.pkl", b"weights")
    for name in ("plans.json", "dataset.json"):
        (own / name).write_text("{}", encoding="utf-8")
    return own


def test_missing_incomplete_and_complete_models_are_distinguished(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path))
    done = segconv("totalseg", "weights", "lung_vessels", "--json")
    (listed,) = done.json["tasks"]
    assert (done.code, listed["complete"], done.json["folder"]) == (1, False, str(tmp_path))
    assert [(m["number"], m["purpose"], m["state"]) for m in listed["models"]] == [
        (117, "segments", "missing"),
        (297, "crops", "missing"),
    ]
    segments, crops = needed("lung_vessels")
    own = put(tmp_path, segments)
    (tmp_path / crops.folder).mkdir()
    assert [model.state for model in look((segments, crops), tmp_path)] == ["complete", "incomplete"]
    assert segconv("totalseg", "weights").code == 1
    (tmp_path / crops.folder).rmdir()
    assert segconv("totalseg", "weights").code == 0, "what is missing is no error if no task is named"
    put(tmp_path, crops)
    assert complete_models((segments, crops), tmp_path) == [own.parent, tmp_path / crops.folder]
    done = segconv("totalseg", "weights", "lung_vessels", "total", "--fast")
    assert (done.code, done.out.count("\tcomplete\t")) == (0, 3)

    checkpoint = own / "fold_0" / "checkpoint_final.pth"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-10])
    (own / "plans.json").unlink()
    (tmp_path / f"{crops.folder}_v204").mkdir()
    with pytest.raises(Refused) as caught:
        complete_models((segments, crops), tmp_path)
    first, second = caught.value.findings
    assert (first.code, first.file) == ("SC192", str(own.parent))
    assert "plans.json" in first.message
    assert "fold_0/checkpoint_final.pth" in first.message
    other = tmp_path / f"{crops.folder}_v204"
    assert other.name in second.message
    assert (first.hint.split("; ")[0], second.hint) == (f"move {own.parent} away", f"move {other} away")
    assert (bool(first.cures), second.cures) == (True, ())
    done = segconv("totalseg", "weights", "total", "--fast")
    assert f"move {other} away: TotalSegmentator finds it in place of {crops.folder}" in done.err
    assert "https" not in done.err
    assert "Next: segconv totalseg install FILE.zip" in segconv("totalseg", "weights", "lung_vessels").err


def test_folds_that_are_not_listed_are_those_that_exist(tmp_path: Path) -> None:
    (model,) = needed("brain_aneurysm")
    assert model.folds == ()
    own = put(tmp_path, model)
    assert look((model,), tmp_path)[0].state == "complete"
    (own / "fold_3" / "checkpoint_final.pth").write_bytes(b"cut")
    assert look((model,), tmp_path)[0].lacking == (f"{model.name}/fold_3/checkpoint_final.pth",)


def test_a_subset_brings_the_model_that_images_are_cropped_with(segconv: Command) -> None:
    done = segconv("totalseg", "weights", "total", "--fastest", "--roi-subset", "liver", "--json")
    assert [model["number"] for model in done.json["tasks"][0]["models"]] == [298]
    done = segconv("totalseg", "weights", "total", "--fast", "--roi-subset", "liver", "--json")
    assert [model["number"] for model in done.json["tasks"][0]["models"]] == [297, 298]
    wrong = segconv("totalseg", "weights", "total", "--roi-subset", "livr")
    assert (wrong.code, wrong.codes()) == (2, ["SC191"])
    assert "liver" in wrong.err
    assert segconv("totalseg", "weights", "total", "--fast", "--fastest").code == 2


def test_a_licence_number_that_is_needed_and_not_set_is_named(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", str(tmp_path / "weights"))
    assert "no licence number is set" in segconv("totalseg", "weights", "tissue_types").err
    assert "licence number" not in segconv("totalseg", "weights", "total").err
    (tmp_path / "config.json").write_text(json.dumps({"license_number": "aca_0123456789ABCD"}), encoding="utf-8")
    assert "no licence number" not in segconv("totalseg", "weights", "tissue_types").err
    assert segconv("totalseg", "weights", "tissue_types", "--json").json["licence_number"] is True
