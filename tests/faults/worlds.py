"""Small worlds to break: a source, three folders, and a command with a known result."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fixtures.make_fixtures import msd_ct, msd_tumour, png_shapes, write_nifti, write_png
from segconv.cli.main import run
from segconv.dataset import phantoms
from segconv.image.geometry import Geometry, Volume

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
PNG_LABELS = ("--labels", "background=0,disc=128,ring=255")
SIZE = (10, 9, 8)


@dataclass
class World:
    """A folder with a source and a command that makes a target of it.

    Parameters
    ----------
    folder
        Holds all of it.
    words
        The command line.
    target
        What the command makes, relative to `folder`.
    kept
        What it must not change, relative to `folder`.
    before
        Files of the target before the command, or None if it does not exist.
    expected
        Files of the target after it, found by an undisturbed run.
    """

    folder: Path
    words: list[str]
    target: str
    kept: tuple[str, ...]
    before: dict[str, bytes] | None = None
    expected: dict[str, bytes] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        folders = {name: str(self.folder / name) for name in FOLDERS}
        return {**folders, "nnUNet_raw_data_base": str(self.folder / "v1"), "XDG_CONFIG_HOME": "/nonexistent"}

    @property
    def made(self) -> Path:
        return self.folder / self.target

    @property
    def beside(self) -> list[str]:
        """What is next to the target."""
        return sorted(path.name for path in self.made.parent.iterdir() if path != self.made)

    def found(self) -> dict[str, bytes] | None:
        """Files of the target as they are, or None."""
        return tree(self.made) if self.made.is_dir() else None

    def sources(self) -> dict[str, bytes]:
        return {f"{name}/{path}": data for name in self.kept for path, data in tree(self.folder / name).items()}

    def reset(self) -> None:
        """Restore the target, and what is next to it, to the state before the command."""
        stays = {self.folder / name for name in self.kept}
        for path in self.made.parent.iterdir():
            if path not in stays and (path == self.made or path.name.startswith(".segconv-")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.before is not None:
            for name, data in self.before.items():
                (self.made / name).parent.mkdir(parents=True, exist_ok=True)
                (self.made / name).write_bytes(data)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder; of a link its target."""
    return {
        str(path.relative_to(folder)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def _new(folder: Path) -> Path:
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    return folder / "source"


def png(folder: Path) -> World:
    root = png_shapes(_new(folder), cases=3, tests=1, size=(26, 22))
    return World(folder, ["convert", str(root), "--to", "9_A", *PNG_LABELS], "nnUNet_raw/Dataset009_A", ("source",))


def msd(folder: Path) -> World:
    root = msd_ct(_new(folder), cases=2, tests=1, size=SIZE)
    return World(folder, ["convert", str(root), "--to", "9_A"], "nnUNet_raw/Dataset009_A", ("source",))


def channels(folder: Path) -> World:
    """Volumes of four channels, which are taken apart."""
    root = msd_tumour(_new(folder), cases=2, tests=0, size=SIZE)
    return World(folder, ["convert", str(root), "--to", "9_A"], "nnUNet_raw/Dataset009_A", ("source",))


def hard_links(folder: Path) -> World:
    world = msd(folder)
    world.words += ["--link", "hard"]
    return world


def soft_links(folder: Path) -> World:
    world = msd(folder)
    world.words += ["--link", "symlink"]
    return world


def unproved(folder: Path) -> World:
    """Files that are copied inside the kernel."""
    world = msd(folder)
    world.words += ["--no-verify-source"]
    return world


def v1(folder: Path) -> World:
    source = _new(folder)
    msd_root = msd_ct(source, cases=2, tests=1, size=SIZE)
    task = msd_root.rename(source / "Task509_A")
    for part in ("imagesTr", "imagesTs"):
        for path in (task / part).iterdir():
            path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    words = ["convert", str(task), "--to", "9_A", "--from", "nnunet-v1"]
    return World(folder, words, "nnUNet_raw/Dataset009_A", ("source",))


def to_v1(folder: Path) -> World:
    world = msd(folder)
    world.words[2:4] = ["--to-v1", "9_A"]
    world.target = "v1/nnUNet_raw_data/Task009_A"
    world.made.parent.mkdir(parents=True)
    return world


def pairs(folder: Path) -> World:
    source = _new(folder)
    for number in range(2):
        phantom = phantoms.ct(number, size=SIZE)
        write_nifti(source / "images" / f"c{number}.nii.gz", list(phantom.images))
        write_nifti(source / "labels" / f"c{number}.nii.gz", [phantom.label])
    words = ["convert", str(source), "--to", "9_A", "--channels", "CT", "--accept-labels", "--from", "pairs"]
    return World(folder, words, "nnUNet_raw/Dataset009_A", ("source",))


def masks(folder: Path) -> World:
    source = _new(folder)
    for number in range(2):
        phantom = phantoms.ct(number, size=SIZE)
        write_nifti(source / f"s{number}" / "ct.nii.gz", list(phantom.images))
        for value, name in ((1, "liver"), (2, "kidney")):
            mask = phantoms.Volume((phantom.label.array == value).astype(np.uint8), phantom.label.geometry)
            write_nifti(source / f"s{number}" / "segmentations" / f"{name}.nii.gz", [mask])
    words = ["convert", str(source), "--to", "9_A", "--channels", "CT"]
    return World(folder, words, "nnUNet_raw/Dataset009_A", ("source",))


def v2(folder: Path) -> World:
    first = msd(folder)
    perform(first)
    (folder / "elsewhere").mkdir()
    source = first.made.rename(folder / "elsewhere" / "Dataset007_B")
    words = ["convert", str(source), "--to", "9_A", "--labels", "background=0,liver=1,kidney=2,tumour=3"]
    return World(folder, words[:4], "nnUNet_raw/Dataset009_A", ("elsewhere",))


def replaced(folder: Path) -> World:
    """An existing dataset is replaced by one with other pictures."""
    world = png(folder)
    perform(world)
    world.before = world.found()
    picture = folder / "source" / "png" / "training" / "input" / "shape-0.png"
    write_png(picture, np.full((22, 26, 3), 7, np.uint8) + np.arange(26, dtype=np.uint8)[None, :, None])
    world.words += ["--overwrite"]
    return world


def augmented(folder: Path) -> World:
    first = msd(folder)
    perform(first)
    words = ["augment", "9", "--to", "109_A", "--rotate", "20", "--planes", "axial", "--hu-shift", "5:9"]
    return World(folder, words, "nnUNet_raw/Dataset109_A", ("nnUNet_raw/Dataset009_A",))


def augmented_pictures(folder: Path) -> World:
    first = png(folder)
    perform(first)
    words = ["augment", "9", "--to", "109_A", "--rotate", "20"]
    return World(folder, words, "nnUNet_raw/Dataset109_A", ("nnUNet_raw/Dataset009_A",))


def repaired(folder: Path) -> World:
    first = msd(folder)
    perform(first)
    words = ["repair", "9", "--to", "11_A", "--repair", "orientation"]
    return World(folder, words, "nnUNet_raw/Dataset011_A", ("nnUNet_raw/Dataset009_A",))


def restored(folder: Path) -> World:
    first = png(folder)
    perform(first)
    shutil.copytree(first.made / "labelsTr", folder / "predictions")
    words = ["restore", str(folder / "predictions"), "--like", "9_A", "-o", str(folder / "out" / "mine")]
    (folder / "out").mkdir()
    return World(folder, words, "out/mine", ("predictions", "nnUNet_raw/Dataset009_A"))


def combined(folder: Path) -> World:
    """Masks of classes that become label maps."""
    source = _new(folder)
    for number in range(3):
        for row, name in enumerate(("liver", "spleen")):
            mask = np.zeros(SIZE[::-1], np.uint8)
            mask[:, row + number] = 1
            write_nifti(source / f"case{number}" / f"{name}.nii.gz", [Volume(mask, Geometry.plain(SIZE))])
    words = ["totalseg", "combine", str(source), "liver", "spleen", "-o", str(folder / "out" / "mine")]
    (folder / "out").mkdir()
    return World(folder, words, "out/mine", ("source",))


WORLDS: dict[str, Callable[[Path], World]] = {
    "png": png,
    "msd": msd,
    "channels": channels,
    "hard_links": hard_links,
    "soft_links": soft_links,
    "unproved": unproved,
    "v1": v1,
    "to_v1": to_v1,
    "pairs": pairs,
    "masks": masks,
    "v2": v2,
    "replaced": replaced,
    "augmented": augmented,
    "augmented_pictures": augmented_pictures,
    "repaired": repaired,
    "restored": restored,
    "combined": combined,
}


def perform(world: World) -> None:
    """Run the command of a world in this process, undisturbed."""
    before = {name: os.environ.get(name) for name in world.env}
    os.environ.update(world.env)
    try:
        code = run([*world.words, "-j", "1", "-q"])
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
    assert code == 0, (world.words, code)
