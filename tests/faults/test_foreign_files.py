"""No command deletes or replaces anything that segconv did not write."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.make_fixtures import png_shapes
from segconv.cli.main import run
from segconv.flows import demo
from segconv.flows.stress import models
from segconv.flows.stress import run as stress
from segconv.review.scores.dice import Scores
from segconv.review.scores.robustness import Condition, Measured, Robustness

LABELS = ("--labels", "background=0,disc=128,ring=255")
FOLDERS = ("raw", "preprocessed", "results")


@dataclass
class Deed:
    """A command that replaces, removes or resumes something.

    ``first`` are the commands that made what it finds, the last of them interrupted or not; ``target`` is what it
    replaces, removes or resumes.
    """

    words: list[str]
    target: str
    first: list[list[str]] = field(default_factory=list)
    interrupted: bool = False
    replaces: bool = True


CONVERT = ["convert", "png", "--to", "42_A", *LABELS]
RESTORE = ["restore", "predictions", "--like", "42", "-o", "out"]
DEEDS = {
    "convert": Deed([*CONVERT, "--overwrite"], "raw/Dataset042_A", [CONVERT]),
    "convert, linked": Deed(
        [*CONVERT, "--link", "symlink", "--overwrite"], "raw/Dataset042_A", [[*CONVERT, "--link", "symlink"]]
    ),
    "convert again": Deed(CONVERT, "raw/.segconv-042", [CONVERT], interrupted=True),
    "convert anew": Deed([*CONVERT, "--restart"], "raw/.segconv-042", [CONVERT], interrupted=True),
    "convert over another": Deed([*CONVERT, "--snap", "1", "--restart"], "raw/.segconv-042", [CONVERT], True),
    "convert to v1": Deed(
        ["convert", "png", "--to-v1", "42_A", *LABELS, "--overwrite"],
        "nnUNet_raw_data/Task042_A",
        [["convert", "png", "--to-v1", "42_A", *LABELS]],
    ),
    "augment": Deed(
        ["augment", "42", "--to", "43_B", "--rotate", "90", "--overwrite"],
        "raw/Dataset043_B",
        [CONVERT, ["augment", "42", "--to", "43_B", "--rotate", "90"]],
    ),
    "repair": Deed(
        ["repair", "42", "--to", "43_B", "--overwrite"],
        "raw/Dataset043_B",
        [CONVERT, ["repair", "42", "--to", "43_B"]],
    ),
    "labels remap": Deed(
        ["labels", "remap", "42", "--to", "43_B", "--map", "ring=disc", "--overwrite"],
        "raw/Dataset043_B",
        [CONVERT, ["labels", "remap", "42", "--to", "43_B", "--map", "ring=disc"]],
    ),
    "labels rename": Deed(["labels", "rename", "42", "ring=band"], "raw/Dataset042_A", [CONVERT], replaces=False),
    "restore": Deed([*RESTORE, "--overwrite"], "out", [CONVERT, RESTORE]),
    "restore again": Deed(RESTORE, ".segconv-out", [CONVERT, RESTORE], interrupted=True),
    "abort a dataset": Deed(["abort", "42"], "raw/.segconv-042", [CONVERT], interrupted=True),
    "abort a folder": Deed(["abort", "out"], ".segconv-out", [CONVERT, RESTORE], interrupted=True),
    "paths init": Deed(["paths", "init", "folders"], "folders", [["paths", "init", "folders"]], replaces=False),
    "demo": Deed(["demo", "-o", "out", "--overwrite"], "out", [["demo", "-o", "out"]]),
    "stress": Deed(
        ["stress", "42", "-m", "model", "--device", "cpu", "-o", "out", "--overwrite"],
        "out",
        [CONVERT, ["stress", "42", "-m", "model", "--device", "cpu", "-o", "out"]],
    ),
}


def call(root: Path, words: list[str]) -> int:
    places = {"png", "predictions", "out", "folders"}
    return run([str(root / word) if word in places and words[0] != "labels" else word for word in words])


def stubbed(patch: pytest.MonkeyPatch) -> None:
    """Take the training out of the commands, and leave their way with files."""

    def walk(steps: Any, data: Path | None) -> Any:
        own = steps.folder / "nnUNet_preprocessed" / "Dataset501_Coins"
        own.mkdir(parents=True)
        (own / "made").write_text("made")
        scores = Scores({})
        return demo.Demonstration(scores, steps.folder, steps.folder)

    measured = Measured(Condition(), {"m": Scores({})}, {"m": Scores({})}, Scores({}), 1.0)
    patch.setattr(demo, "_walk", walk)
    patch.setattr(stress, "curves", lambda _: b"picture")
    patch.setattr(models, "plan_stress_of", lambda *_, **__: SimpleNamespace(folds=()))
    patch.setattr(models, "predictor_of", lambda *_, **__: None)
    patch.setattr(stress, "run_stress", lambda *_, **__: Robustness("D", ("c",), ("m",), (), (measured,), 0.05))
    patch.setattr("segconv.train.trained.find_model", lambda *_, **__: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Make what a command finds, once, and copies of it."""
    folder = tmp_path_factory.mktemp("foreign")
    png_shapes(folder, cases=2, tests=0, size=(16, 12))
    made: dict[str, Path] = {}
    with pytest.MonkeyPatch.context() as patch:
        stubbed(patch)

        def get(name: str) -> Path:
            root = folder / "here"  # always the same, as lineage and staging folders know their paths
            shutil.rmtree(root, ignore_errors=True)
            for word in FOLDERS:
                patch.setenv(f"nnUNet_{word}", str(root / word))
            if name not in made:
                make(DEEDS[name], folder, root, patch)
                made[name] = folder / f"kept {len(made)}"
                shutil.copytree(root, made[name], symlinks=True)
            else:
                shutil.copytree(made[name], root, symlinks=True)
            return root

        yield get


