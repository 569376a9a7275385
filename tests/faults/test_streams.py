"""Standard streams that are closed, full or unread: the work is done, and the exit code is right."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from io import BufferedWriter

import pytest

from segconv.cli.streams import Stream

from .forker import Forker
from .worlds import World, perform

ERRORS = {"closed": "SC031", "full": "SC032"}


@pytest.fixture
def here(world: Callable[[str], World]) -> World:
    found = world("png")
    if not found.expected:
        perform(found)
        found.expected = found.found() or {}
        found.reset()
    return found


@pytest.mark.parametrize("streams", [
    {2: "closed"}, {2: "full"}, {2: "left"}, {1: "closed"}, {1: "full"}, {1: "left"}, {0: "closed"},
    {0: "closed", 1: "closed", 2: "closed"}, {1: "full", 2: "full"}, {1: "left", 2: "left"},
], ids=str)  # fmt: skip
def test_a_conversion_takes_place_whoever_listens(streams: dict[int, str], here: World, forker: Forker) -> None:
    done = forker.run([*here.words, "-j", "2"], here.env, streams=streams)
    assert (done.code, here.found()) == (0, here.expected), done.err
    assert here.beside == []


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_have_no_need_of_streams(backend: str, here: World, forker: Forker) -> None:
    streams = dict.fromkeys(range(3), "closed")
    done = forker.run([*here.words, "-j", "2", "--backend", backend], here.env, streams=streams)
    assert (done.code, here.found()) == (0, here.expected)


@pytest.mark.parametrize("how", ["closed", "full", "left"])
@pytest.mark.parametrize("words", ["convert", "check", "--help", "--version"])
def test_data_that_are_lost_are_an_error_unless_their_reader_left(
    how: str, words: str, here: World, forker: Forker
) -> None:
    if words == "check":
        perform(here)
    line = {"convert": [*here.words, "--json"], "check": ["check", "9", "--json"]}.get(words, [words])
    done = forker.run(line, here.env, streams={1: how})
    assert done.code == (0 if how == "left" else 74), done.err
    if how == "left":
        assert "Error" not in done.err
    else:
        assert f"Error {ERRORS[how]}: standard output: " in done.err
    if words == "convert":
        assert here.found() == here.expected, "the work is done all the same"


@pytest.mark.parametrize("how", ["closed", "full", "left"])
def test_an_error_keeps_its_code_where_it_cannot_be_printed(how: str, here: World, forker: Forker) -> None:
    for words, code in ((["convert", "/nowhere", "--to", "9"], 66), (["convert"], 2), (["convert", "--json"], 2)):
        assert forker.run(words, here.env, streams={1: how, 2: how}).code == code


def test_a_reader_that_is_slow_gets_all_of_it() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    said = os.urandom(1 << 20)
    stream = Stream(writer)
    os.write(writer, bytes(1 << 20))  # what the pipe holds, so that the next write has to wait

    def write() -> None:
        with BufferedWriter(stream) as buffered:
            buffered.write(said)
        os.close(writer)

    writing = threading.Thread(target=write)
    writing.start()
    with open(reader, "rb") as heard:
        assert heard.read().endswith(said)
    writing.join()
    assert stream.lost is None
