"""Preprocessed cases from elsewhere: nothing in them is run, neither here nor by nnU-Net's loader."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segconv.errors import Cure, SegconvError
from segconv.train import training, transforms
from segconv.train.model import Model
from segconv.train.paths import Paths
from segconv.train.preprocessed import copy_case, refuse_more_than_numbers
from segconv.train.trainer_list import Trainer
from segconv.train.untrusted_models import NO_TRUST, Trust

from .checkpoints import fold
from .prepared import ARRAY

CASE = {
    "sitk_stuff": {"spacing": (1.5, 1.5, 4.0), "origin": (-120.0, np.float64(-90.0), 35.0)},
    "nibabel_stuff": {"original_affine": np.eye(4)},
    "spacing": [4.0, np.float32(1.5), 1.5],
    "shape_before_cropping": (32, 36, 40),
    "bbox_used_for_cropping": [[0, np.int64(32)], [0, 36]],
    "class_locations": {1: np.arange(12).reshape(3, 4), (1, 2): np.zeros((0, 4), np.int64), 3: []},
}
LAZY = ARRAY.replace(b"\x11\xde\0\x01\xa4b2nd", b"\x20\xde\0\x02\xa4b2nd\xd2\0\0\0k\xa9LazyArray")
PROXY = ARRAY.replace(b"\x11\xde\0\x01\xa4b2nd", b"\x19\xde\0\x01\xacproxy-source")


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


def preprocessed(folder: Path, **more: Any) -> Path:
    folder.mkdir(parents=True)
    for case in ("a", "b"):
        (folder / f"{case}.pkl").write_bytes(pickle.dumps({**CASE, **(more if case == "b" else {})}))
        (folder / f"{case}.b2nd").write_bytes(ARRAY + bytes(100))
        (folder / f"{case}_seg.b2nd").write_bytes(ARRAY + bytes(99))
    return folder


def test_what_nnunet_writes_is_copied_as_it_is(tmp_path: Path) -> None:
    folder = preprocessed(tmp_path / "cases")
    refuse_more_than_numbers(folder, cures=())
    copy_case(folder, "a", tmp_path / "copy", cures=())
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["a.b2nd", "a.pkl", "a_seg.b2nd"]
    for path in (tmp_path / "copy").iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.parametrize("name", ["a.pkl", "a_seg.b2nd"])
def test_a_copy_replaces_nothing(name: str, tmp_path: Path) -> None:
    folder = preprocessed(tmp_path / "cases")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / name).write_text("mine")
    with pytest.raises(SegconvError) as caught:
        copy_case(folder, "a", tmp_path / "copy", cures=())
    assert (caught.value.code, Path(caught.value.file).name) == ("SC020", name)
    assert (tmp_path / "copy" / name).read_text() == "mine"


SPOILT: dict[str, Callable[[Path, Path], object]] = {
    "b.pkl": lambda path, marker: path.write_bytes(pickle.dumps({**CASE, "mine": Payload(marker)})),
    "b.b2nd": lambda path, _: path.write_bytes(LAZY + bytes(100)),
    "b_seg.b2nd": lambda path, _: path.write_bytes(PROXY + bytes(100)),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_brings_code_is_refused_and_not_run(name: str, tmp_path: Path) -> None:
    folder, marker = preprocessed(tmp_path / "cases"), tmp_path / "marker"
    SPOILT[name](folder / name, marker)
    for look in (
        lambda: refuse_more_than_numbers(folder, cures=[Cure.of("plan", dataset=1)]),
        lambda: copy_case(folder, "b", tmp_path / "copy", cures=[Cure.of("plan", dataset=1)]),
    ):
        with pytest.raises(SegconvError) as caught:
            look()
        found = caught.value
        assert (found.code, found.file, found.cures) == ("SC064", str(folder / name), (Cure.of("plan", dataset=1),))
    assert not marker.exists()
    copy_case(folder, "a", tmp_path / "copy", cures=())


@pytest.mark.parametrize("name", ["b.pkl", "b.b2nd"])
def test_irregular_files_are_refused_at_once(name: str, tmp_path: Path) -> None:
    folder = preprocessed(tmp_path / "cases")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    for look in (
        lambda: refuse_more_than_numbers(folder, cures=()),
        lambda: copy_case(folder, "b", tmp_path / "copy", cures=()),
    ):
        with pytest.raises(SegconvError) as caught:
            look()
        assert caught.value.code == "SC061"


PLANS = {
    "plans_name": "nnUNetPlans",
    "configurations": {
        "2d": {"data_identifier": "cases"},
        "low": {"data_identifier": "none"},
        "stage": {"inherits_from": "low", "previous_stage": "low"},
    },
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    preprocessed(tmp_path / "preprocessed" / "Dataset001_A" / "cases", mine=Payload(tmp_path / "marker"))
    (tmp_path / "preprocessed" / "Dataset001_A" / "nnUNetPlans.json").write_text(json.dumps(PLANS))
    (tmp_path / "raw").mkdir()
    (tmp_path / "results").mkdir()
    return Paths(tmp_path / "raw", tmp_path / "preprocessed", tmp_path / "results")


def test_a_preview_runs_nothing_that_a_case_names(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transforms, "run_child", lambda *_, **__: pytest.fail("nnU-Net saw the case"))
    with pytest.raises(SegconvError) as caught:
        transforms.transform_case(
            Model("Dataset001_A", "2d"),
            Trainer("nnUNetTrainer", "nnUNetTrainer.py", (), ()),
            "b",
            paths,
            tmp_path / "work",
        )
    assert caught.value.code == "SC064"
    assert caught.value.cures == (Cure.of("preprocess_again", dataset=1, configuration="2d"),)
    assert not (tmp_path / "marker").exists()


def test_training_starts_only_with_cases_of_plain_numbers(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def train(configuration: str, trust: Trust = NO_TRUST) -> None:
        model = Model("Dataset001_A", configuration)

        def nnunet(name: str, *_: object, **__: object) -> None:
            begun.append(name)
            fold(model.fold_folder(paths, "0"), "final")

        monkeypatch.setattr(training, "run_nnunet", nnunet)
        training.train_fold(model, "0", paths, training.TrainOptions("cpu"), trust)

    with pytest.raises(SegconvError, match=r"names posix\.system") as caught:
        train("2d")
    assert caught.value.code == "SC064"
    assert not begun
    train("2d", Trust(trust_model=True))
    train("stage")
    assert begun == ["nnUNetv2_train"] * 2
    stage = tmp_path / "results" / "Dataset001_A" / "nnUNetTrainer__nnUNetPlans__low" / "predicted_next_stage" / "stage"
    preprocessed(stage)
    (stage / "a.b2nd").write_bytes(LAZY)
    with pytest.raises(SegconvError, match="not a plain Blosc2 array"):
        train("stage")


@pytest.mark.train
@pytest.mark.parametrize("shape", [(1, 5), (2, 3, 4, 5), (1, 1, 300, 300)])
def test_arrays_that_nnunet_saves_are_plain(shape: tuple[int, ...], tmp_path: Path) -> None:
    import blosc2

    folder = tmp_path / "cases"
    folder.mkdir()
    for dtype in (np.float32, np.int8, np.int16):
        path = folder / f"{np.dtype(dtype)}.b2nd"
        blosc2.asarray(np.ones(shape, dtype), urlpath=str(path), cparams={"codec": blosc2.Codec.LZ4HC, "clevel": 5})
    refuse_more_than_numbers(folder, cures=())
    one = blosc2.open(str(folder / "float32.b2nd"), mode="r")
    (one + one).save(str(folder / "lazy.b2nd"))
    with pytest.raises(SegconvError, match="not a plain Blosc2 array"):
        refuse_more_than_numbers(folder, cures=())
