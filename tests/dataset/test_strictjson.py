"""JSON from a source is read as untrusted input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset import strictjson
from segconv.dataset.strictjson import MAX_DEPTH, dumps, load_object, loads
from segconv.errors import SegconvError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_written_files_are_read_back(value: object) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1, 2",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        b'{"a": "\xff"}',
        b"[" * 100 + b"]" * 100,
        b"[" * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b"[1]",
        b'"text"',
    ],
)
def test_what_cannot_be_trusted_is_refused(data: bytes) -> None:
    with pytest.raises(SegconvError) as caught:
        load_object(data)
    assert caught.value.code == "SC086"


def test_a_repeated_key_is_found_in_one_pass() -> None:
    keys = [str(number) for number in range(400_000)]  # of which one pass for each would take hours
    pairs = ",".join(f'"{key}":0' for key in [*keys, keys[-1], keys[-2]])
    with pytest.raises(SegconvError, match="the key '399998' twice"):
        loads(f"{{{pairs}}}".encode())


def test_size_and_depth_may_reach_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(SegconvError, match="nested deeper"):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    monkeypatch.setattr(strictjson, "MAX_BYTES", 8)
    assert loads(b'{"a": 1}') == {"a": 1}
    with pytest.raises(SegconvError, match="at most 8 are read"):
        loads(b'{"a": 1} ')


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    assert load_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_value_inside_the_deepest_level_is_one_level_more() -> None:
    assert loads(b"[" * (MAX_DEPTH - 1) + b"1" + b"]" * (MAX_DEPTH - 1))
    with pytest.raises(SegconvError, match="nested deeper"):
        loads(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)
