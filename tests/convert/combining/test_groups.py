"""Groups of classes as users type them."""

from __future__ import annotations

import pytest

from segconv.convert.combining.groups import classes_of, numbered, parse_groups
from segconv.errors import SegconvError

KNOWN = ("liver", "lung_left", "lung_right", "rib_1", "rib_2")
USUAL = {"lung": ("lung_left", "lung_right"), "liver": ("rib_1",)}


def classes(*texts: str) -> dict[str, tuple[str, ...]]:
    return classes_of(parse_groups(texts), KNOWN, USUAL)


def test_names_patterns_and_usual_groups_become_classes_in_their_order() -> None:
    assert classes("all=rib_*, lung,liver", "lung") == {
        "all": ("liver", "lung_left", "lung_right", "rib_1", "rib_2"),
        "lung": ("lung_left", "lung_right"),
    }
    assert classes("liver") == {"liver": ("liver",)}, "a class comes before a usual group of its name"
    assert classes("ribs=rib_[1]") == {"ribs": ("rib_1",)}
    assert classes("own=lung_left + liver") == classes("own=lung_left,liver")
    assert classes_of(parse_groups(["CD4+", "own=CD4?"]), ["CD4+"], {}) == {"CD4+": ("CD4+",), "own": ("CD4+",)}


@pytest.mark.parametrize(
    "texts", [["=liver"], ["a="], ["a=liver,,x"], ["a=liver", "a=rib_1"], ["<a>=liver"], ["background=liver"], []]
)
def test_what_is_no_group_is_refused(texts: list[str]) -> None:
    with pytest.raises(SegconvError) as refused:
        parse_groups(texts)
    assert refused.value.code == "SC001"


@pytest.mark.parametrize(
    ("text", "near"), [("a=livr", "liver"), ("a=spleen_*", "there are"), ("lungs", "lung"), ("a=liver+lungs", "lung")]
)
def test_what_is_no_class_brings_similar_names(text: str, near: str) -> None:
    with pytest.raises(SegconvError) as refused:
        classes(text)
    assert refused.value.code == "SC191"
    assert near in refused.value.hint


def test_a_class_in_two_groups_belongs_to_the_first_and_that_is_said() -> None:
    values, findings = numbered(classes("lung", "left=lung_left,liver"))
    assert values == {"lung_left": 1, "lung_right": 1, "liver": 2}
    assert [finding.code for finding in findings] == ["SC198"]
    assert findings[0].message == "lung_left of left counts as lung, which is named first"
    _, findings = numbered({"a": ["liver"], "b": ["lung_left"], "c": ["lung_left", "liver", "lung_right"]})
    assert [finding.message.partition(",")[0] for finding in findings] == [
        "lung_left of c counts as b",
        "liver of c counts as a",
    ]
