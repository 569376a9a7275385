"""Workers of a check: threads for large files, processes for much work on small ones, none for little work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from segconv.review.check.case_check import FullCheck, QuickCheck, SeenCheck
from segconv.review.check.each_case import chosen_workers
from segconv.review.check.inventory import DatasetCase
from segconv.work.backends import THREADS
from segconv.work.run_options import Workers

LARGE = 4 << 20
FOUR = Workers(jobs=4)


class _Sizes:
    """Says of each case what its number of bytes is; a file of a megabyte takes ten milliseconds."""

    def seconds(self, nbytes: Any) -> float:
        return float(nbytes) / 1e8 + 1e-3

    def nbytes(self, nbytes: Any) -> int:
        return int(nbytes)


class _Full(_Sizes, FullCheck):
    pass


class _Quick(_Sizes, QuickCheck):
    pass


class _Seen(_Sizes, SeenCheck):
    pass


def _chosen(kind: type[Any], sizes: list[int], workers: Workers = FOUR) -> Workers:
    more = [lambda *_: None] if kind is _Seen else []
    return chosen_workers(kind(cast(Any, None), *more), cast("list[DatasetCase]", sizes), workers)


def test_large_files_are_checked_by_threads() -> None:
    assert _chosen(_Full, [LARGE] * 10) == replace(FOUR, backend=THREADS)


def test_little_work_is_done_without_workers() -> None:
    assert _chosen(_Full, [LARGE] * 3).jobs == 1
    assert _chosen(_Full, []).jobs == 1


def test_many_small_files_are_checked_by_processes() -> None:
    assert _chosen(_Full, [100] * 10_000) == FOUR
    assert _chosen(_Full, [100] * 1000).jobs == 1


@pytest.mark.parametrize("kind", [_Quick, _Seen])
def test_what_computes_under_the_lock_gets_no_threads(kind: type[Any]) -> None:
    assert _chosen(kind, [LARGE] * 1000) == FOUR


def test_files_that_are_small_for_many_workers_get_no_threads() -> None:
    assert _chosen(_Full, [LARGE] * 10, Workers(jobs=100)).backend is None
