"""Tables and lists of classes next to picture masks are read and compared with the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segconv.convert.labels.declared import MANY

from ...command import Command
from ..drawn import save, written
from .test_set_values import boxes, make, proposals, refused, ring
from .test_tool_tables import TABLES

GROUND = np.array([[255, 0, 0], [0, 0, 0], [255, 255, 255]], np.uint8)
"""Colours of the indices 0, 1, 2."""


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("class_names.txt", "_background_\nroad\n"),
        ("labels.csv", "name,value\nbackground,0\nroad,1\n"),
        ("masks/own.ctbl", "0 (none) 0 0 0 0\n1 road 255 0 0 255\n"),
    ],
)
def test_a_list_whose_background_is_inside_is_refused_with_both_readings(
    table: str, text: str, tmp_path: Path, segconv: Command
) -> None:
    source = make(tmp_path / "mine", a=boxes(0, ground=1), b=boxes(0, 0, ground=1))
    (source / table).write_text(text)
    done = refused(segconv, source)
    assert f"{table} says that background is 0, but 1 (road) takes 100 % of the border of all masks" in done.err
    turned, as_listed = (text.strip("'") for text in proposals(done))
    assert (turned, as_listed) == ("background=1,road=0", "background=0,road=1")
    assert segconv("convert", source, "--to", "9_A", "--labels", turned).code == 0
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "b"), boxes(1, 1))
    assert segconv("convert", source, "--to", "8_B", "--labels", as_listed).code == 0
    assert np.array_equal(written(segconv.raw / "Dataset008_B", "b"), boxes(0, 0, ground=1))


def test_a_list_next_to_masks_on_white_names_what_is_drawn(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(0, ground=255), b=boxes(0, 0, ground=255))
    (source / "classes.txt").write_text("background\nroad\n")
    turned, with_another = (text.strip("'") for text in proposals(refused(segconv, source)))
    assert (turned, with_another) == ("background=255,road=0", "background=0,road=1,class_2=255")
    assert segconv("convert", source, "--to", "9_A", "--labels", turned).code == 0


def test_a_table_of_colours_on_ground_of_another_colour_is_refused_with_both(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=GROUND[ring(0, 1, 2)], b=GROUND[ring(1, 0, 2)])
    (source / "labelmap.txt").write_text("background:0,0,0::\nroad:255,0,0::\nsky:255,255,255::\n")
    done = refused(segconv, source)
    assert "background is #000000, but #ffffff (sky) takes 100 % of the border" in done.err
    turned, as_listed = (text.strip("'") for text in proposals(done))
    assert segconv("convert", source, "--to", "9_A", "--labels", as_listed).code == 0
    assert segconv("convert", source, "--to", "8_B", "--labels", turned).code == 0
    assert np.array_equal(np.unique(written(segconv.raw / "Dataset008_B", "a")), [0, 1, 2])


def test_a_listed_class_around_others_is_not_background_where_0_is_at_the_border_too(
    tmp_path: Path, segconv: Command
) -> None:
    tissue = boxes(2, ground=1)
    tissue[:, :4] = 0
    source = make(tmp_path / "mine", a=tissue, b=boxes(2, 2, ground=1))
    (source / "classes.txt").write_text("background\ntissue\ntumour\n")
    assert segconv("convert", source, "--to", "9_A").code == 0


def test_a_table_with_another_name_for_0_says_how_to_count_it_as_background(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(1), b=boxes(1, 1))
    (source / "labels.csv").write_text("name,value\ncell,0\nnucleus,1\n")
    done = refused(segconv, source)
    assert "--labels background=0,nucleus=1 if 'cell' counts as background" in done.err


@pytest.mark.parametrize("name", ["snap.txt", "snap.label", "slicer.ctbl", "fs.txt"])
@pytest.mark.parametrize("folder", ["", "masks"])
def test_tables_of_tools_next_to_pictures_name_what_occurs(
    name: str, folder: str, tmp_path: Path, segconv: Command
) -> None:
    source = make(tmp_path / "mine", a=boxes(2), b=boxes(2, 2))
    (source / folder / name).write_text(TABLES[name])
    done = segconv("convert", source, "--to", "9_A", "--json")
    assert done.code == 0, done.err
    assert done.json["labels"] == {"background": 0, "Tumour": 1}
    assert done.json["left_alone"]["count"] == 0
    assert f"declared by {folder}/{name}".replace("by /", "by ") in done.err + str(done.json["notes"])
    assert np.array_equal(written(segconv.raw / "Dataset009_A", "b"), boxes(1, 1))


def test_a_name_for_0_in_a_table_of_a_tool_is_printed(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(1), b=boxes(1, 1))
    (source / "own.ctbl").write_text("0 cyst 255 0 0 255\n1 liver 0 255 0 255\n")
    done = segconv("convert", source, "--to", "9_A")
    assert done.code == 0, done.err
    assert "own.ctbl calls 0 'cyst'; it counts as background" in done.err


def test_of_a_long_table_only_what_occurs_in_pictures_counts(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(2), b=boxes(2, 3))
    lut = tmp_path / "lut.txt"
    lut.write_text("\n".join(f"{value} Region-{value} 1 2 3 0" for value in range(MANY + 1)))
    done = segconv("convert", source, "--to", "9_A", "--labels", lut, "--json")
    assert done.json["labels"] == {"background": 0, "Region-2": 1, "Region-3": 2}


def test_a_value_beyond_those_declared_is_offered_no_snap(tmp_path: Path, segconv: Command) -> None:
    source = make(tmp_path / "mine", a=boxes(1), b=boxes(255))
    done = refused(segconv, source, "--labels", "background=0,road=1", code="SC070")
    assert "--map 255=NAME" in done.err
    assert "--snap" not in done.err


def test_an_edge_between_those_declared_is_offered_to_the_nearest(tmp_path: Path, segconv: Command) -> None:
    edge = boxes(255)
    edge[1, 3:6] = 100
    source = make(tmp_path / "mine", a=boxes(255), b=edge)
    assert (
        "--snap 100 --restart takes the nearest"
        in refused(segconv, source, "--labels", "background=0,x=255", code="SC070").err
    )
    save(source / "masks/b.png", boxes(255))
    assert segconv("convert", source, "--to", "7_R", "--labels", "background=0,x=255", "--restart").code == 0
