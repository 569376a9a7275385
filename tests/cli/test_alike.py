"""A mistake that many files share is one line, with the count, one example, and the one cure for all of them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from segconv.cli.alike import by_cause, with_shared_cures
from segconv.cli.cures import Speaker
from segconv.errors import Cure, Finding, warning

from ..command import Command
from ..convert.drawn import labels, picture, save


def undeclared(file: str, value: int, snap: int | None = None) -> Finding:
    nearest = () if snap is None else (Cure.of("take_nearest", snap=snap),)
    return Finding("SC070", f"holds {value}", file=file, cures=(Cure.of("map_value", value=value), *nearest))


def hints(*findings: Finding) -> list[str]:
    return [finding.hint for finding in Speaker().all_in_words(findings)]


def test_one_cause_has_the_cure_of_all_files() -> None:
    found = [undeclared("a", 250, 5), undeclared("b", 246, 9), undeclared("c", 250, 5), undeclared("d", 251, 4)]
    assert hints(*found) == ["--map 250=NAME,246=NAME,251=NAME, or --snap 9 takes the nearest label"] * 4
    assert [(finding.file, others) for finding, others in by_cause(with_shared_cures(found))] == [("a", 3)]


def test_more_values_than_anybody_types_are_not_listed() -> None:
    assert hints(*(undeclared(str(value), value) for value in range(6))) == ["--map VALUE=NAME"] * 6
    assert hints(Finding("SC070", "", file="a", cures=(Cure.of("map_value", value="#ff0000"),))) == [
        "--map '#ff0000=NAME'"
    ]


def test_findings_with_other_cures_or_other_words_are_other_causes() -> None:
    found = [
        undeclared("a", 250, 5),
        undeclared("a", 100),
        Finding("SC070", "holds 3", file="c", cures=(Cure.of("map_value"),)),
        *(warning("SC059", f"{number} bytes follow", file=str(number)) for number in range(4)),
        warning("SC059", "a page follows", file="b"),
        *(Finding("SC050", f"ends after {number} bytes", file=str(number)) for number in range(4)),
        *(Finding("SC001", "no file") for _ in range(5)),
    ]
    shown = [(finding.file, others) for finding, others in by_cause(with_shared_cures(found))]
    assert shown == [("a", 0), ("a", 0), ("c", 0), ("0", 3), ("b", 0), ("0", 3), *[("", 0)] * 5]
    assert [finding.message for finding in with_shared_cures(found)] == [finding.message for finding in found]


def test_a_few_files_are_named_and_many_are_counted() -> None:
    found = [Finding("SC050", f"ends after {number} bytes", file=str(number)) for number in range(9)]
    assert [(finding.file, others) for finding, others in by_cause(found[:3])] == [("0", 0), ("1", 0), ("2", 0)]
    assert [(finding.file, others) for finding, others in by_cause(found)] == [("0", 8)]


def test_two_findings_on_one_file_are_never_one() -> None:
    found = [undeclared(file, value) for file in "abcd" for value in (1, 2)]
    shown = [(finding.file, finding.message, others) for finding, others in by_cause(found)]
    assert shown == [("a", "holds 1", 3), ("a", "holds 2", 3)]


@pytest.fixture
def strays(tmp_path: Path) -> Path:
    """Pictures, most of whose masks hold values of their own."""
    for number in range(7):
        mask = labels(number) * np.uint8(255)
        if number:
            mask[3, 4] = 255 - number
        save(tmp_path / f"src/images/c{number}.png", picture(number))
        save(tmp_path / f"src/masks/c{number}.png", mask)
    return tmp_path / "src"


def test_a_mistake_of_many_files_is_one_line_and_its_hint_cures_all(strays: Path, segconv: Command) -> None:
    said = ("convert", strays, "--to", "5_A", "--labels", "background=0,road=255")
    done = segconv(*said)
    errors = [line for line in done.err.splitlines() if line.startswith("Error ")]
    assert len(errors) == 1, done.err
    assert errors[0].startswith("Error SC070: masks/c1.png: holds the value 254 in 1 pixel")
    assert errors[0].endswith(" (and 5 more files; --json lists all)")
    found = segconv(*said, "--json").json["findings"]
    assert [finding["file"] for finding in found] == [f"masks/c{number}.png" for number in range(1, 7)]
    assert len({finding["hint"] for finding in found}) == 1
    assert segconv(*said, *shlex.split("--snap 6 --restart")).code == 0
    assert "--snap 6 --restart takes the nearest label" in found[0]["hint"]


def test_a_warning_shows_its_hint_as_in_the_json(strays: Path, segconv: Command) -> None:
    done = segconv("convert", strays, "--to", "5_A", "--labels", "background=0,road=255", "--snap", 6)
    assert done.code == 0, done.err
    lines = done.err.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("Warning SC079: masks/c1.png: "))
    again = segconv("convert", strays, "--to", "6_A", "--labels", "background=0,road=255", "--snap", 6, "--json")
    assert lines[at + 1] == f"Hint: {json.loads(again.out)['findings'][0]['hint']}"
