"""Small files go to a thread together, large ones one by one."""

from __future__ import annotations

import itertools

import pytest

from segconv.work.batches import MOST_AT_ONCE, READ_AT_ONCE, batches


@pytest.mark.parametrize("number", [0, 1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 3 * MOST_AT_ONCE])
def test_small_files_go_together_up_to_a_number(number: int) -> None:
    found = list(batches((file, 1) for file in range(number)))
    assert list(itertools.chain.from_iterable(found)) == list(range(number))
    assert [len(batch) for batch in found[:-1]] == [MOST_AT_ONCE] * (len(found) - 1)
    assert all(found)


def test_a_batch_ends_with_the_file_that_fills_it() -> None:
    sizes = [READ_AT_ONCE, 1, READ_AT_ONCE - 1, 1, 1]
    assert list(batches(enumerate(sizes))) == [[0], [1, 2], [3, 4]]


def test_a_lower_number_can_be_asked_for() -> None:
    assert list(batches(((file, 0) for file in range(5)), 2)) == [[0, 1], [2, 3], [4]]
