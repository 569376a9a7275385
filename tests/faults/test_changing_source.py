"""A source that changes during conversion: the planned content is read, or the case is refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from segconv.cli.main import run
from segconv.work import staging
from segconv.work.caseio import CaseIO

from .worlds import World, perform

Change = Callable[[Path], object]


def swap(path: Path, make: Change) -> None:
    """Put something else where a file is."""
    path.rename(path.with_name(f"was-{path.name}"))
    make(path)


def elsewhere(path: Path) -> Path:
    """A secret next to the source, with the bytes of the file."""
    secret = path.parents[2].parent / "secret"
    secret.mkdir(exist_ok=True)
    (secret / path.name).write_bytes(path.with_name(f"was-{path.name}").read_bytes())
    return secret / path.name


def other_shape(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:-1], image.affine), path)


CHANGES: dict[str, tuple[Change, set[str]]] = {
    "is gone": (os.unlink, {"SC012"}),
    "became a link": (lambda p: swap(p, lambda q: q.symlink_to(elsewhere(q))), {"SC060"}),
    "became a link inside": (lambda p: swap(p, lambda q: q.symlink_to(q.with_name(f"was-{q.name}"))), {"SC060"}),
    "became a folder": (lambda p: swap(p, lambda q: q.mkdir()), {"SC061"}),
    "became a pipe": (lambda p: swap(p, lambda q: os.mkfifo(q)), {"SC061"}),
    "became a device": (lambda p: swap(p, lambda q: q.symlink_to("/dev/zero")), {"SC060"}),
    "is empty": (lambda p: p.write_bytes(b""), {"SC051", "SC050", "SC052"}),
    "is cut": (lambda p: p.write_bytes(p.read_bytes()[:-9]), {"SC050", "SC058"}),
    "has another shape": (other_shape, {"SC082"}),
}


def converted(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    for key, value in world.env.items():
        monkeypatch.setenv(key, value)
    capsys.readouterr()
    code = run([*world.words, "-j", "1", "-q"])
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "SC104" not in err, err
    return code, err


def codes(err: str) -> set[str]:
    return {line.split()[1].rstrip(":") for line in err.splitlines() if line.startswith("Error ")}


def first_image(world: World) -> Path:
    return min((world.folder / "source").glob("*/imagesTr/*"))


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_between_planning_and_reading_is_refused(
    change: str,
    fresh: Callable[[str], World],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = fresh("msd")
    image = first_image(world)
    alter, expected = CHANGES[change]
    begin = staging.begin

    def begin_late(*args: object, **how: object) -> object:
        alter(image)
        return begin(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "begin", begin_late)
    code, err = converted(world, monkeypatch, capsys)
    assert codes(err) & expected, err
    assert code in (65, 66)
    assert image.name in err
    assert world.found() is None


def test_a_folder_of_the_source_that_becomes_a_link_is_not_followed(
    fresh: Callable[[str], World], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh("msd")
    folder = first_image(world).parent
    begin = staging.begin

    def begin_late(*args: object, **how: object) -> object:
        shutil.copytree(folder, world.folder / "secret")
        folder.rename(folder.with_name("was"))
        folder.symlink_to(world.folder / "secret")
        return begin(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "begin", begin_late)
    code, err = converted(world, monkeypatch, capsys)
    assert (code, codes(err)) == (65, {"SC060"}), err
    assert world.found() is None


@pytest.mark.parametrize(
    "change",
    ["is written again", "is written again with the same length", "is replaced", "grows", "is gone", "became a link"],
)
@pytest.mark.parametrize("name", ["msd", "unproved"])
def test_what_changes_while_it_is_read_is_refused(
    change: str,
    name: str,
    fresh: Callable[[str], World],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = fresh(name)
    perform(world)
    expected = world.found()
    world.reset()
    image = first_image(world)
    data = image.read_bytes()
    alter: Change = {
        "is written again": lambda p: p.write_bytes(data),
        "is written again with the same length": lambda p: p.write_bytes(data[:-1] + b"x"),
        "is replaced": lambda p: swap(p, lambda q: q.write_bytes(data)),
        "grows": lambda p: p.write_bytes(data + bytes(9)),
        "is gone": os.unlink,
        "became a link": CHANGES["became a link inside"][0],
    }[change]
    opened = CaseIO._open

    def open_and_alter(io: CaseIO, path: str | Path) -> int:
        descriptor = opened(io, path)
        if Path(path) == image:
            alter(image)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(CaseIO, "_open", open_and_alter)
        code, err = converted(world, monkeypatch, capsys)
    assert code == 65, err
    assert codes(err) <= {"SC062", "SC050", "SC059", "SC051"}, err
    assert image.name in err
    assert world.found() is None
    for left in image.parent.glob("was-*"):
        left.unlink()
    if image.is_symlink():
        image.unlink()
    image.write_bytes(data)
    code, err = converted(world, monkeypatch, capsys)
    assert code == 0, err
    assert world.found() == expected, "once the source is at rest the same command succeeds"


def test_a_case_whose_source_changed_after_it_was_done_is_done_again(
    fresh: Callable[[str], World], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = fresh("msd")
    monkeypatch.setenv("SEGCONV_FAULT", "EIO@append:9")
    from segconv.work import fsops

    fsops._calls.clear()
    code, _ = converted(world, monkeypatch, capsys)
    assert code == 74
    monkeypatch.delenv("SEGCONV_FAULT")
    image = first_image(world)
    loaded = nib.load(image)
    nib.save(nib.Nifti1Image(np.asarray(loaded.dataobj) + np.int16(5), loaded.affine, loaded.header), image)
    code, err = converted(world, monkeypatch, capsys)
    assert code == 0, err
    made = next((world.made / "imagesTr").glob(f"{image.name[:6]}_0000.nii.gz"))
    assert made.read_bytes() == image.read_bytes()
