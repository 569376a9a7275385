"""Headers of pictures are kept once for a folder, and found as in a dictionary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from segconv.image.picture import PictureHeader
from segconv.image.picture_headers import PictureHeaders, distinct

GREY = PictureHeader(8, 8, 8, "gray", 1)
WIDE = replace(GREY, width=9)
PATHS = ("/s/a/1.png", "/s/a/2.png", "/s/a/3.png", "/s/b/1.png")


def headers() -> PictureHeaders:
    """Return the headers of a folder with two kinds and an unreadable file, and of one with one kind."""
    found = PictureHeaders(lambda: PATHS)
    found["/s/a/1.png"] = GREY
    found["/s/a/2.png"] = WIDE
    del found["/s/a/3.png"]
    found["/s/b/1.png"] = GREY
    return found


def test_each_picture_has_its_header() -> None:
    assert headers() == {"/s/a/1.png": GREY, "/s/a/2.png": WIDE, "/s/b/1.png": GREY}
    assert len(headers()) == 3


def test_an_unreadable_picture_has_none() -> None:
    found = headers()
    assert "/s/a/3.png" not in found
    assert not found.complete
    with pytest.raises(KeyError):
        found["/s/a/3.png"]
    with pytest.raises(KeyError):
        found["/s/c/1.png"]


def test_headers_that_all_files_of_a_folder_share_are_known() -> None:
    found = headers()
    assert found.of_all_in("/s/a/") is None
    assert found.of_all_in("/s/b/") is GREY
    assert found.of_all_in("/s/c/") is None


def test_a_header_may_be_taken_away() -> None:
    found = headers()
    del found["/s/b/1.png"]
    assert "/s/b/1.png" not in found
    assert found.of_all_in("/s/b/") is None
    assert not found.complete


def test_each_header_is_counted_once() -> None:
    assert distinct(headers()) == [GREY, WIDE]
    assert distinct({"a": GREY, "b": GREY, "c": WIDE}) == [GREY, WIDE]


def test_a_picture_may_get_the_header_of_its_folder_again() -> None:
    found = headers()
    found["/s/a/2.png"] = GREY
    found["/s/a/3.png"] = GREY
    assert found == dict.fromkeys(PATHS, GREY)
    assert found.complete
