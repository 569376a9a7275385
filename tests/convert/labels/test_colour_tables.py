"""Tables of labels and colours, as annotation tools and people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.labels.colour_tables import FILES, find_tables, read_table
from segconv.errors import SegconvError

ROAD = {"background": "#000000", "road": "#ff0000", "tree top": "#008040"}
GLASS = {"background": "#00000000", "road": "#ff0000", "glass": "#0080407f"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:255,0,0::\ntree top:0,128,64:a,b:c\n", ROAD),
        ("labelmap.txt", "\ufeffbackground:0,0,0::\r\nroad:255,0,0::\r\ntree top:0,128,64::\r\n\r\n", ROAD),
        ("labelmap.txt", "Background:0, 0, 0::\nroad:255,0,0\ntree top:0,128,64::", ROAD),
        ("label_colors.txt", "0 0 0 background\n255 0 0 road\n0 128 64\ttree top\n", ROAD),
        ("label_colors.txt", "0, 0, 0, background\n255, 0, 0, road\n0, 128, 64, tree top\n", ROAD),
        ("class_dict.csv", "name,r,g,b\nBackground,0,0,0\nroad,255,0,0\ntree top,0,128,64\n", ROAD),
        ("class_dict.csv", "name, red, green, blue\nbackground,0,0,0\nroad,255,0,0\ntree top,0,128,64\n", ROAD),
        ("t.csv", "label;color\nbackground;#000000\nroad;#FF0000\ntree top;008040\n", ROAD),
        ("t.tsv", "class\thex\nbackground\t#000000\nroad\t#ff0000\ntree top\t#008040\n", ROAD),
        ("t.csv", "name,color\nbackground,\"0,0,0\"\nroad,\"255,0,0\"\ntree top,\"0 128 64\"\n", ROAD),
        ("t.csv", "id,name\n0,background\n255,road\n", {"background": 0, "road": 255}),
        ("t.csv", "name,value,color\nbackground,0,#000000\nroad,255,#ff0000\n", {"background": 0, "road": 255}),
        ("t.json", '{"background": 0, "road": 255}', {"background": 0, "road": 255}),
        ("t.json", '{"0": "background", "255": "road"}', {"background": 0, "road": 255}),
        ("t.json", '{"background": [0, 0, 0], "road": [255, 0, 0], "tree top": "#008040"}', ROAD),
        ("t.json", '{"#000000": "background", "#ff0000": "road", "#008040": "tree top"}', ROAD),
        ("t.json", '{"labels": [{"name": "background", "color": "#000000"}, {"name": "road", "color": [255, 0, 0]}, {"name": "tree top", "color": "#008040"}]}', ROAD),
        ("t.json", '[{"label": "background", "id": 0}, {"label": "road", "id": 7}]', {"background": 0, "road": 7}),
        ("labelmap.txt", "background:0,0,0,0::\nroad:255,0,0::\nglass:0, 128, 64, 127\n", GLASS),
        ("label_colors.txt", "3 2 1 0 background\n255 0 0 255 road\n0,128,64,127,glass\n", GLASS),
        ("label_colors.txt", "0 0 0 background\n255 0 0 2 lanes\n", {"background": "#000000", "2 lanes": "#ff0000"}),
        ("t.csv", "name,r,g,b,alpha\nbackground,0,0,0,0\nroad,255,0,0,255\nglass,0,128,64,127\n", GLASS),
        ("t.csv", "name,rgba\nbackground,#FFFFFF00\nroad,ff0000FF\nglass,\"(0, 128, 64, 127)\"\n", GLASS),
        ("t.json", '{"background": [0, 0, 0, 0], "road": [255, 0, 0], "glass": "#0080407F"}', GLASS),
        ("t.json", '{"#00000000": "background", "#ff0000ff": "road", "#0080407f": "glass"}', GLASS),
    ],
)  # fmt: skip
def test_a_table_is_read(name: str, text: str, expected: dict[str, int | str], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_table(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "data", "code", "wording"),
    [
        ("labelmap.txt", b"background 0\n", "SC074", "'background 0' is not a line of a colour table"),
        ("labelmap.txt", b"background:0,0,256::\n", "SC074", "part outside 0..255"),
        ("labelmap.txt", b"road:1,2,3::\nroad:4,5,6::\n", "SC074", "'road' occurs twice"),
        ("labelmap.txt", b"background:0,0,0::\nBackground:1,1,1::\n", "SC074", "'background' occurs twice"),
        ("labelmap.txt", b"stra\xdfe:0,0,0::\n", "SC074", "is not UTF-8"),
        ("labelmap.txt", b"", "SC074", "is empty"),
        ("t.csv", b"", "SC074", "is empty"),
        ("t.csv", b"a,b\n1,2\n", "SC074", "has the columns a, b"),
        ("t.csv", b"value,color\n0,#000000\n", "SC074", "has the columns value, color"),
        ("t.csv", b"name,r,g\nroad,1,2\n", "SC074", "has the columns name, r, g"),
        ("t.csv", b"name,value\nroad\n", "SC074", "line 2"),
        ("t.csv", b"name,value\nroad,red\n", "SC074", "line 2"),
        ("t.csv", b"name,color\nroad,#ff00\n", "SC074", "line 2"),
        ("t.csv", b"name,r,g,b\nroad,1,2\n", "SC074", "line 2"),
        ("t.json", b"{", "SC086", ""),
        ("t.json", b'{"road": 1, "road": 2}', "SC086", ""),
        ("t.json", b'"road"', "SC074", "neither an object nor a list"),
        ("t.json", b'{"road": true}', "SC074", "True"),
        ("t.json", b'{"road": [1, 2]}', "SC074", "[1, 2]"),
        ("t.json", b'{"road": [1, 2, "x"]}', "SC074", "x"),
        ("t.json", b'{"road": -1}', "SC074", "-1"),
        ("t.json", b'{"road": [1.0, 0.0, 0.0, 0.5]}', "SC074", "0.5"),
        ("t.json", b'{"road": [1, 2, 3, 256]}', "SC074", "part outside 0..255"),
        ("t.json", b'{"road": [1, 2, 3, 4, 5]}', "SC074", "[1, 2, 3, 4, 5]"),
        ("t.csv", b"name,r,g,b,a\nroad,1,2,3,\n", "SC074", "line 2"),
        ("t.csv", b"name,color\nroad,#ff00000\n", "SC074", "line 2"),
        ("t.json", b"[1]", "SC074", "1"),
    ],
)  # fmt: skip
def test_an_invalid_table_is_refused_by_name(name: str, data: bytes, code: str, wording: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SegconvError) as caught:
        read_table(tmp_path / name)
    assert caught.value.code == code
    assert caught.value.file == str(tmp_path / name)
    assert wording in caught.value.message


def test_a_missing_table_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        read_table(tmp_path / "labelmap.txt")
    assert (caught.value.code, caught.value.exit_code) == ("SC010", 66)


def test_tables_next_to_the_masks_are_found_by_their_names(tmp_path: Path) -> None:
    assert find_tables(tmp_path) == []
    for name in (FILES[1], FILES[0], "other.csv", "label_names.txt"):
        (tmp_path / name).write_text("0 0 0 background\n")
    assert find_tables(tmp_path) == [tmp_path / FILES[0], tmp_path / FILES[1], tmp_path / "label_names.txt"]


NAMES = st.text(
    st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x2FF, exclude_characters=":#,;\"'\t"),
    min_size=1,
    max_size=8,
)
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(
    table=st.dictionaries(
        NAMES.filter(lambda n: n.casefold() != "background" and not n[0].isdigit()), COLOURS, min_size=1, max_size=6
    )
)
def test_exports_of_cvat_and_camvid_are_read_correctly(
    table: dict[str, tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    expected = {name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in table.items()}
    (folder / "labelmap.txt").write_text(
        "".join(f"{n}:{r},{g},{b}::\n" for n, (r, g, b) in table.items()), encoding="utf-8"
    )
    (folder / "label_colors.txt").write_text(
        "".join(f"{r} {g} {b} {n}\n" for n, (r, g, b) in table.items()), encoding="utf-8"
    )
    assert read_table(folder / "labelmap.txt") == expected
    assert read_table(folder / "label_colors.txt") == expected
