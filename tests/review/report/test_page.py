"""The page of a report as text: what it carries, and that it carries nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from fnmatch import fnmatch
from html import unescape
from pathlib import Path

import pytest

import segconv
from segconv.review.report.page import page_of
from segconv.review.report.page.columns import columns_of
from segconv.review.report.page.embedded import printable
from segconv.review.report.page.findings import findings_of
from segconv.review.report.page.numbers import by_axis, figure, percent, span
from segconv.review.report.page.overview import overview_of

from . import made

ROOT = Path(__file__).parents[3]
FOLDER = Path(next(iter(segconv.__path__))) / "review" / "report" / "page"
VENDORED = {
    "niivue.umd.js": "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af",
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""SHA-256 of the published files of NiiVue 0.69.0 and uPlot 1.6.32."""


@pytest.mark.parametrize("name", VENDORED)
def test_vendored_files_are_the_published_ones(name: str) -> None:
    assert hashlib.sha256((FOLDER / "vendor" / name).read_bytes()).hexdigest() == VENDORED[name]


def test_every_file_of_the_page_is_in_the_wheel_and_every_library_in_the_notice() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = dict(re.findall(r'^"(segconv\.review\.report\.page[.\w]*)" = (\[.*\])', text, re.MULTILINE))
    for package, folder in (("", FOLDER), (".vendor", FOLDER / "vendor")):
        patterns = json.loads(listed[f"segconv.review.report.page{package}"])
        data = [path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
        assert len(data) >= 5
        assert [name for name in data if not any(fnmatch(name, pattern) for pattern in patterns)] == []
    notice = ROOT / "NOTICE"
    if notice.is_file():
        assert all(name in notice.read_text(encoding="utf-8") for name in ("uPlot", "NiiVue", "gl-matrix", "numcodecs"))


def found_in(text: str, pattern: str) -> str:
    """Return the first group of a pattern that must be in a text."""
    found = re.search(pattern, text, re.DOTALL)
    assert found, pattern
    return found[1]


def test_the_policy_lets_only_the_scripts_of_the_page_run() -> None:
    page = page_of(made.with_volumes(made.facts())).decode()
    policy = unescape(found_in(page, r'Content-Security-Policy" content="([^"]*)"'))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    library = (FOLDER / "vendor" / "niivue.umd.js").read_text(encoding="utf-8")
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (*scripts, library)]
    assert found_in(policy, "script-src ([^;]*)").split() == [f"'sha256-{one}'" for one in hashes]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert len(scripts) == 1


def test_a_page_without_volumes_has_no_viewer_for_them() -> None:
    page = page_of(made.facts())
    assert b"packed-niivue" not in page.replace(b'byId("packed-niivue")', b"")
    assert b"gl-matrix" not in page
    assert b"Leon Sorokin" in page, "the licence of what the page carries is in it"


def test_the_first_screen_comes_first_and_is_small_whatever_the_number_of_cases() -> None:
    page = page_of(made.facts(1000))
    cases, main = page.index(b"<tbody>\n<tr data-case"), page.index(b"</main>")
    assert cases < 40_000
    assert main < min(page.index(text) for text in (b'id="facts"', b'id="stack-0"', b"data:image/webp", b"<script"))


def test_hostile_names_are_only_text() -> None:
    page = page_of(made.hostile()).decode()
    assert "<script>window" not in page
    assert "<img" not in page
    assert not {"\u202e", "\x1b"} & set(page)
    data = json.loads(found_in(page, r'id="facts">(.*?)</script>'))
    assert data["name"] == printable(made.HOSTILE)


def test_names_that_are_not_unicode_are_shown_by_their_codes() -> None:
    page = page_of(replace(made.facts(), name="a\udcffb"))
    assert b"<h1>a\\udcffb</h1>" in page


def test_the_page_is_a_function_of_the_facts() -> None:
    assert page_of(made.facts()) == page_of(made.facts())


def test_findings_are_grouped_errors_first() -> None:
    found = findings_of(made.facts())
    assert (found.level, found.text) == ("error", "1 error, 2 warnings")
    assert [(kind.code, len(kind.found)) for kind in found.kinds] == [("SC050", 1), ("SC084", 2)]
    assert findings_of(replace(made.facts(), findings=())).text == "no errors, no warnings"


