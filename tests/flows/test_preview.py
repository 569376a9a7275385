"""A picture is replaced only if segconv drew it and no byte changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from segconv.errors import SegconvError
from segconv.flows import preview as room
from segconv.image.geometry import Geometry, Volume
from segconv.review.pictures.overlay import Panel, montage
from segconv.review.pictures.sealed import is_sealed
from segconv.train.transforms import Transformed
from segconv.work import fsops

from ..command import Command, Done


@pytest.fixture(scope="module")
def drawn() -> bytes:
    return montage([Panel("a", Volume(np.eye(9), Geometry.plain((9, 9), (1, 1))), np.eye(9, dtype=np.uint8))])


def repainted(path: Path) -> None:
    """What a program does that keeps all texts of a picture."""
    with Image.open(path) as opened:
        texts = PngImagePlugin.PngInfo()
        for key, value in opened.text.items():  # type: ignore[attr-defined]
            texts.add_text(key, value)
        picture = opened.copy()
    picture.putpixel((3, 3), (255, 0, 0, 255))
    picture.save(path, pnginfo=texts)


def noted(path: Path) -> None:
    """Another text, and nothing else."""
    data = path.read_bytes()
    end = data.index(b"IDAT") - 4
    path.write_bytes(data[:end] + b"\0\0\0\x09tEXtAuthor\0me1234" + data[end:])


def of_another(path: Path) -> None:
    """A picture that only says who made it."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Software", "segconv")
    Image.new("L", (9, 9)).save(path, pnginfo=texts)


EDITS: list[Callable[[Path], object]] = [
    repainted,
    noted,
    of_another,
    lambda path: path.write_bytes(path.read_bytes() + b" "),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(b""),
]


@pytest.mark.parametrize("edit", EDITS)
def test_edited_pictures_are_not_sealed(edit: Callable[[Path], object], drawn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(drawn)
    assert is_sealed(path)
    with Image.open(path) as opened:
        opened.load()
    edit(path)
    assert not is_sealed(path)


@pytest.fixture
def preview(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """The command with a trainer in whose place nothing is run."""
    folder = segconv.raw / "Dataset003_A"
    folder.mkdir()
    (folder / "dataset.json").write_text(
        '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 0, "file_ending": ".nii.gz"}'
    )
    image, label = np.eye(9)[None], np.eye(9, dtype=np.int16)
    made = {"patch_size": [9, 9], "initial_patch_size": [9, 9], "spacing_mm": [1, 1], "rotation_deg": [0, 0]}
    facts = {**made, "mirror_axes": [], "slice_by_slice": False, "transforms": []}
    monkeypatch.setattr(room, "list_trainers", lambda _: [])
    monkeypatch.setattr(room, "find_trainer", lambda *_: None)
    monkeypatch.setattr(room, "preprocessed_cases", lambda *_: ["a"])
    monkeypatch.setattr(
        room, "transform_case", lambda *_, **__: Transformed("a", image, label, image[None], label[None], facts)
    )
    return lambda *words: segconv("trainers", "preview", "3", "-c", "2d", "-o", tmp_path / "a.png", *words)


def test_overwrite_replaces_a_picture_as_it_was_drawn_and_no_edited_one(
    preview: Callable[..., Done], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    assert preview().code == 0
    assert preview("--overwrite").code == 0
    repainted(path)
    edited = path.read_bytes()
    assert preview("--overwrite").codes() == ["SC020"]
    assert path.read_bytes() == edited


def test_a_picture_that_is_edited_at_the_last_moment_stays(
    preview: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    assert preview().code == 0
    write_new = fsops.write_new

    def write(new: Path, *pieces: object, **how: bool) -> None:
        write_new(new, *pieces, **how)
        if new.name == "whole":
            path.write_bytes(b"edited")

    monkeypatch.setattr(fsops, "write_new", write)
    assert preview("--overwrite").codes() == ["SC020"]
    assert path.read_bytes() == b"edited"
    assert not list(tmp_path.glob(".segconv*"))


def test_what_a_killed_replacement_left_is_aborted(
    preview: Callable[..., Done], segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    assert preview().code == 0
    before = path.read_bytes()

    def killed(*_: object) -> None:
        raise SegconvError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(fsops, "complete", killed)
        patch.setattr("segconv.work.begun.remove_own", lambda _: [])
        assert preview("--overwrite").code == 2
    assert list(tmp_path.glob(".segconv*"))
    assert segconv("abort", path).code == 0
    assert not list(tmp_path.glob(".segconv*"))
    assert path.read_bytes() == before
