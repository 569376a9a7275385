"""Whether texts differ is found without keeping them."""

from __future__ import annotations

from segconv.work.differing import surely_differ


def test_different_texts_differ() -> None:
    assert surely_differ(map(str, range(1000)))
    assert surely_differ([])
    assert surely_differ(["a"])


def test_equal_texts_do_not() -> None:
    assert not surely_differ(["a", "b", "a"])
    assert not surely_differ(iter(["", ""]))
