"""Regions decode as in nnU-Net; an order is verified, found, or refused."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.dataset.labels import Labels
from segconv.dataset.regions import decode, decoded_values, parse_regions, prove_order, swaps, value_names, with_order
from segconv.errors import SegconvError

BRATS = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
PLAIN = Labels({"background": 0, "edema": 1, "necrosis": 2, "enhancing": 3, "ignore": 4})


@st.composite
def label_systems(draw: st.DrawFn) -> Labels:
    """Any declaration with regions that nnU-Net takes, in any order of names, right or wrong."""
    count = draw(st.integers(2, 6))
    # A region as a bit set over the values: fast to draw; {0} is not a region.
    bits = draw(st.lists(st.integers(2, (2 << count) - 1), max_size=5))
    regions = [[v for v in range(count + 1) if b >> v & 1] for b in bits]
    # Values that no region holds are classes of their own: what is declared has no gap.
    regions += [[v] for v in range(1, count + 1) if not any(v in r for r in regions)]
    if not any(len(values) > 1 for values in regions):
        regions.append(list(range(1, count + 1)))
    turned = draw(st.integers(0, len(regions)))
    regions = regions[turned:] + regions[:turned]
    names: list[tuple[str, Any]] = [
        (f"region {n}", values[0] if len(values) == 1 and n % 2 else values) for n, values in enumerate(regions)
    ]
    names.insert(draw(st.integers(0, len(names))), ("background", 0))
    if draw(st.booleans()):
        names.insert(draw(st.integers(0, len(names))), ("ignore", count + 1))
    order = draw(st.lists(st.integers(0, count), min_size=len(regions), max_size=len(regions)))
    return Labels.from_json(dict(names), order)


@pytest.mark.train
@settings(max_examples=2000)
@given(label_systems())
def test_decoding_is_what_nnunets_label_manager_does(labels: Labels) -> None:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    manager = LabelManager(labels.as_json(), list(labels.regions_class_order or ()))
    values = np.array(list(decoded_values(labels)), dtype=np.uint8)
    assert manager.all_labels == values.tolist()
    # Its training target: one channel a region, on where the value is in the region.
    heads = manager.foreground_regions
    perfect = np.stack([np.isin(values, head if isinstance(head, tuple) else (head,)) for head in heads])
    expected = np.asarray(manager.convert_probabilities_to_segmentation(perfect.astype(np.float32)))
    assert decode(labels, values).tolist() == expected.tolist()
    assert manager.ignore_label == labels.ignore


@pytest.mark.train
@given(st.integers(1, 40), st.booleans())
def test_without_regions_nnunet_gives_every_value_back(count: int, ignore: bool) -> None:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager, convert_labelmap_to_one_hot

    names: dict[str, Any] = {"background": 0} | {f"organ {n}": [n] if n % 3 else n for n in range(1, count + 1)}
    labels = Labels.from_json(names | ({"ignore": count + 1} if ignore else {}))
    assert not labels.has_regions
    manager = LabelManager(labels.as_json(), None)
    values = np.array(list(decoded_values(labels)), dtype=np.uint8)[np.newaxis]
    perfect = convert_labelmap_to_one_hot(values, manager.all_labels, np.float32)
    assert (decode(labels, values) == manager.convert_probabilities_to_segmentation(perfect)).all()
    assert swaps(labels) == {}


def test_a_wrong_order_is_refused_with_what_it_swaps() -> None:
    """The declaration of nnU-Net's issue 3042: the enhancing tumour comes out as 3."""
    names = {"background": 0, "whole_tumor": [1, 2, 3, 4], "tumor_core": [1, 2, 3], "enhancing_tumor": 1}
    labels = Labels.from_json(names, [1, 2, 3])
    assert decoded_values(labels) == {0: 0, 1: 3, 2: 2, 3: 2, 4: 1}
    assert swaps(labels) == {1: 3, 3: 2, 4: 1}
    (finding,) = prove_order(labels)
    assert finding.code == "SC074"
    assert "1 enhancing_tumor → 3 whole_tumor&tumor_core" in finding.message
    assert "no order of these regions tells apart the values 2 whole_tumor&tumor_core and 3" in finding.message
    assert finding.hint == "add 'whole_tumor&tumor_core=3' to the regions"
    mended = with_order({**names, "whole_tumor&tumor_core": 3})
    assert swaps(mended) == {}


def test_the_usual_nested_regions_are_proved() -> None:
    labels = with_order(BRATS)
    assert (labels.as_json(), labels.regions_class_order) == (BRATS, (1, 2, 3))
    assert prove_order(labels) == []


def test_a_wrong_order_that_can_be_fixed_says_how() -> None:
    (finding,) = prove_order(Labels.from_json(BRATS, [3, 2, 1]))
    assert finding.message == ("regions_class_order [3, 2, 1] swaps 1 whole → 3 enhancing, 3 enhancing → 1 whole")
    assert finding.hint == "write regions_class_order [1, 2, 3] there, which gives every value back"
    backwards = {"background": 0, "enhancing": 3, "core": [2, 3], "whole": [1, 2, 3]}
    (finding,) = prove_order(Labels.from_json(backwards, [3, 2, 1]))
    assert "with the regions in the order whole, core, enhancing" in finding.hint
    assert with_order(backwards).as_json() == BRATS


