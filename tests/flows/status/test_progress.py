"""`status` says how far a dataset is, what is stale, and what to type next; typing it goes on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.train.complete import Stored

from ...command import Command
from ...train.really_trained import DATASET, ReallyTrained

STAGES = ["raw", "checked", "split", "planned", "preprocessed", "trained", "best", "predicted"]


@pytest.fixture(autouse=True)
def remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home for what `status` remembers."""
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def shapes(segconv: Command, tmp_path: Path) -> Path:
    source = png_shapes(tmp_path / "src", size=(32, 24), cases=6, tests=2, values=(0, 1, 2))
    assert segconv("convert", source, "--to", "9_A", "-q").code == 0
    return segconv.raw / "Dataset009_A"


def states(segconv: Command, dataset: str = "9") -> tuple[dict[str, str], str]:
    done = segconv("status", dataset, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert [stage["name"] for stage in said["stages"]] == STAGES
    return {stage["name"]: stage["state"] for stage in said["stages"]}, said["next"]


def test_a_check_is_remembered_until_the_dataset_changes(segconv: Command, shapes: Path) -> None:
    found, following = states(segconv)
    assert (found["raw"], found["checked"], found["split"]) == ("done", "open", "done")
    assert following == "segconv check 9"
    assert segconv(*following.split()[1:]).code == 0
    found, following = states(segconv)
    assert (found["checked"], following) == ("done", "segconv plan 9")
    assert segconv("check", "9", "--quick").code == 0
    assert states(segconv)[0]["checked"] == "done"
    image = next((shapes / "imagesTr").iterdir())
    os.utime(image, ns=(1, 1))
    assert states(segconv)[0]["checked"] == "stale"
    image.write_bytes(b"no picture")
    assert segconv("check", "9").code == 1
    found, following = states(segconv)
    assert (found["checked"], following) == ("wrong", "segconv check 9")


def test_without_a_home_nothing_is_remembered_and_nothing_fails(
    segconv: Command, shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "missing"))
    assert segconv("check", "9").code == 0
    assert states(segconv)[0]["checked"] == "open"
    assert not (tmp_path / "missing").exists()


def test_folds_of_other_cases_and_leaking_folds_are_seen(segconv: Command, shapes: Path) -> None:
    splits = json.loads((shapes / "splits_final.json").read_text())
    moved = splits[0]["val"].pop()
    (shapes / "splits_final.json").write_text(json.dumps(splits[:1]))
    assert states(segconv)[0]["split"] == "stale"
    assert moved
    (shapes / "splits_final.json").write_text("{}")
    assert states(segconv)[0]["split"] == "wrong"
    (shapes / "splits_final.json").unlink()
    assert states(segconv)[0]["split"] == "open"


def test_nothing_is_written(segconv: Command, shapes: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in segconv.folder.rglob("*")}
    assert segconv("status", "9").code == segconv("status").code == 0
    assert {path: path.stat().st_mtime_ns for path in segconv.folder.rglob("*")} == before


def test_all_datasets_are_shown_even_those_that_cannot_be_read(segconv: Command, shapes: Path) -> None:
    broken = segconv.raw / "Dataset010_B"
    broken.mkdir()
    (broken / "dataset.json").write_text("{")
    done = segconv("status")
    assert done.code == 0, done.err
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert rows[0] == ["dataset", *STAGES, "next"]
    assert rows[1][0] == "Dataset009_A"
    assert rows[1][-1] == "segconv check 9"
    assert rows[2][:2] == ["Dataset010_B", "wrong"]


def test_no_dataset_at_all_is_no_error(segconv: Command) -> None:
    done = segconv("status")
    assert done.code == 0
    assert "Next: segconv convert" in done.err


@pytest.mark.train
def test_training_is_followed_to_predictions(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = really_trained.copied_to(tmp_path)
    for name, folder in trained.variables.items():
        monkeypatch.setenv(name, folder)
    trainer = "-tr nnUNetTrainer_1epoch"
    found, following = states(segconv, "4")
    assert (found["planned"], found["preprocessed"], found["trained"], found["best"]) == (
        "done",
        "done",
        "partly",
        "open",
    )
    assert following in (f"segconv train 4 -c {name} -f 2,3,4 {trainer}" for name in ("2d_small", "3d_small"))

    # With folds as many as were trained, the next step is the comparison, and then the prediction.
    splits = trained.root / "nnUNet_preprocessed" / DATASET / "splits_final.json"
    whole = json.loads(splits.read_text())
    two = [whole[0], {"train": whole[1]["train"], "val": whole[1]["val"]}]
    splits.write_text(json.dumps(two))
    found, following = states(segconv, "4")
    assert (found["trained"], found["best"], following) == ("done", "open", "segconv best 4")
    assert segconv(*following.split()[1:]).code == 0
    found, following = states(segconv, "4")
    assert (found["best"], found["predicted"]) == ("done", "open")
    assert following.startswith(f"segconv infer 4 -i {trained.root}/nnUNet_raw/{DATASET}/imagesTs -o ")
    monkeypatch.chdir(tmp_path)
    predicted = segconv(*following.split()[1:], "--device", "cpu", "--no-mirroring", "-j", "1")
    assert predicted.code == 0, predicted.err
    found, following = states(segconv, "4")
    assert (found["predicted"], following) == ("done", None)

    # What was trained again is to be compared again; the prediction that was removed, to be made again.
    os.utime(trained.model("2d_small") / "fold_0" / "checkpoint_final.pth")
    assert states(segconv, "4")[0]["best"] == "stale"
    shutil.rmtree(tmp_path / f"predictions_{DATASET}")
    assert states(segconv, "4")[0]["predicted"] == "open"


@pytest.mark.train
def test_missing_and_outdated_data_are_to_be_preprocessed_again(
    really_trained: ReallyTrained, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = really_trained.copied_to(tmp_path)
    for name, folder in trained.variables.items():
        monkeypatch.setenv(name, folder)
    data = trained.root / "nnUNet_preprocessed" / DATASET / "nnUNetPlans_2d"
    stored = Stored.of(data)
    (data / stored.files(min(stored.cases))[0]).unlink()
    found, following = states(segconv, "4")
    assert (found["preprocessed"], following) == ("partly", "segconv plan 4 -c 2d")
    shutil.rmtree(data)
    shutil.rmtree(data.with_name("nnUNetPlans_3d_fullres"))
    found, following = states(segconv, "4")
    assert (found["preprocessed"], following) == ("open", "segconv plan 4 -c 3d_fullres")
    shutil.copytree(really_trained.root / "nnUNet_preprocessed" / DATASET / data.name, data)
    (case, *_) = sorted((trained.root / "nnUNet_raw" / DATASET / "labelsTr").iterdir())
    case.write_bytes(case.read_bytes() + b"\0")
    found, following = states(segconv, "4")
    assert (found["preprocessed"], following) == ("stale", "segconv plan 4 -c 2d")
