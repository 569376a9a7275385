"""Memory is used again by the same thread, and never while anything refers to it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from segconv.image.gzipped import inflate
from segconv.image.room import LARGEST_KEPT, SMALLEST_KEPT, room_for

SIZE = 3 << 20

VIEWS: list[Callable[[Any], Any]] = [
    lambda room: room,
    lambda room: room[5:6],
    lambda room: room.data,
    lambda room: room.data[:4].toreadonly(),
    lambda room: np.frombuffer(room.data, np.uint16).reshape(-1, 8)[::2],
    lambda room: room.view(np.int16).T,
]


@pytest.fixture(autouse=True)
def _of_its_own() -> None:
    room_for(LARGEST_KEPT)  # whatever another test left is large enough now


def _address(room: Any) -> int:
    return int(room.__array_interface__["data"][0])


def test_memory_is_used_again() -> None:
    first = _address(room_for(SIZE))
    assert _address(room_for(SIZE)) == first
    assert _address(room_for(SIZE // 2)) == first


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_memory_in_use_stays_as_it_is(number: int) -> None:
    room = room_for(SIZE)
    room[:] = 7
    address, view = _address(room), VIEWS[number](room)
    del room
    other = room_for(SIZE)
    other[:] = 9
    assert _address(other) != address
    assert set(np.asarray(view).view(np.uint8).ravel().tolist() if number else [7]) == {7}
    del view
    assert _address(room_for(SIZE)) == address


def test_inflated_bytes_stay_while_the_next_are_inflated() -> None:
    one, two = bytes([1]) * SIZE, bytes([2]) * SIZE
    first, _ = inflate(gzip.compress(one, 1), SIZE)
    second, _ = inflate(gzip.compress(two, 1), SIZE)
    assert bytes(first) == one
    assert bytes(second) == two


def test_each_thread_has_its_own() -> None:
    mine = _address(room_for(SIZE))
    theirs: list[int] = []
    thread = threading.Thread(target=lambda: theirs.append(_address(room_for(SIZE))))
    thread.start()
    thread.join()
    assert theirs != [mine]


@pytest.mark.parametrize("size", [0, 1, SMALLEST_KEPT - 1, SMALLEST_KEPT, LARGEST_KEPT, LARGEST_KEPT + 1])
def test_any_size_is_given(size: int) -> None:
    assert room_for(size).size == size
