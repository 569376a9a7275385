"""Fields of a NRRD header are read as pynrrd reads them, or refused."""

from __future__ import annotations

import warnings

import nrrd as pynrrd
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image.formats.nrrd_fields import read_fields

NUMBERS = ("dimension", "byte skip", "sizes", "spacings", "axis mins", "space origin", "space directions", "old min")
WORDS = ("kinds", "centerings", "labels", "units", "space units", "content", "type")
PARTS = ["0", "1", "2.5", "-3", "1e3", "1e400", "nan", "none", "inf", "(", ")", ",", " ", "(1,0,0)", "none ", "+", "."]


def by_pynrrd(name: str, text: str) -> object:
    """What pynrrd reads, None if it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return pynrrd.read_header(["NRRD0004", f"{name}: {text}"])[name]
        except Exception:  # noqa: BLE001 - whatever it raises of a field, it refuses it
            return None


def by_us(name: str, text: str) -> object:
    try:
        return read_fields(f"NRRD0004\n{name}: {text}\n\n".encode()).values[name]
    except SegconvError as error:
        assert error.code == "SC053"
        return None


def rows(found: object) -> object:
    """Vectors as pynrrd has them, with a row of NaN for ``none``."""
    if not isinstance(found, list) or all(isinstance(one, (int, str)) for one in found):
        return found
    length = next((len(vector) for vector in found if vector is not None), 0)
    return np.array([np.full(length, np.nan) if vector is None else vector for vector in found])


@given(st.sampled_from(NUMBERS), st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map("".join))
@example("space directions", "(1,0,0) none (0,0,3)")
@example("space directions", "none none")
@example("sizes", "4 3 2")
def test_numbers(name: str, text: str) -> None:
    theirs, ours = by_pynrrd(name, text.strip()), by_us(name, text)
    if name == "sizes" and theirs is not None and ours is None:
        assert any(word for word in text.split() if not float(word).is_integer()), "pynrrd cuts fractions off"
        return
    assert (theirs is None) == (ours is None), text
    if ours is not None:
        assert np.array_equal(np.asarray(theirs, float), np.asarray(rows(ours), float), equal_nan=True)


@given(st.sampled_from(WORDS), st.text("ab \"'\\-", min_size=1, max_size=12))
@example("units", '"mm" "mm" "mm"')
def test_words(name: str, text: str) -> None:
    assert by_us(name, text) == by_pynrrd(name, text.strip())


@pytest.mark.parametrize("text", ["4.5 3 2", "1e300 1 1", "nan 1 1", "inf 1 1"])
def test_sizes_are_whole_numbers(text: str) -> None:
    assert by_us("sizes", text) is None
