"""Labels given by options: what cannot be meant is refused, with what could be."""

from __future__ import annotations

import pytest

from segconv.cli.label_texts import parse_labels, parse_map
from segconv.convert.labels.declared import Declared
from segconv.convert.repairs import LARGEST, AllowedRepairs
from segconv.errors import SegconvError


def refused(said: str) -> object:
    return pytest.raises(SegconvError, match=said)


@pytest.mark.parametrize("text", ["road", "road=", "=5", " =5", "road=five", "road=#12", "background=0,,road=1"])
def test_labels_are_names_with_values(text: str) -> None:
    with refused("is not NAME=VALUE"):
        parse_labels(text)


def test_a_name_and_a_value_are_given_once() -> None:
    assert parse_labels("background=0, road=255") == {"background": 0, "road": 255}
    with refused("'road' is declared twice"):
        parse_labels("background=0,road=1, road =2")
    assert parse_map(["255=road,1=roof", "#ff0000=tree"]) == {"255": "road", "1": "roof", "#ff0000": "tree"}
    with refused("255 is mapped twice"):
        parse_map(["255=road", "255=roof"])


def test_among_colours_a_grey_value_is_one_of_eight_bits() -> None:
    assert Declared.of({"background": "#000000", "road": 255}).names == {"background": 0, "road": 0xFFFFFF}
    with refused("the value 256, which is none"):
        Declared.of({"background": "#000000", "road": 256})


def test_a_map_is_read_in_both_orders_and_two_values_are_value_and_name() -> None:
    assert parse_map(["road=255, tree=#00FF00", "a=b=7"]) == {"255": "road", "#00ff00": "tree", "7": "a=b"}
    assert parse_map(["1=2"]) == {"1": "2"}
    with refused("255 is mapped twice"):
        parse_map(["255=road", "roof=255"])
    with refused("-1 is negative"):
        parse_map(["road=-1"])


@pytest.mark.parametrize("entry", ["255", "=road", "255=", "=255", "x=road", "#12=road", "road=#12"])
def test_a_map_is_of_values_to_names(entry: str) -> None:
    with refused("is not VALUE=NAME"):
        parse_map([entry])


@pytest.mark.parametrize("value", [LARGEST * 1.001, -LARGEST * 1.001, float("nan"), float("inf")])
def test_the_replacement_of_non_finite_values_is_finite(value: float) -> None:
    for allowed in (LARGEST, -LARGEST, 0.0, None):
        assert AllowedRepairs(nonfinite=allowed).nonfinite == allowed
    with refused("no number to compute with"):
        AllowedRepairs(nonfinite=value)


def test_repairs_that_are_unknown_or_contradict_each_other_are_refused() -> None:
    with refused("no such repair"):
        AllowedRepairs(("everything",))
    with refused("cannot both take its image"):
        AllowedRepairs(("header", "cast", "resample"))
    assert AllowedRepairs(("header", "cast")).kinds == ("header", "cast")
    assert AllowedRepairs(("resample",)).kinds == ("resample",)
