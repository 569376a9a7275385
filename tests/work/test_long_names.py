"""Names of the maximum length: temporary names are shorter, and no two workers draw the same."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from segconv.work import fsops
from segconv.work.plan import Target

from ..command import Command
from ..convert.drawn import pair

LENGTHS = (200, 240, 245, 250, 255)
SCRIPTS = {"plain": "a", "two bytes": "é", "three bytes": "図", "four bytes": "🫀"}
ENDING = ".png"


def named(length: int, letter: str, end: str) -> str:
    """A name of so many bytes, which differs from others of its kind in its last ones."""
    room = length - len(end.encode())
    return letter * (room // len(letter.encode())) + "x" * (room % len(letter.encode())) + end


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("letter", SCRIPTS.values(), ids=SCRIPTS)
def test_files_of_long_names_that_begin_alike_are_written_at_once(tmp_path: Path, length: int, letter: str) -> None:
    paths = [tmp_path / named(length, letter, f"{n:02}.nii") for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: fsops.write_atomic(path, path.name[-6:].encode()), paths))
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}
    assert all(path.read_bytes() == path.name[-6:].encode() for path in paths)


def test_temporary_names_are_short_and_drawn_again() -> None:
    for letter in SCRIPTS.values():
        path = Path(named(255, letter, ENDING))
        drawn = {fsops.temporary_beside(path).name for _ in range(100)}
        assert len(drawn) == 100
        assert all(name.startswith(".tmp-") and len(os.fsencode(name)) <= 143 for name in drawn)
    assert fsops.temporary_beside(Path("dataset.json")).name.endswith("-dataset.json")  # it shows what a kill left


@pytest.mark.parametrize("letter", SCRIPTS.values(), ids=SCRIPTS)
def test_a_folder_of_a_long_name_has_a_short_staging_folder_and_lock(letter: str) -> None:
    one, other = (named(255, letter, end) for end in "12")
    hidden = [path.name for name in (one, other) for target in [Target(Path("/", name), name)]
              for path in (target.staging, target.lock)]  # fmt: skip
    assert len(set(hidden)) == 4
    assert all(len(os.fsencode(name)) <= 255 and name.startswith(".segconv-") for name in hidden)


@pytest.mark.parametrize("link", ["none", "hard", "symlink", "external"])
def test_pictures_of_long_names_are_converted_augmented_and_restored(
    segconv: Command, tmp_path: Path, link: str
) -> None:
    names = [named(length, letter, f"{end}{ENDING}") for end in "12"
             for length, letter in ((194, "a"), (245, "a"), (255, "a"), (254, "é"), (255, "図"))]  # fmt: skip
    for number, name in enumerate(names):
        pair(tmp_path / "source", f"images/{name}", f"masks/{name}", number)
    made = segconv("convert", tmp_path / "source", "--to", "7_Long", "--link", link, "-j", "4", "--json")
    assert made.code == 0, made.out
    dataset = segconv.raw / "Dataset007_Long"
    assert not [path for path in segconv.raw.rglob("*") if path.name.startswith(".tmp-")]
    output = tmp_path / named(255, "o", "")
    restored = segconv("restore", dataset / "labelsTr", "--like", "7", "-o", output) if link == "none" else None
    if restored is not None:
        assert restored.code == 0, restored.err
        assert {path.name for path in output.iterdir() if path.name != "segconv"} == set(names)
        assert segconv("augment", "7", "--to", "8_More", "--rotate", "90", "-j", "4").code == 0