def make(deed: Deed, folder: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    for word in FOLDERS:
        (root / word).mkdir(parents=True)
    shutil.copytree(folder / "png", root / "png")
    for number, words in enumerate(deed.first):
        last = number == len(deed.first) - 1
        if words[0] == "restore":
            shutil.copytree(root / "raw" / "Dataset042_A" / "labelsTr", root / "predictions")
        if last and deed.interrupted:
            with patch.context() as fault:
                fault.setattr("segconv.work.staging.commit", interrupt)
                assert call(root, words) == 130
        else:
            assert call(root, words) == 0


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def state(path: Path) -> Any:
    """What must not change of a file or link: what it is, its content, and that it is the very same."""
    found = os.lstat(path)
    content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found.st_ino, found.st_mode, content


NAMES = ["notes.txt", ".hidden", "dataset.json.bak", "plan.json", "case_0000.png", ".tmp-notes", "a/b/c.txt", "empty/"]


def strangers(root: Path, deed: Deed, draw: st.DrawFn) -> dict[Path, Any]:
    """Put foreign files, folders and links around and into a target, and change one of its files."""
    target = deed.target
    inside = [path for path in (root / target).rglob("*") if path.is_dir() and not path.is_symlink()]
    places = [root / target, *sorted(inside), (root / target).parent, root, root / "raw"]
    beside = [Path(f"{root / target}{ending}") for ending in (".lock2", ".old", "x", " copy")]
    made = []
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from([*places, *beside]))
        path = place / draw(st.sampled_from(NAMES))
        if os.path.lexists(path) or any(p.is_file() for p in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = draw(st.sampled_from(["file", "link"]))
        if str(path).endswith("/") or path.name == "empty":
            path.mkdir()
        elif kind == "link":
            path.symlink_to(root / "png")
        else:
            path.write_bytes(draw(st.binary(max_size=8)))
        made.append(path)
    written = [p for p in (root / target).rglob("*") if p.is_file() and not p.is_symlink() and p.name in CHANGED]
    if written and deed.replaces and not deed.interrupted and draw(st.booleans()):
        path = draw(st.sampled_from(sorted(written)))
        path.write_bytes(path.read_bytes() + b" ")
        made.append(path)
    return {path: state(path) for path in made}


CHANGED = {"dataset.json", "run.json", "splits_final.json", "made", "stress.csv"}
"""Files of segconv's that a user edits, and commands do not read."""


@pytest.mark.parametrize("name", DEEDS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_what_others_put_around_and_into_a_target_stays(
    name: str, data: st.DataObject, world: Callable[[str], Path]
) -> None:
    deed = DEEDS[name]
    root = world(name)

    @st.composite
    def foreign(draw: st.DrawFn) -> dict[Path, Any]:
        return strangers(root, deed, draw)

    before = data.draw(foreign())
    source = {path: state(path) for path in (root / "png").rglob("*")}
    code = call(root, deed.words)
    assert {path: state(path) for path in before} == before
    assert {path: state(path) for path in (root / "png").rglob("*")} == source
    within = [path for path in before if path.is_relative_to(root / deed.target)]
    beside = [path for path in before if re.search("Dataset|Task", str(path.relative_to(root))) and path not in within]
    if not beside:  # such a name takes the number of the dataset
        assert code == (73 if within and deed.replaces else 0), within


@pytest.mark.parametrize("name", [name for name, deed in DEEDS.items() if deed.replaces and not deed.interrupted])
def test_a_target_that_is_a_link_is_left_as_it_is(name: str, world: Callable[[str], Path]) -> None:
    deed = DEEDS[name]
    root = world(name)
    target = root / deed.target
    elsewhere = root / "elsewhere"
    target.rename(elsewhere)
    target.symlink_to(elsewhere)
    before = {path: state(path) for path in elsewhere.rglob("*")}
    assert call(root, deed.words) == 73
    assert target.is_symlink()
    assert {path: state(path) for path in elsewhere.rglob("*")} == before


@pytest.mark.parametrize("folder", ["png", "raw", "raw/Dataset042_A", "predictions", "preprocessed", "."])
@pytest.mark.parametrize("words", [RESTORE, ["demo", "-o", "out"], DEEDS["stress"].words[:-1]])
def test_a_folder_of_something_else_is_never_replaced(
    words: list[str], folder: str, world: Callable[[str], Path]
) -> None:
    root = world("restore")
    (root / "preprocessed" / "plans.json").write_text("{}")
    before = {path: state(path) for path in root.rglob("*") if path.is_file()}
    said = [str(root / folder) if word == "out" else word for word in words]
    assert call(root, [*said, "--overwrite"]) == 73
    assert {path: state(path) for path in before} == before