def test_an_order_that_paints_an_undeclared_value_is_reported() -> None:
    (finding,) = prove_order(Labels.from_json(BRATS, [7, 2, 3]))
    assert "1 whole → 7 (not declared)" in finding.message


@settings(max_examples=2000)
@given(label_systems())
def test_an_order_is_found_if_there_is_one_and_names_are_added_if_not(labels: Labels) -> None:
    heads = labels.foreground
    any_works = any(_works(dict(order)) for order in itertools.permutations(heads.items())) if len(heads) < 6 else None
    try:
        ordered = with_order(labels.names)
    except SegconvError as error:
        assert any_works is not True
        assert error.code == "SC074"
        added = [word for word in shlex.split(error.hint) if "=" in word]
        names = {name: int(value) for name, _, value in (entry.rpartition("=") for entry in added)}
        assert not names.keys() & labels.names.keys()
        ordered = with_order({**labels.names, **names})
    else:
        assert any_works is not False
    assert swaps(ordered) == {}
    assert prove_order(ordered) == []
    assert with_order(ordered.names) == ordered
    assert {name: ordered.names[name] for name in labels.names} == dict(labels.names)


def _works(heads: dict[str, tuple[int, ...]]) -> bool:
    """Whether some values to paint give everything back: each is decided by the last head that holds it."""
    painted: dict[str, int] = {}
    for value in {v for values in heads.values() for v in values}:
        last = [name for name, values in heads.items() if value in values][-1]
        if painted.setdefault(last, value) != value:
            return False
    return True


def test_names_that_are_in_a_good_order_stay_in_it() -> None:
    names = {"background": 0, "all": [1, 2, 3], "b": 2, "c": 3, "a": 1}
    assert list(with_order(names).names) == list(names)


def test_plain_labels_need_no_order() -> None:
    assert with_order({"background": 0, "a": 2, "b": (1,)}) == Labels({"background": 0, "a": 2, "b": 1})


def test_decoding_keeps_shape_and_type_and_turns_ignored_voxels_to_background() -> None:
    labels = Labels.from_json(BRATS | {"ignore": 4}, [1, 2, 3])
    values = np.arange(5, dtype=np.uint8).reshape(1, 5)
    decoded = decode(labels, values)
    assert (decoded.tolist(), decoded.dtype) == ([[0, 1, 2, 3, 0]], np.uint8)
    assert decode(labels, np.empty((0, 3), dtype=np.int16)).shape == (0, 3)
    with pytest.raises(SegconvError, match="from 0 to 5") as caught:
        decode(labels, np.array([0, 5]))
    assert caught.value.code == "SC070"
    with pytest.raises(SegconvError, match="from -1 to 0"):
        decode(labels, np.array([0, -1]))


def test_a_painted_value_that_the_type_cannot_hold_is_not_wrapped() -> None:
    labels = Labels.from_json({"background": 0, "whole": [1, 2], "core": 2}, [300, 2])
    assert decode(labels, np.array([0, 1, 2], dtype=np.uint8)).tolist() == [0, 300, 2]


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("whole = edema + necrosis + enhancing", {"whole": (1, 2, 3)}),
        ("whole=3+2+1, core=2+3", {"whole": (1, 2, 3), "core": (2, 3)}),
        (["core=necrosis+enhancing", "whole=edema+core"], {"core": (2, 3), "whole": (1, 2, 3)}),
        (["edema=edema"], {"edema": (1,)}),
    ],
)
def test_regions_are_read_by_name_and_by_value(text: Any, regions: Any) -> None:
    assert parse_regions(text, PLAIN) == regions


def test_a_label_whose_name_holds_a_plus_is_found() -> None:
    labels = Labels({"background": 0, "a+b": 1, "c": 2})
    assert parse_regions(["x=a+b", "y=c"], labels) == {"x": (1,), "y": (2,)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whole", "is not a region"),
        ("=edema", "is not a region"),
        ("whole=", "is not a region"),
        ("whole=edma", "names 'edma'"),
        ("whole=7", "names '7'"),
        ("whole=edema+", "names ''"),
        ("whole=edema+background", "holds background"),
        ("whole=edema+4", "holds ignore"),
        ("Ignore=edema", "a meaning of its own"),
        (["a=edema", "a=2"], "given twice"),
    ],
)
def test_a_region_that_cannot_be_read_is_refused(text: Any, message: str) -> None:
    with pytest.raises(SegconvError, match=message) as caught:
        parse_regions(text, PLAIN)
    assert caught.value.code == "SC001"


def test_a_misspelled_label_is_guessed_in_the_hint() -> None:
    with pytest.raises(SegconvError) as caught:
        parse_regions("whole=edma", PLAIN)
    assert caught.value.hint == "did you mean 'edema'?"


def test_values_are_named_by_their_own_name_or_by_their_regions() -> None:
    labels = Labels.from_json({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}, [1, 2, 3])
    assert value_names(labels) == {0: "background", 1: "whole", 2: "whole&core", 3: "enhancing"}
