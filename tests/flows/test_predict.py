"""Models from elsewhere: exported with checksums, judged as a whole, and predicted with from wherever they are."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import io

from segconv.train import untrusted_models

from ..command import Done, tree_hash
from .predictor import MODEL
from .test_infer import NAMES, World, best_is_an_ensemble, template, world

__all__ = ["template", "world"]

pytestmark = pytest.mark.train


class Touches:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def models(world: World) -> Path:
    """The folder of a dataset's trained models, complete enough to be exported."""
    results = world.folder / "nnUNet_results" / world.dataset.name
    for model in results.glob("*__*__*"):
        shutil.copyfile(world.dataset / "dataset.json", model / "dataset.json")
    return results


@pytest.fixture
def archive(world: World, models: Path) -> Path:
    """An archive of them, which is all that is left of them."""
    done = world.segconv("models", "export", 501, "-o", world.folder / "model.zip")
    assert done.code == 0, done.err
    shutil.rmtree(models)
    return world.folder / "model.zip"


def predict(world: World, model: Path, *more: object) -> Done:
    words = ["predict", model, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model", "-j", 1]
    return world.segconv(*words, *more)


def values(folder: Path) -> dict[str, list[int]]:
    return {path.name: np.unique(io.imread(path)).tolist() for path in sorted(folder.glob("*.png"))}


def test_an_exported_archive_predicts_in_the_users_values_and_leaves_nothing_unpacked(
    world: World, archive: Path
) -> None:
    shutil.rmtree(world.dataset)
    done = predict(world, archive)
    assert done.code == 0, done.err
    assert values(world.output) == {name: [0, 128, 255] for name in NAMES}
    assert world.hidden() == []
    assert predict(world, archive, "--overwrite").code == 0


def test_a_killed_prediction_with_an_archive_is_resumed(world: World, archive: Path) -> None:
    from .predictor import LIMIT_S, wait_until
    from .test_infer import when_free

    words = ["predict", archive, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model", "-j", 1]
    run = world.predictor.start(*words, env={"nnUNet_program": "wait"})
    wait_until(lambda: world.predictor.begun() or run.poll() is not None)
    run.kill()
    run.communicate(timeout=LIMIT_S)
    done = when_free(lambda: predict(world, archive))
    assert done.code == 0, done.err
    assert len(world.predictor.asked) == 1, "all had been predicted"
    assert world.hidden() == []


def test_a_model_of_somebody_else_predicts_in_its_own_values(world: World, models: Path) -> None:
    shutil.copytree(models / MODEL, world.folder / "elsewhere" / MODEL)
    for model in (world.folder / "elsewhere" / MODEL, models):
        assert predict(world, model, "--overwrite").code == 0
        assert values(world.output) == {name: [0, 1, 2] for name in NAMES}


def test_an_archive_has_what_predicts_and_neither_pickles_nor_paths(world: World, models: Path) -> None:
    best_is_an_ensemble(world, {"labels_or_regions": 1})
    shutil.copyfile(world.dataset / "dataset.json", models / MODEL.replace("2d", "3d_lowres") / "dataset.json")
    (models / "ensembles" / "postprocessing.pkl").write_bytes(b"")
    said = json.loads((models / "inference_information.json").read_text())
    said["best_model_or_ensemble"]["postprocessing_file"] = str(models / "postprocessing.pkl")
    (models / "inference_information.json").write_text(json.dumps(said))
    summary = {"mean": {"1": {"Dice": 0.5}}, "metric_per_case": [{"prediction_file": str(models / "patient.png")}]}
    (models / MODEL / "fold_0" / "validation").mkdir()
    (models / MODEL / "fold_0" / "validation" / "summary.json").write_text(json.dumps(summary))
    description = json.loads((models / MODEL / "dataset.json").read_text())
    located = {**description, "dataset": {"patient": {"images": [str(models / "patient.png")]}}}
    (models / MODEL / "dataset.json").write_text(json.dumps(located))
    paths = [world.folder / name for name in ("first.zip", "second.zip")]
    for path in paths:
        assert world.segconv("models", "export", 501, "-o", path).code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as opened:
        names = {name.partition("/")[2] for name in opened.namelist()}
        content = b"".join(opened.read(name) for name in opened.namelist())
        assert str(world.folder).encode() not in content
        assert b"patient.png" not in content
        assert json.loads(opened.read(f"{D}/{MODEL}/dataset.json")) == description
    (ensemble,) = (path.name for path in (models / "ensembles").glob("ensemble___*"))
    assert names == {
        *(f"{MODEL.replace('2d', c)}/{file}" for c in ("2d", "3d_lowres") for file in ("dataset.json", "plans.json")),
        *(f"{MODEL.replace('2d', c)}/fold_0/checkpoint_final.pth" for c in ("2d", "3d_lowres")),
        f"{MODEL}/fold_0/validation/summary.json",
        f"ensembles/{ensemble}/postprocessing.json",
        "inference_information.json",
        "segconv/models.json",
        "segconv/run.json",
    }
    assert world.segconv("models", "export", 501, "-o", paths[0]).codes() == ["SC020"]
    (world.folder / "mine.zip").write_text("mine")
    assert world.segconv("models", "export", 501, "-o", world.folder / "mine.zip", "--overwrite").codes() == ["SC020"]
    one = world.folder / "one.zip"
    assert world.segconv("models", "export", 501, "-c", "2d", "-o", one).code == 0
    with zipfile.ZipFile(one) as opened:
        assert not [name for name in opened.namelist() if "ensemble" in name or "inference" in name]


def test_what_was_exported_is_imported_as_it_was(world: World, models: Path) -> None:
    best_is_an_ensemble(world)
    shutil.copyfile(world.dataset / "dataset.json", models / MODEL.replace("2d", "3d_lowres") / "dataset.json")
    before = {name: tree_hash(models / name) for name in (MODEL, "ensembles")}
    done = world.segconv("models", "export", 501, "-o", world.folder / "model.zip")
    digest = done.out.split()[0]
    assert world.segconv("models", "import", world.folder / "model.zip", "--trust-model").codes() == ["SC020"] * 3
    assert {name: tree_hash(models / name) for name in before} == before
    shutil.rmtree(models)
    wrong = world.segconv("models", "import", world.folder / "model.zip", "--trust-model", "--sha256", "0" * 64)
    assert wrong.codes() == ["SC125"]
    done = world.segconv("models", "import", world.folder / "model.zip", "--trust-model", "--sha256", digest)
    assert done.code == 0, done.err
    assert {name: tree_hash(models / name) for name in before} == before
    assert [path.name for path in models.parent.iterdir()] == [models.name]
    done = world.segconv("infer", 501, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model")
    assert done.code == 0, done.err
    assert world.predictor.averaged
    assert "SC123" not in done.err, "nothing was trained since"


def test_models_are_added_to_those_that_are_there(world: World, models: Path, archive: Path) -> None:
    world.predictor.trains(models.parent, models.name, "3d_lowres")
    assert world.segconv("models", "import", archive, "--trust-model").code == 0
    assert {path.name for path in models.glob("*__*")} == {MODEL, MODEL.replace("2d", "3d_lowres")}
    shutil.rmtree(models / MODEL)
    again = world.segconv("models", "import", archive, "--trust-model")
    assert again.code == 0, again.err
    assert "run.json: left out" in again.err


def changed(archive: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """Write an archive anew with other files."""
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    change(files)
    with zipfile.ZipFile(archive, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return archive


D = "Dataset501_Shapes"
SPOILT: list[tuple[str, Callable[[dict[str, bytes]], object]]] = [
    ("SC125", lambda files: files.update({f"{D}/{MODEL}/fold_0/checkpoint_final.pth": b"other weights"})),
    ("SC125", lambda files: files.pop(f"{D}/{MODEL}/dataset.json")),
    ("SC125", lambda files: files.update({f"{D}/{MODEL}/fold_1/checkpoint_final.pth": b"more"})),
    ("SC125", lambda files: files.update({f"{D}/{MODEL}/run.py": b"import os"})),
    ("SC125", lambda files: files.update({"Dataset502_Other/x__y__z/plans.json": b"{}"})),
    ("SC125", lambda files: files.update({".bashrc": b""})),
    ("SC060", lambda files: files.update({f"{D}/../../x": b""})),
    ("SC085", lambda files: files.update({f"{D}/{MODEL}/PLANS.json": b"{}"})),
    ("SC086", lambda files: files.update({f"{D}/segconv/models.json": b"{}"})),
]


@pytest.mark.parametrize(("code", "spoil"), SPOILT)
def test_an_archive_that_is_not_what_it_says_is_refused_before_anything_is_put_in_place(
    world: World, models: Path, archive: Path, code: str, spoil: Callable[[dict[str, bytes]], object]
) -> None:
    changed(archive, spoil)
    before = tree_hash(world.folder)
    done = world.segconv("models", "import", archive, "--trust-model")
    assert set(done.codes()) == {code}, done.err
    assert set(predict(world, archive).codes()) == {code}
    assert tree_hash(world.folder) == before
    assert world.predictor.asked == []


def test_an_archive_of_nnunet_has_no_checksums_and_its_pickles_stay_where_they_are(
    world: World, models: Path, archive: Path
) -> None:
    touched = world.folder / "touched"
    pickled = f"{D}/{MODEL}/crossval_results_folds_0/postprocessing.pkl"

    def of_nnunet(files: dict[str, bytes]) -> None:
        del files[f"{D}/segconv/models.json"], files[f"{D}/segconv/run.json"]
        files[pickled] = pickle.dumps(Touches(touched))
        files[f"{D}/{MODEL}/fold_0/debug.json"] = b"{}"

    changed(archive, of_nnunet)
    assert world.segconv("models", "show", archive).out.count("\n") == 6
    done = predict(world, archive)
    assert done.code == 0, done.err
    assert values(world.output) == {name: [0, 1, 2] for name in NAMES}
    assert world.segconv("models", "import", archive, "--trust-model").err.count("Warning SC125") == 2
    assert (models / MODEL / "plans.json").is_file()
    assert not (models / MODEL / "crossval_results_folds_0").exists()
    assert not touched.exists()


def test_what_is_for_people_is_left_out_of_an_archive(world: World, models: Path, archive: Path) -> None:
    def commented(files: dict[str, bytes]) -> None:
        files.update({"README.md": b"", f"{D}/LICENSE": b"", "__MACOSX/._x": b"", f"{D}/{MODEL}/.DS_Store": b""})

    changed(archive, commented)
    done = world.segconv("models", "import", archive, "--trust-model")
    assert done.code == 0, done.err
    assert "4 files (" in done.err
    assert not [path for path in models.parent.rglob("*") if path.name in ("README.md", "LICENSE", ".DS_Store")]


def test_models_that_hold_code_are_refused_unless_they_are_trusted(
    world: World, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(untrusted_models, "refuse_more_than_tensors", lambda path: looked.append(path.name))
    words = ["-i", world.pictures, "-o", world.output, "--device", "cpu"]
    assert world.segconv("predict", archive, *words).code == 0
    assert looked[0] == "checkpoint_final.pth"

    def foreign(files: dict[str, bytes]) -> None:
        plans = {"dataset_name": D, "configurations": {"2d": {"architecture": {"network_class_name": "mine.Net"}}}}
        files[f"{D}/{MODEL}/plans.json"] = json.dumps(plans).encode()
        del files[f"{D}/segconv/models.json"]

    changed(archive, foreign)
    for more in ((), ("--trust-model",)):
        done = world.segconv("predict", archive, *words, "--overwrite", *more)
        assert done.codes() == ["SC064"]
        assert "--allow-module" in done.err


def test_a_model_among_several_is_chosen_or_asked_for(world: World, models: Path) -> None:
    world.predictor.trains(models.parent, models.name, "3d_lowres")
    lowres = models / MODEL.replace("2d", "3d_lowres")
    shutil.copyfile(world.dataset / "dataset.json", lowres / "dataset.json")
    done = predict(world, models)
    assert done.codes() == ["SC010"]
    assert "Hint: -c 2d, or -c 3d_lowres\n" in done.err
    assert predict(world, models, "-c", "3d_lowres").code == 0
    assert world.predictor.models == [lowres.name]
    done = predict(world, models, "-c", "3d_fullres")
    assert (done.codes(), "Hint: -c 2d, or -c 3d_lowres\n" in done.err) == (["SC010"], True)
    for nothing in ("nowhere.zip", "empty"):
        (world.folder / "empty").mkdir(exist_ok=True)
        done = predict(world, world.folder / nothing)
        assert done.codes() == ["SC010"]
        assert "segconv train" not in done.err, "it may be a model of others, and is none of the user's datasets"


def test_no_folder_of_nnunet_is_needed(world: World, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name)
    done = predict(world, archive)
    assert done.code == 0, done.err
