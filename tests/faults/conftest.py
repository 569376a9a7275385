"""One fork server for all tests of faults, and worlds whose undisturbed result is known."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .forker import Forker
from .worlds import WORLDS, World


@pytest.fixture(scope="session")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    server = Forker(tmp_path_factory.mktemp("forker"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """Give a world by name, as it was before its command; made once."""
    known: dict[str, World] = {}

    def get(name: str) -> World:
        if name not in known:
            known[name] = WORLDS[name](tmp_path_factory.mktemp(name))
        known[name].reset()
        return known[name]

    return get


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[str], World]:
    """Give a world of one's own, whose sources may be spoiled."""

    def get(name: str) -> World:
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return WORLDS[name](folder)

    return get
