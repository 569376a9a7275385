"""Label names from tables of ITK-SNAP, 3D Slicer and FreeSurfer, named by the user or next to the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segconv.convert.labels.declared import MANY
from segconv.convert.labels.tool_tables import labels_of_tool, lines_of

from ...command import Command, Done
from ..oracles import ct, write

TABLES = {
    "snap.txt": '# ITK-SnAP Label Description File\n 0 0 0 0 0 0 0 "Clear Label"\n 1 255 0 0 0.5 1 1 "Left lung"\n'
    ' 2 0 255 0 1 1 1 "Tumour"\n 3 0 0 255 1 1 1 "Label 3"\n',
    "snap.label": '1 255 0 0 1 1 1 "Left lung"\n2 0 255 0 1 1 1 "Tumour"\n',
    "slicer.ctbl": "# Color table file\n0 background 0 0 0 0\n1 Left lung 255 0 0 255\n2 Tumour 0 255 0 255\n"
    "3 (none) 1 1 1 255\n",
    "fs.txt": "#No. Label Name: R G B A\n0 Unknown 0 0 0 0\n1 Left lung 70 130 180 0\n2 Tumour 245 245 245 0\n",
    "slicer.csv": "LabelValue,Name,Color_R,Color_G,Color_B,Color_A\n0,background,0,0,0,0\n1,Left lung,1,2,3,255\n"
    "2,Tumour,4,5,6,255\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for number in range(2):
        phantom = ct(number)
        label = np.minimum(phantom.label.array, 2)
        write(tmp_path / f"src/images/c{number}.nii.gz", phantom.images[0])
        write(tmp_path / f"src/labels/c{number}.nii.gz", phantom.label, label)
    return tmp_path / "src"


def named(done: Done) -> dict[str, Any]:
    assert done.code == 0, done.err
    return dict(done.json["labels"])


EXPECTED = {"background": 0, "Left lung": 1, "Tumour": 2}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_tools_declare_labels(name: str, source: Path, tmp_path: Path, segconv: Command) -> None:
    (tmp_path / name).write_text(TABLES[name])
    said = ("convert", source, "--to", "5_A", "--channels", "CT", "--labels", tmp_path / name, "-n", "--json")
    assert named(segconv(*said)) == {**EXPECTED, **({"Label 3": 3} if name == "snap.txt" else {})}


@pytest.mark.parametrize("name", ["snap.txt", "snap.label", "slicer.ctbl", "fs.txt"])
@pytest.mark.parametrize("folder", ["", "labels"])
def test_tables_next_to_labels_are_used_for_what_occurs(name: str, folder: str, source: Path, segconv: Command) -> None:
    (source / folder / name).write_text(TABLES[name])
    done = segconv("convert", source, "--to", "5_A", "--channels", "CT", "-n", "--json")
    assert named(done) == EXPECTED
    assert done.json["labels_guessed_from"].startswith(f"{folder}/{name}".lstrip("/"))


def test_tables_that_contradict_each_other_are_refused(source: Path, segconv: Command) -> None:
    (source / "a.txt").write_text(TABLES["snap.txt"])
    (source / "labels/b.ctbl").write_text(TABLES["slicer.ctbl"].replace("Tumour", "Vessel"))
    done = segconv("convert", source, "--to", "5_A", "--channels", "CT")
    assert (done.code, done.codes()) == (65, ["SC074"])
    for table in (f"{source}/a.txt", f"{source}/labels/b.ctbl"):
        assert f"--labels {table} names the one that counts for all masks" in done.err


def test_of_a_table_of_all_that_a_tool_knows_only_what_occurs_counts(
    source: Path, tmp_path: Path, segconv: Command
) -> None:
    lines = [f"{value} Region-{value} 1 2 3 0" for value in range(MANY + 1)]
    (tmp_path / "lut.txt").write_text("\n".join(lines))
    said = ("convert", source, "--to", "5_A", "--channels", "CT", "--labels", tmp_path / "lut.txt", "-n", "--json")
    assert named(segconv(*said)) == {"background": 0, "Region-1": 1, "Region-2": 2}


@pytest.mark.parametrize("text", ["128 0 0 car\n0 0 0 sky\n", "road:1,2,3::\n", "a note\n", ""])
def test_other_text_is_not_one_of_their_tables(text: str) -> None:
    assert labels_of_tool(lines_of(text)) is None


def test_values_of_one_name_stay_apart() -> None:
    assert labels_of_tool(["1 A 0 0 0 0", "2 A 0 0 0 0"]) == {"background": 0, "A": 1, "A_2": 2}


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("rawdata/{0}/{0}_ct", "derivatives/{0}/{0}_seg-vert_msk"),
        ("{0}_ct", "{0}_seg-vert_msk"),
        ("images/{0}_dir-ax_ct", "labels/{0}_dir-ax_seg-vert_msk"),
    ],
)
def test_names_of_verse_are_paired(image: str, label: str, tmp_path: Path, segconv: Command) -> None:
    for number in (4, 5):
        name, phantom = f"sub-verse{number:03d}", ct(number)
        write(tmp_path / "src" / f"{image.format(name)}.nii.gz", phantom.images[0])
        write(tmp_path / "src" / f"{label.format(name)}.nii.gz", phantom.label)
    done = segconv("convert", tmp_path / "src", "--to", "5_A", "--channels", "CT", "-n", "--json")
    assert done.code == 0, done.err
    assert (done.json["training_cases"], done.json["patients"]) == (2, 2)
