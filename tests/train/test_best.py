"""What nnU-Net found best is read from its file, and said again as commands that work."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train.best import Best, classes_without_score, nnunet_commands, outdated, read_best
from segconv.train.ensemble import Ensemble
from segconv.train.predict import CheckedModel

DATASET = "Dataset501_A"


def model_name(configuration: str) -> str:
    return f"T__P__{configuration}"


def said(*configurations: str, **other: Any) -> dict[str, Any]:
    models = [{"configuration": c, "trainer": "T", "plans_identifier": "P"} for c in configurations]
    best = {"result_on_crossval_pre_pp": 0.5, "result_on_crossval_post_pp": 0.6, "selected_model_or_models": models}
    return {"folds": [0, 1], "all_results": {"x": 0.5}, "best_model_or_ensemble": best, **other}


def found(folder: Path, content: Any) -> Best | None:
    folder.mkdir(exist_ok=True)
    (folder / "inference_information.json").write_text(json.dumps(content))
    return read_best(folder)


def best_of(folder: Path, *configurations: str) -> Best:
    best = found(folder, said(*configurations))
    assert best is not None
    return best


def checked(folder: Path, *stages: str) -> CheckedModel:
    """Return a model after its first stages."""
    previous = None
    for stage in stages:
        previous = CheckedModel(folder / model_name(stage), DATASET, ("0", "1"), "checkpoint_final.pth", previous)
    assert previous is not None
    return previous


def test_a_model_or_an_ensemble_is_found_with_its_files_wherever_it_was_trained(tmp_path: Path) -> None:
    folder = tmp_path / DATASET
    one = best_of(folder, "2d")
    assert (one.name, one.folds) == ("T__P__2d", ("0", "1"))
    assert one.source == folder / "T__P__2d" / "crossval_results_folds_0_1"
    two = best_of(folder, "2d", "3d_fullres")
    assert two.source == folder / "ensembles" / "ensemble___T__P__2d___T__P__3d_fullres___0_1"
    assert (two.dice, two.dice_postprocessed, two.scores) == (0.5, 0.6, {"x": 0.5})


def test_nothing_was_found_yet(tmp_path: Path) -> None:
    assert read_best(tmp_path) is None


@pytest.mark.parametrize(
    "content", [[], {}, said(), said("../../elsewhere"), said("2d", folds=["x"]), said("2d", folds=[])]
)
def test_a_file_that_nnunet_did_not_write_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(SegconvError) as caught:
        found(tmp_path / DATASET, content)
    assert caught.value.code == "SC086"


def test_a_score_that_is_not_a_number_is_read(tmp_path: Path) -> None:
    best = found(tmp_path / DATASET, said("2d", all_results={"x": float("nan")}))
    assert best is not None
    assert best.scores["x"] != best.scores["x"]
    summary = tmp_path / "summary.json"
    summary.write_text('{"mean": {"1": {"Dice": 0.5}, "(1, 2)": {"Dice": NaN}}}')
    assert classes_without_score(summary) == ["(1, 2)"]


def test_nnunets_commands_for_a_cascade_begin_with_its_first_stage(tmp_path: Path) -> None:
    best = best_of(tmp_path / DATASET, "2d", "3d_cascade_fullres")
    plans = {"configurations": {"2d": {}, "3d_lowres": {}, "3d_cascade_fullres": {"previous_stage": "3d_lowres"}}}
    for name in plans["configurations"]:
        (best.folder / model_name(name)).mkdir()
        (best.folder / model_name(name) / "plans.json").write_text(json.dumps(plans))
    common = f"-d {DATASET} -f 0 1 -tr T -p P"
    first, low, full, merged, last = nnunet_commands(best)
    assert first == f"nnUNetv2_predict -i INPUT -o PREDICTIONS_1 {common} -c 2d --save_probabilities"
    assert low == f"nnUNetv2_predict -i INPUT -o 3D_LOWRES_2 {common} -c 3d_lowres"
    assert full == (
        f"nnUNetv2_predict -i INPUT -o PREDICTIONS_2 {common} -c 3d_cascade_fullres"
        " -prev_stage_predictions 3D_LOWRES_2 --save_probabilities"
    )
    assert merged == "nnUNetv2_ensemble -i PREDICTIONS_1 PREDICTIONS_2 -o PREDICTIONS"
    assert shlex.split(last)[:5] == ["nnUNetv2_apply_postprocessing", "-i", "PREDICTIONS", "-o", "POSTPROCESSED"]
    single = nnunet_commands(best_of(best.folder, "3d_cascade_fullres"))
    outputs = [line.rpartition(" -o ")[2].split()[0] for line in single]
    assert outputs == ["3D_LOWRES", "PREDICTIONS", "POSTPROCESSED"]


def test_a_model_that_was_trained_again_is_reported(tmp_path: Path) -> None:
    best = best_of(tmp_path / DATASET, "3d_cascade_fullres")
    model = checked(best.folder, "3d_lowres", "3d_cascade_fullres")
    for stage in (model, model.previous):
        assert stage is not None
        for path in stage.checkpoints:
            path.parent.mkdir(parents=True)
            path.touch()
            os.utime(path, ns=(0, 0))
    assert outdated(best, Ensemble((model,))) == []
    assert model.previous is not None
    os.utime(model.previous.checkpoints[0], (best.file.stat().st_mtime + 9,) * 2)
    (warned,) = outdated(best, Ensemble((model,)))
    assert (warned.code, warned.file) == ("SC123", str(best.folder / model_name("3d_lowres")))
