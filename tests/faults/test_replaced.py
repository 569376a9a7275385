"""A dataset that is replaced while a command reads it: the command refuses and never mixes the two."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.augment import planning, runner
from segconv.cli import labels
from segconv.convert.back import restore
from segconv.convert.judge import headers
from segconv.convert.scans import datasets
from segconv.dataset import counts, edit, regions
from segconv.errors import SegconvError
from segconv.flows import plan as plan_flow
from segconv.flows import ready
from segconv.flows.stress.plan import plan_stress
from segconv.flows.stress.run import run_stress
from segconv.review.check import dataset_check
from segconv.review.scores import opened_label
from segconv.train import commands, predict
from segconv.work import staging

from ..command import Command, Done
from ..train.checkpoints import checkpoint
from . import stub
from .worlds import tree

OLD = ("--labels", "background=0,disc=128,ring=255")
NEW = ("--labels", "background=0,ring=128,disc=255")
SIZE = (12, 10)


@pytest.fixture
def dataset(tmp_path: Path, segconv: Command) -> Path:
    """A dataset, and next to the three folders one of the same name whose labels mean something else."""
    root = png_shapes(tmp_path / "src", cases=2, tests=0, size=SIZE)
    for labels_ in (NEW, OLD):
        done = segconv("convert", root, "--to", "9_A", *labels_)
        assert done.code == 0, done.err
        if labels_ is NEW:
            (segconv.raw / "Dataset009_A").rename(tmp_path / "new")
    model = tmp_path / "nnUNet_results" / "Dataset009_A" / "nnUNetTrainer__nnUNetPlans__2d"
    (model / "fold_0").mkdir(parents=True)
    (model / "fold_0" / "checkpoint_final.pth").write_bytes(checkpoint())
    (model / "plans.json").write_text('{"configurations": {}}')
    return segconv.raw / "Dataset009_A"


def replaced(dataset: Path) -> None:
    """Put the other dataset in its place, as a replacement does."""
    dataset.rename(dataset.parents[1] / "was")
    (dataset.parents[1] / "new").rename(dataset)


Words = tuple[object, ...]
# Command → what it calls once it has read something of the dataset, and before it has read the rest or written.
MOMENTS: dict[str, tuple[Words, object, str]] = {
    "augment, while planning": (("augment", 9, "--to", "109_B", "--rotate", 90), planning, "unfit_names"),
    "augment": (("augment", 9, "--to", "109_B", "--rotate", 90), staging, "begin"),
    "augment, at its end": (("augment", 9, "--to", "109_B", "--rotate", 90), runner, "_folds"),
    "check": (("check", 9), dataset_check, "take_inventory"),
    "check --quick": (("check", 9, "--quick"), dataset_check, "judge_fold_files"),
    "plan": (("plan", 9, "-j", 1), stub, "_preprocess"),
    "plan, while checking": (("plan", 9, "-j", 1), dataset_check, "take_inventory"),
    "plan, before it is locked": (("plan", 9, "-j", 1), plan_flow, "locked"),
    "restore, while planning": (("restore", "predictions", "--like", 9, "-o", "out"), restore, "files_of"),
    "restore": (("restore", "predictions", "--like", 9, "-o", "out"), staging, "begin"),
    "convert, while planning": (("convert", "DATASET", "--to", "10_C"), headers, "judge_pictures"),
    "convert": (("convert", "DATASET", "--to", "10_C"), staging, "begin"),
    "convert --link hard": (("convert", "DATASET", "--to", "10_C", "--link", "hard"), staging, "begin"),
    "repair": (("repair", 9, "--to", "10_C"), staging, "begin"),
    "labels show": (("labels", "show", 9), labels, "_voxels"),
    "labels rename": (("labels", "rename", 9, "disc=plate"), edit, "locked"),
    "labels regions": (("labels", "regions", 9, "figure=1+2", "ring=ring", "--force"), edit, "locked"),
    "labels regions, while planning": (("labels", "regions", 9, "x=disc", "--force"), regions, "parse_regions"),
    "labels remap": (("labels", "remap", 9, "--to", "10_C", "--map", "ring=disc"), datasets, "read_json"),
    "infer": (("infer", 9, "-c", "2d", "-f", 0, "--device", "cpu", "--trust-model", "-i", "src/png/training/input",
               "-o", "out"), stub, "_predict"),
    "infer --raw-output": (("infer", 9, "-c", "2d", "-f", 0, "--device", "cpu", "--trust-model", "-i",
                            "src/png/training/input", "-o", "out", "--raw-output"), stub, "_predict"),
    "evaluate": (("evaluate", "predictions", "DATASET/labelsTr"), opened_label, "open_file"),
}  # fmt: skip


def disturbed(
    segconv: Command,
    words: Words,
    where: object,
    name: str,
    change: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> Done:
    """Run a command that finds a change made at one moment, once."""
    call = getattr(where, name)
    pending = [change]

    def late(*args: Any, **how: Any) -> Any:
        while pending:
            pending.pop()()
        return call(*args, **how)

    monkeypatch.chdir(segconv.folder)
    for room in (commands, predict):
        monkeypatch.setattr(room, "run_nnunet", stub.run)
    monkeypatch.setattr(where, name, late)
    dataset = segconv.raw / "Dataset009_A"
    done = segconv(*(str(word).replace("DATASET", str(dataset)) for word in words), "-q")
    assert not pending, "the moment came"
    return done


def _marked(moment: str) -> Any:
    """A moment of a command that needs nnU-Net says so."""
    return pytest.param(moment, marks=pytest.mark.train) if moment.startswith(("infer", "plan", "stress")) else moment


@pytest.mark.parametrize("moment", [_marked(moment) for moment in MOMENTS])
def test_nothing_is_made_of_two_datasets(
    moment: str, dataset: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, where, name = MOMENTS[moment]
    shutil.copytree(dataset / "labelsTr", segconv.folder / "predictions")
    new = tree(segconv.folder / "new")
    done = disturbed(segconv, words, where, name, lambda: replaced(dataset), monkeypatch)
    assert (done.code, done.codes()) == (65, ["SC062"]), done.err
    assert str(dataset) in done.err
    assert "Hint: run the same command again" in done.err
    assert done.out == "" or words[0] == "labels", "an edit is shown before it is made, and else nothing"
    assert tree(dataset) == new, "and nothing written into the new one"
    made = [path.name for path in segconv.raw.iterdir() if not path.name.startswith(".segconv-")]
    assert made == ["Dataset009_A"]
    assert not (segconv.folder / "out").exists()


@pytest.mark.parametrize(
    "moment",
    [_marked(m) for m in ("augment", "check", "convert", "restore", "repair", "infer", "infer --raw-output")],
)
def test_an_edit_of_its_labels_is_seen_as_well(
    moment: str, dataset: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, where, name = MOMENTS[moment]
    shutil.copytree(dataset / "labelsTr", segconv.folder / "predictions")

    def renamed() -> None:
        edit.apply_edit(edit.plan_rename(dataset, {"disc": "plate"}))

    done = disturbed(segconv, words, where, name, renamed, monkeypatch)
    assert (done.code, done.codes()) == (65, ["SC062"]), done.err
    assert "dataset.json is not the same" in done.err
    done = segconv(*(str(word).replace("DATASET", str(dataset)) for word in words))
    assert done.code == 0, done.err


def test_a_stress_test_of_two_datasets_measures_nothing(dataset: Path, tmp_path: Path) -> None:
    from segconv.dataset.layout import Dataset

    opened = Dataset.open(dataset)

    def predictor(model: str, fold: str, inputs: Path, output: Path) -> None:
        stub._predict(inputs, output)
        if model == "second":
            replaced(dataset)

    planned = plan_stress(opened, ["first", "second"], tmp_path / "work", cases={"0": opened.cases()}, angles_deg=[90])
    with pytest.raises(SegconvError) as caught:
        run_stress(planned, predictor)
    assert caught.value.code == "SC062"
    assert not (tmp_path / "work").exists()


def test_a_label_that_is_edited_under_a_stress_test_is_seen(dataset: Path, tmp_path: Path) -> None:
    from segconv.dataset.layout import Dataset

    opened = Dataset.open(dataset)
    label = opened.label_file(opened.cases()[0])

    def predictor(model: str, fold: str, inputs: Path, output: Path) -> None:
        stub._predict(inputs, output)
        label.write_bytes(label.read_bytes())

    planned = plan_stress(opened, ["it"], tmp_path / "work", cases={"0": opened.cases()}, angles_deg=[90])
    with pytest.raises(SegconvError) as caught:
        run_stress(planned, predictor)
    assert caught.value.code == "SC062"
    assert label.name in caught.value.message


@pytest.mark.train
def test_folds_are_judged_by_the_lineage_of_one_dataset(
    dataset: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = segconv.folder / "nnUNet_preprocessed" / "Dataset009_A"
    planned.mkdir()
    (planned / "nnUNetPlans.json").write_text('{"configurations": {"2d": {}}}')
    words = ("train", 9, "-c", "2d", "-f", 0, "--device", "cpu")
    done = disturbed(segconv, words, ready, "_found", lambda: replaced(dataset), monkeypatch)
    assert (done.code, done.codes()) == (65, ["SC062"]), done.err


def test_counts_of_ignored_voxels_are_of_one_dataset(
    dataset: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = segconv.folder / "new"
    for folder in (dataset, new):
        listed = folder / "dataset.json"
        listed.write_text(listed.read_text().replace('"ring"' if folder is dataset else '"disc"', '"ignore"'))
    words = ("labels", "ignore", 9)
    done = disturbed(segconv, words, counts, "read_records", lambda: replaced(dataset), monkeypatch)
    assert (done.code, done.codes(), done.out) == (65, ["SC062"], ""), done.err
