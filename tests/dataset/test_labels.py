"""Labels are valid once they exist."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.label_table import dense, dense_colours
from segconv.dataset.labels import Labels
from segconv.errors import SegconvError

declared = st.dictionaries(
    st.text(min_size=1, max_size=8)
    .map(str.strip)
    .filter(lambda n: n and n.lower().strip() not in ("ignore", "background")),
    st.integers(1, 65535),
    max_size=8,
).map(lambda d: {"background": 0} | {n: v for n, v in d.items() if list(d.values()).count(v) == 1})


@given(declared)
def test_any_declared_values_become_dense_in_their_order_and_come_back(names: dict[str, int]) -> None:
    mapped = dense(names)
    assert mapped.labels.values == tuple(range(len(names)))
    assert [mapped.forward[v] for v in sorted(names.values())] == list(range(len(names)))
    assert {mapped.inverse[mapped.forward[v]] for v in names.values()} == set(names.values())
    assert {n: mapped.forward[v] for n, v in names.items()} == dict(mapped.labels.names)


@pytest.mark.parametrize(
    "names",
    [
        {"organ": 1},
        {"background": 1, "organ": 0},
        {"background": 0, "a": 1, "b": 1},
        {"background": 0, "ignore": 1, "organ": 2},
    ],
)
def test_a_declaration_that_hints_at_a_mistake_is_refused(names: dict[str, int]) -> None:
    with pytest.raises(SegconvError) as caught:
        dense(names)
    assert caught.value.code == "SC074"


@pytest.mark.parametrize(
    ("names", "order"),
    [
        ({"organ": 1}, None),
        ({"Background": 0, "organ": 1}, None),
        ({"background": 0, "organ": 2}, None),
        ({"background": 0, "a": 1, "b": 1}, None),
        ({"background": 0, "a": 1, "Ignore": 2}, None),
        ({"background": 0, "ignore": 1, "a": 2}, None),
        ({"background": 0, "a": 1.5}, None),
        ({"background": 0, "a": True}, None),
        ({"background": 0, "whole": [1, 2], "core": 2}, None),
        ({"background": 0, "whole": [1, 2], "core": 2}, [1]),
        ({"background": 0, "whole": [1, 2], "ignore": 2}, [1]),
        ({"background": 0, "whole": [1, 2], "core": 2, "ignore": [3]}, [1, 2]),
        ({"background": 0, "whole": [1, 1]}, [1]),
        ({"background": 0, "a": 1, "none": []}, [1, 1]),
        ({"background": [0], "a": 1}, None),
        ({"background": 0, "a": 1, "a ": 2}, None),
        ({"background": 0, " ": 1}, None),
        ({"background": 0, "a": -1}, None),
        ({"background": 0, "ignore": 0}, None),
        ({"background": 0, "whole": [1, 2], "core": 2, "ignore": 0}, [1, 2]),
        ({"background": 0, "whole": [0, 1], "ignore": 0}, [1]),
        ({"background": 0, "whole": [1, 2], "core": 2}, "12"),
        ({"background": 0, "whole": [1, 2], "core": 2}, 12),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_labels_that_nnunet_would_stumble_over_are_refused(names: Any, order: Any) -> None:
    with pytest.raises(SegconvError) as caught:
        Labels.from_json(names, order)
    assert caught.value.code == "SC074"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"organ": 1}, "'background' is missing, expected 0"),
        ({"background": 1, "organ": 0}, "'background' is 1, expected 0"),
        ({"background": 0, "a": 1, "b": 1}, "the value 1 is declared for 'a' and 'b'"),
        ({"background": 0, "ignore": 1, "organ": 2}, "'ignore' is 1, but 'organ' is 2"),
    ],
)
def test_a_mistake_is_reported_in_the_values_of_the_files(names: dict[str, int], said: str) -> None:
    with pytest.raises(SegconvError, match=said):
        dense(names)


@pytest.mark.parametrize(
    ("colours", "said"),
    [
        ({"road": 0xFF0000}, "'background' is missing"),
        ({"background": 0, "road": 5, "roof": 5, "tree": 6}, "#000005 is declared for 'road' and 'roof'"),
    ],
)
def test_colours_that_hint_at_a_mistake_are_refused(colours: dict[str, int], said: str) -> None:
    with pytest.raises(SegconvError, match=said) as caught:
        dense_colours(colours)
    assert caught.value.code == "SC074"


def test_regions_and_ignore_are_read_and_written_alike() -> None:
    names = {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    labels = Labels.from_json(names, [1, 2])
    assert labels.as_json() == names
    assert (labels.ignore, labels.values, labels.has_regions) == (3, (0, 1, 2, 3), True)
    assert labels.foreground == {"whole": (1, 2), "core": (2,)}
    assert pickle.loads(pickle.dumps(labels)) == labels  # noqa: S301 - our own bytes


def test_a_list_of_one_value_is_a_class_and_no_region() -> None:
    labels = Labels.from_json({"background": 0, "a": [1], "b": [2]})
    assert (labels.has_regions, labels.as_json()) == (False, {"background": 0, "a": 1, "b": 2})


def test_a_region_of_only_background_has_no_head() -> None:
    labels = Labels.from_json({"background": 0, "nothing": [0], "whole": [1, 2], "core": 2}, [1, 2])
    assert list(labels.foreground) == ["whole", "core"]
