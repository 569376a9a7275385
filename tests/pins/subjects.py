"""Everything whose outcome is pinned: cases of the kit, synthetic sources, real data, failing inputs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from fixtures.make_fixtures import msd_ct, msd_tumour, png_shapes

from ..kit.case import Case, Words
from ..kit.cases import CASES
from ..kit.scorer import FOLDERS, command_line, placed
from .outcome import SHARED, outcome

PINS = Path(__file__).with_name("pins.txt")
"""The digest of the outcomes of every subject, a line each."""

Subject = Callable[[Path], dict[str, Any]]

MADE_UP: dict[Callable[[Path], Path], Words] = {
    msd_ct: (),
    msd_tumour: (),
    png_shapes: ("--labels", "background=0,disc=128,box=255"),
}
REAL: dict[str, Words] = {
    "Task04_Hippocampus_mini": (),
    "axondeepseg_sem": (),
    "dsb2018": (),
    "dsb2018_pairs": (),
    "dsb2018_pairs/training": ("--images", "input/*.png", "--masks", "output/{case}.png"),
    "ivadomed_data_testing": (),
    "ivadomed_data_testing/data_test_png_tif": (),
    "nnunet_v1/nnUNet_raw_data": (),
    "totalseg_small": (),
    "sct_orientation/t2": (),
}


def subjects() -> Iterator[tuple[str, Subject]]:
    """Yield a name, and what runs the subject in an empty folder and returns its outcomes."""
    yield from quick()
    for case in CASES:
        yield f"kit/{case.id}", partial(_of_kit, case)


def quick() -> Iterator[tuple[str, Subject]]:
    """Yield all subjects but those of the kit."""
    for make, words in MADE_UP.items():
        yield f"fixtures/{make.__name__}", partial(_of_fixture, make, words)
    for name, words in REAL.items():
        yield f"data/{name}", partial(_converted, SHARED / "data" / name, words)
    for path in sorted((SHARED / "cases").glob("*/*/make.py")):
        name = path.parent.relative_to(SHARED).as_posix()
        yield name, partial(_of_case, path)


def _of_kit(case: Case, folder: Path) -> dict[str, Any]:
    with placed(case, folder) as place:
        words = command_line(case, place)
        with contextlib.nullcontext() if case.around is None else case.around(place):
            return {"": outcome(words, folder / FOLDERS[0])}


def _of_fixture(make: Callable[[Path], Path], words: Words, folder: Path) -> dict[str, Any]:
    """Convert made-up data, and do with the dataset what can be done with it."""
    source = make(folder / "source")
    found = _converted(source, words, folder)
    with _paths(folder) as made:
        for deed in (
            ["check", "1"],
            ["augment", "1", "--to", "2_B", "--rotate", "90", "--seed", "1", "--no-fsync", "-j", "1"],
            ["labels", "show", "1"],
            ["restore", str(made / "Dataset001_A" / "labelsTr"), "--like", "1", "-o", str(made / "back"), "-j", "1"],
        ):
            found[deed[0]] = outcome(deed, made)
    return found


def _converted(source: Path, words: Words, folder: Path) -> dict[str, Any]:
    with _paths(folder) as made:
        return {"": outcome(["convert", str(source), "--to", "1_A", "--no-fsync", "-j", "1", *words], made)}


def _of_case(make: Path, folder: Path) -> dict[str, Any]:
    """Convert what a script of failing inputs makes: all of it, and each folder in it."""
    inputs, copy = folder / "inputs", folder / "script" / make.parent.name
    shutil.copytree(make.parents[1], folder / "script")
    subprocess.run([sys.executable, copy / make.name, inputs], check=True, capture_output=True)
    if not inputs.exists():  # it was made next to the script
        inputs.mkdir()
        for made in copy.glob("src*"):
            made.rename(inputs / made.name)
    sources = [inputs, *sorted(path for path in (*inputs.glob("*"), *inputs.glob("src*/*")) if path.is_dir())]
    found = {}
    for source in sources:
        shutil.rmtree(folder / "nnUNet_raw", ignore_errors=True)
        found[source.relative_to(inputs).as_posix()] = _converted(source, (), folder)[""]
    return found


@contextlib.contextmanager
def _paths(folder: Path) -> Iterator[Path]:
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    with mock.patch.dict(
        os.environ, {name: str(folder / name) for name in FOLDERS} | {"XDG_CONFIG_HOME": "/nonexistent"}
    ):
        yield folder / FOLDERS[0]
