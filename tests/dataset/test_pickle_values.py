"""Pickles read as data: the values of Python's unpickler, without running, allocating or waiting."""

from __future__ import annotations

import pickle
import pickletools
import struct
import tracemalloc
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset import pickle_values
from segconv.dataset.pickle_values import values_of
from segconv.dataset.pickled_arrays import Array, NotPlain

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(-(2**30), 2**30), inner, max_size=4).map(OrderedDict)
    ),
    max_leaves=15,
)


@given(plain, st.sampled_from(PROTOCOLS))
def test_plain_values_are_those_that_were_pickled(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert values_of(data) == value
    assert values_of(pickletools.optimize(data)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.array(["liver", "ä", ""]),
        np.array(["liver"]).astype(">U9"),
        np.array([["a"], ["b"]]),
        np.arange(12, dtype=np.int64).reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=">i2").reshape(3, 4)),
        np.arange(12.0)[::3],
        np.array([1.5], np.float16),
        np.array([True, False]),
        np.array([200], np.uint8),
        np.array([], np.float64),
        np.zeros((0, 4), np.int64),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_hold_what_was_pickled(array: Any, protocol: int) -> None:
    found = values_of(pickle.dumps({"a": [array, (array,)]}, protocol))["a"][0]
    assert isinstance(found, Array)
    assert (found.shape, found.values(), len(found)) == (array.shape, array.tolist(), len(array))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_and_arrays_of_objects_hold_what_was_pickled(protocol: int) -> None:
    scalars = [np.float64(1.5), np.int16(-3), np.bool_(True), np.str_("ä"), np.float32(0.5)]
    assert values_of(pickle.dumps(scalars, protocol)) == scalars
    objects = values_of(pickle.dumps(np.array(["a", None, 5], dtype=object), protocol))
    assert objects.values() == ["a", None, 5]


def test_types_are_read_as_older_versions_of_numpy_wrote_them() -> None:
    data = pickle.dumps([np.array(["liver", "ä"]), np.float64(1.5)], 2).replace(b"\x89\x88\x87", b"K\0K\1\x87")
    data = data.replace(b"numpy._core", b"numpy.core")
    array, number = values_of(data)
    assert (array.values(), number) == (["liver", "ä"], 1.5)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


HUGE = struct.pack("<Q", 1 << 40)
DTYPE = b"cnumpy\ndtype\n"
U1 = DTYPE + b"(" + short("U1") + b"\x89\x88tR(K\x03" + short("<") + b"NNNK\x04K\x04K\x08tb"
EMPTY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85C\x01btR"

BOMBS = {
    "a large memo index": b"]r\xff\xff\xff\x7f.",
    "a large memo index as text": b"(lp2147483647\n.",
    "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "a long number of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "a fraction of a million digits": b"F" + b"9" * 1_000_000 + b"\n.",
    "LONG4": b"\x8b" + struct.pack("<i", 1 << 16) + bytes(1 << 16) + b".",
    "a negative LONG4": b"\x8b\xff\xff\xff\xff.",
    "BINUNICODE8": b"\x8d" + HUGE + b"a.",
    "BINUNICODE": b"X\xff\xff\xff\xffa.",
    "BINBYTES8": b"\x8e" + HUGE + b"a.",
    "BINBYTES": b"B\xff\xff\xff\xffa.",
    "BYTEARRAY8": b"\x96" + HUGE + b"a.",
    "BINSTRING": b"T\xff\xff\xff\x7fa.",
    "a frame": b"\x80\x04\x95" + b"\xff" * 8 + b"N",
    "a buffer from elsewhere": b"\x97.",
    "DUP": b"N" + b"2" * 100_000 + b".",
    "POP": b"NN0.",
    "deep marks": b"(" * 100_000 + b"t" * 100_000 + b".",
    "a key of a deep tuple": b"}" + b"N" + b"\x85" * 100_000 + b"Ns.",
    "a key of a long tuple": b"}(" + b"K\1" * 100_000 + b"tNs.",
    "a key with a hash of its own choice": b"}\x8a\x09" + ((1 << 61) - 1).to_bytes(9, "little") + b"Ns.",
    "an array of a large shape": EMPTY
    + b"(K\1\x8a\x06"
    + (1 << 40).to_bytes(6, "little")
    + b"\x85"
    + U1
    + b"\x89C\x01atb.",
    "an empty type of a large shape": DTYPE + b"(" + short("U0") + b"\x89\x88tR.",
    "a large array to begin with": EMPTY.replace(b"K\0", b"J\0\0\0\x7f") + b".",
    "a type with other flags": U1.replace(b"K\x08tb", b"K\x09tb") + b".",
    "a type with fields": U1.replace(b"NNN", b"NN(" + short("x") + b"t") + b".",
    "no characters": EMPTY + b"(K\1K\1\x85" + U1 + b"\x89C\x04\xff\xff\xff\xfftb.",
    "a type in the place of an array": EMPTY + DTYPE + b"b.",
    "the state of something else": b"}}b.",
    "an extension": b"\x82\x01.",
    "a persistent identifier": b"Pa\n.",
    "an instance": b"(ios\nsystem\n.",
    "an object": b"(cbuiltins\nobject\no.",
    "a new object": b"cnumpy\nndarray\n)\x81.",
    "a name that is no text": b"NN\x93.",
    "a call of a class alone": b"cnumpy\nndarray\nK\0\x85\x85R.",
    "more arguments than one": b"ccollections\nOrderedDict\nN\x85R.",
    "a missing value": b".",
    "a missing mark": b"t.",
    "a value below a mark": b"N(\x85.",
    "an empty memo": b"h\0.",
    "a key without a value": b"}(Nu.",
    "a protocol that there is not": b"\x80\x06N.",
    "no operation": b"\xff.",
    "no UTF-8": b"\x8c\x01\xff.",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_take_memory_or_time_or_run_something_is_refused(name: str) -> None:
    data = BOMBS[name]
    tracemalloc.start()
    try:
        with pytest.raises(NotPlain):
            values_of(data)
        assert tracemalloc.get_traced_memory()[1] < 64 * len(data) + (4 << 20)
    finally:
        tracemalloc.stop()


def test_the_number_of_operations_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(["a"] * 1000)
    monkeypatch.setattr(pickle_values, "MAX_OPERATIONS", len(list(pickletools.genops(data))))
    assert values_of(data) == ["a"] * 1000
    monkeypatch.setattr(pickle_values, "MAX_OPERATIONS", len(list(pickletools.genops(data))) - 1)
    with pytest.raises(NotPlain, match="operations"):
        values_of(data)


def test_values_that_are_nested_deep_come_and_go_without_a_fall() -> None:
    found = values_of(b"N" + b"\x85" * 100_000 + b".")
    assert type(found) is tuple
    del found


@given(st.binary(max_size=60))
def test_whatever_else_the_bytes_are_they_are_a_value_or_refused(data: bytes) -> None:
    try:
        values_of(data)
    except NotPlain:
        return


@given(plain, st.sampled_from(PROTOCOLS), st.data())
def test_whatever_changed_in_a_pickle_it_is_a_value_or_refused(value: Any, protocol: int, data: st.DataObject) -> None:
    changed = bytearray(pickle.dumps([value, np.array(["a"]), np.float32(1)], protocol))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        values_of(bytes(changed))
    except NotPlain:
        return
