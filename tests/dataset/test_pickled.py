"""Folds of nnU-Net v1 are read without running anything."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segconv.dataset import pickled
from segconv.dataset.pickled import read_splits
from segconv.errors import SegconvError

FOLDS = [{"train": ["a", "b"], "val": ["c"]}, {"train": ["c"], "val": ["a", "b"]}]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "kind", [list, np.array, lambda v: np.array(v, dtype=object), lambda v: [np.str_(x) for x in v]]
)
def test_folds_are_read_as_v1_writes_them(tmp_path: Path, protocol: int, kind: Any) -> None:
    folds = [OrderedDict((part, kind(fold[part])) for part in fold) for fold in FOLDS]
    path = tmp_path / "splits_final.pkl"
    path.write_bytes(pickle.dumps(folds, protocol))
    assert read_splits(path) == FOLDS


class Payload:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, __import__, open, print, np.load])
def test_nothing_that_a_pickle_names_is_run(tmp_path: Path, function: Any) -> None:
    marker = tmp_path / "marker"
    path = tmp_path / "splits_final.pkl"
    path.write_bytes(pickle.dumps([{"train": Payload(function, f"touch {marker}"), "val": []}]))
    with pytest.raises(SegconvError) as caught:
        read_splits(path)
    assert caught.value.code == "SC095"
    assert not marker.exists()


@pytest.mark.parametrize("value", [1, {}, [1], [{"train": []}], [{"train": [1], "val": []}], [{"train": 5, "val": []}]])
def test_anything_but_a_list_of_folds_is_refused(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "splits_final.pkl"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(SegconvError):
        read_splits(path)


class Names:
    """What a pickle says in place of a numpy array or of bytes: a function that is admitted, and what it is given."""

    def __init__(self, function: str, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def pickled(self) -> bytes:
        module, name = self.function.rsplit(".", 1)
        arguments = pickle.dumps(self.arguments, 0)[:-1]
        return b"(lp0\n(dp1\nVtrain\np2\n" + f"c{module}\n{name}\n".encode() + arguments + b"RsVval\np9\n(lp10\nsa."


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (Names("numpy._core.numeric._frombuffer", b"abcd", "<i4", (1,), "C"), "in another form than numpy writes"),
        (Names("numpy._core.numeric._frombuffer", "a\0\0\0", "<U1", (1,), "C"), "in another form than numpy writes"),
        (Names("_codecs.encode", "a", "utf-8"), "in a way that plain values do not need"),
        (Names("_codecs.encode", 5, "latin1"), "in a way that plain values do not need"),
    ],
)
def test_what_folds_need_does_nothing_else(tmp_path: Path, names: Names, said: str) -> None:
    path = tmp_path / "splits_final.pkl"
    path.write_bytes(names.pickled())
    with pytest.raises(SegconvError, match=said) as caught:
        read_splits(path)
    assert caught.value.code == "SC095"


def test_one_list_that_is_named_many_times_does_not_become_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "splits_final.pkl"
    fold = {"train": ["a"] * 1000, "val": ["b"]}
    path.write_bytes(pickle.dumps([fold] * 1000))
    monkeypatch.setattr(pickled, "MAX_NAMES", 1_000_999)
    with pytest.raises(SegconvError, match="more than 1000999 cases"):
        read_splits(path)
    monkeypatch.setattr(pickled, "MAX_NAMES", 1_001_000)
    assert read_splits(path) == [fold] * 1000


def test_a_pickle_may_be_as_long_as_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "splits_final.pkl"
    path.write_bytes(pickle.dumps(FOLDS))
    monkeypatch.setattr(pickled, "MAX_BYTES", path.stat().st_size)
    assert read_splits(path) == FOLDS
    monkeypatch.setattr(pickled, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(SegconvError, match="bytes long"):
        read_splits(path)


def test_a_damaged_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.pkl"
    data = pickle.dumps(FOLDS)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(SegconvError):
            read_splits(path)