def test_the_table_has_only_columns_that_say_something() -> None:
    facts = made.facts()
    keys = [column.key for column in columns_of(facts)]
    assert keys == [*("found", "split", "fold", "patient", "size", "classes", "volume:liver", "volume:tumour")]
    other = replace(facts.cases[0], orientation="LPS", spacing_mm=(1.0, 1.0, 1.0), megabytes=7.0)
    more = [column.key for column in columns_of(replace(facts, cases=(other, *facts.cases[1:])))]
    assert [key for key in more if key not in keys] == ["spacing", "orientation", "megabytes"]
    alike = tuple(replace(case, patient=None, split="train", folds=()) for case in facts.cases)
    plain = replace(facts, test=0, folds=None, cases=alike)
    assert not {"split", "fold", "patient"} & {column.key for column in columns_of(plain)}


def test_with_many_classes_the_reader_chooses_the_one_whose_volume_is_shown() -> None:
    facts = made.facts()
    many = replace(facts, targets=tuple(replace(facts.targets[0], name=f"class {at}") for at in range(104)))
    assert [column.title for column in columns_of(many) if column.key.startswith("volume")] == ["class 0"]
    alike = replace(many, cases=tuple(replace(case, voxels={}) for case in many.cases))
    assert "volume" in [column.key for column in columns_of(alike)]
    assert page_of(many).count(b"<option") < 500


def test_the_overview_says_what_is_the_same_in_all_cases_and_what_varies() -> None:
    entries = {entry.name: f"{entry.text} {entry.more}".strip() for entry in overview_of(made.facts()).entries}
    assert entries["Spacing"] == "1×1×2.5 mm in all cases"
    assert entries["Orientation"] == "RAS in all cases"
    assert entries["Size"] == "median 64×64×34.5 64×64×20 to 64×64×49, 30 different"
    assert entries["Channel CT"] == "clipped and scaled values -1,000 to 1,500"


def test_leaks_are_bad_news_on_the_first_screen() -> None:
    facts = made.facts()
    assert facts.folds is not None
    leaking = replace(facts, folds=replace(facts.folds, verdict="leaks", leaks=("P1 in two folds",)))
    (entry,) = [entry for entry in overview_of(leaking).entries if entry.name == "Folds"]
    assert (entry.text, entry.level) == ("5: leaks", "error")


def test_volumes_of_a_case_without_a_grid_are_unknown() -> None:
    facts = made.facts()
    case = replace(facts.cases[0], voxel_ml=None)
    cells = {column.key: (column.text(case), column.value(case)) for column in columns_of(facts)}
    assert cells["volume:liver"] == ("–", None)
    assert cells["classes"] == ("2", 2)
    pixels = {column.key: column.text(case) for column in columns_of(replace(facts, pictures=True))}
    assert pixels["volume:liver"] == "1,000"


def test_copies_that_validate_are_counted() -> None:
    facts = made.facts(4)
    trained = replace(facts.cases[1], case="b", parent="case_0", folds=())
    assert (
        overview_of(replace(facts, cases=(*facts.cases, trained))).copies == "1 copy of 1 case; none of them validates."
    )
    both = (*facts.cases, trained, replace(trained, case="c", folds=(0,)))
    assert overview_of(replace(facts, cases=both)).copies == "2 copies of 1 case; 1 of them validate."


def test_scores_stand_in_the_page_once_without_their_names() -> None:
    page = page_of(made.with_scores(made.facts(4))).decode()
    data = json.loads(found_in(page, r'id="facts">(.*?)</script>'))
    assert [case["scores"] for case in data["cases"][:2]] == [[[0.0], [0.0]], [[0.25], [0.25]]]


def test_cases_with_the_same_score_have_it_in_the_table() -> None:
    facts = made.with_scores(made.facts(4))
    alike = replace(facts, cases=tuple(replace(case, mean=1.0, scores=facts.cases[0].scores) for case in facts.cases))
    assert columns_of(alike)[0].title == "Mean Dice"


def test_numbers_have_three_significant_digits() -> None:
    numbers = (0.012345, 3.14159, 1234567.0, 2.0, None, float("nan"), 0.00001234)
    assert [figure(number) for number in numbers] == ["0.0123", "3.14", "1,234,567", "2", "–", "–", "1.2e-05"]
    assert [percent(1, 3), percent(1, 1000), percent(999, 1000), percent(0, 5), percent(1, 0)] == [
        *("33 %", "< 1 %", "> 99 %", "0 %", "–")
    ]
    assert (span(1, 2.5), span(1, 1), by_axis((64, 128, 0.5))) == ("1 to 2.5", "1", "64×128×0.5")
