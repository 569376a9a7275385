"""Every command and snippet in README.md and docs/ works as typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import segconv as package

from .command import Command
from .documents import PAGES, ROOT, predict, prepare, snippets, steps

RUN = [path for path in PAGES if snippets(text := path.read_text()) or any(step.words for step in steps(text))]


@pytest.mark.parametrize("page", RUN, ids=[path.name for path in RUN])
def test_transcripts_work(page: Path, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in prepare(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    for step in steps(page.read_text()):
        if step.words:
            predict(step.words, tmp_path)
            done = segconv(*step.words)
            assert (done.codes(), done.code != 0) == (step.codes, bool(step.codes)), (step.line, done.err)
    exec(snippets(page.read_text()), {})  # noqa: S102  # the documents are ours


def test_every_page_is_reached_from_the_first() -> None:
    names = {path.name for path in PAGES} - {"README.md"}
    readme = PAGES[0].read_text()
    assert [name for name in names if f"docs/{name}" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=[path.name for path in PAGES])
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    if not (ROOT / "src").is_dir():  # a wheel is tested without its source
        links = [link for link in links if not link.startswith("../src/")]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_public_name_is_on_the_page_of_the_library() -> None:
    page = (ROOT / "docs" / "library.md").read_text()
    assert [name for name in package.__all__ if f"`{name}`" not in page] == []
