"""Cures are data below the command line, and become what a user of the running command types."""

from __future__ import annotations

import ast
import json
import pickle
from dataclasses import replace
from pathlib import Path

import click
import pytest

import segconv
from segconv.cli.cures import INSTEAD, REMARKS, WORDS, Speaker
from segconv.cli.sink import json_text
from segconv.errors import CODES, Cure, Finding, SegconvError, warning

SOURCES = Path(next(iter(segconv.__path__)))


def speaker_of(name: str, *options: str) -> Speaker:
    speaker = Speaker()
    speaker.command = click.Command(name, params=[click.Option([option]) for option in options])
    speaker.instead = "segconv convert /data --to 7_B"
    return speaker


def hint_of(finding: Finding, speaker: Speaker | None = None) -> str:
    return (speaker or Speaker()).in_words(finding).hint


def test_an_option_of_the_running_command_is_typed_as_it_is() -> None:
    finding = Finding("SC070", "holds 7", cures=(Cure.of("map_value", value=7),))
    assert hint_of(finding, speaker_of("convert", "--map")) == "--map 7=NAME"


def test_an_option_of_another_command_is_typed_with_that_command() -> None:
    finding = Finding("SC070", "holds 7", cures=(Cure.of("map_value", value=7),))
    assert hint_of(finding, speaker_of("repair", "--repair")) == "segconv convert /data --to 7_B --map 7=NAME"


def test_an_option_that_a_command_on_a_dataset_lacks_is_typed_with_that_dataset() -> None:
    speaker = speaker_of("check", "--quick")
    speaker.instead, speaker.given = "", {"dataset": "42 a"}
    assert hint_of(Finding("SC070", "", cures=(Cure.of("map_value", value=7),)), speaker) == (
        "segconv convert '42 a' --to 43_New --map 7=NAME"
    )
    assert hint_of(Finding("SC055", "", cures=(Cure.of("replace_nonfinite"),)), speaker).startswith(
        "segconv repair '42 a' --to 43_New --nonfinite VALUE"
    )
    assert hint_of(Finding("SC094", "", cures=(Cure("repair"),)), speaker) == "segconv repair '42 a' --to 43_New"


def test_another_target_is_named_by_the_option_of_the_command() -> None:
    finding = Finding("SC020", "", cures=(Cure("choose_other_target"),))
    assert hint_of(finding, speaker_of("convert", "--to")) == "give another --to"
    assert hint_of(finding, speaker_of("view", "-o")) == "give another -o"


def test_a_command_may_have_another_option_for_a_cure() -> None:
    finding = Finding("SC083", "differs", cures=(Cure.of("label_takes_image_header"),))
    assert hint_of(finding, speaker_of("repair", "--repair")).startswith("--repair header")


def test_advice_comes_first_then_the_cures_then_the_remarks() -> None:
    cures = (Cure("finished_cases_again"), Cure("overwrite"))
    assert hint_of(Finding("SC020", "", hint="choose another id", cures=cures)) == (
        "choose another id, or --overwrite; --restart converts the finished cases again"
    )


def test_a_cure_that_needs_a_run_to_begin_again_says_so_where_the_command_can() -> None:
    finding = Finding("SC070", "holds 7", cures=(Cure.of("map_value", value=7).restarting(),))
    assert hint_of(finding, speaker_of("convert", "--map", "--restart")) == "--map 7=NAME --restart"
    assert hint_of(finding, speaker_of("repair", "--restart")) == "segconv convert /data --to 7_B --map 7=NAME"


def test_values_are_quoted_and_missing_ones_are_placeholders() -> None:
    given = Cure.of("name_images_and_masks", images="my scans/*.png")
    assert hint_of(Finding("SC063", "", cures=(given,))) == "--images 'my scans/*.png' --masks GLOB"


@pytest.mark.parametrize("name", ["*/CT", "MY SCANS/*.PNG", "A…/B C/*"])
def test_names_in_capitals_are_quoted_too(name: str) -> None:
    given = Cure.of("name_images_and_masks", images=name)
    assert hint_of(Finding("SC063", "", cures=(given,))) == f"--images '{name}' --masks GLOB"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_advice(code: str) -> None:
    assert hint_of(Finding(code, ""))


def test_cures_are_in_the_json_and_survive_a_worker() -> None:
    error = SegconvError("holds 7", code="SC070", cures=(Cure.of("map_value", value=7),))
    found = pickle.loads(pickle.dumps(error)).findings  # noqa: S301 - as pools of workers do
    assert json.loads(json_text({}, found, ok=False))["findings"][0]["cures"] == [{"kind": "map_value", "value": "7"}]


def _kinds_used() -> set[str]:
    """Return every kind that is written in the code of the package, the table of cures apart."""
    kinds = {kind for row in CODES.values() for kind in row.cures}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Cure", "Cure.of") and node.args:
                kind = node.args[0]
                choices = (kind.body, kind.orelse) if isinstance(kind, ast.IfExp) else (kind,)
                kinds |= {one.value for one in choices if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return kinds


def test_the_table_has_words_for_every_kind_and_no_others() -> None:
    used = _kinds_used()
    assert used - set(WORDS) == set()
    assert set(REMARKS) | {kind for _, kind in INSTEAD} <= set(WORDS)


def test_a_warning_is_given_no_advice_on_an_error_that_its_command_cannot_follow() -> None:
    found = warning("SC083", "is 0.05 voxels off the grid of its reference")
    assert hint_of(found, speaker_of("evaluate", "--like")) == ""
    assert "--repair resample" in hint_of(found, speaker_of("convert", "--repair"))
    assert hint_of(replace(found, severity="error"), speaker_of("evaluate", "--like"))


def test_an_option_that_contradicts_another_takes_its_place() -> None:
    speaker = speaker_of("convert", "--label-header", "--repair")
    speaker.given = {"repair": ("resample",)}
    finding = Finding("SC083", "differs", cures=(Cure.of("label_takes_image_header"),))
    assert hint_of(finding, speaker).startswith("--label-header image in place of --repair resample, if")
    speaker.given = {"label_header": "image"}
    finding = Finding("SC083", "differs", cures=(Cure.of("resample"),))
    assert hint_of(finding, speaker).startswith("--repair resample in place of --label-header image, if")


def test_another_source_is_converted_to_the_target_that_was_given() -> None:
    speaker = speaker_of("convert", "--to")
    speaker.given = {"target": "7_B"}
    finding = Finding("SC003", "holds tasks", cures=(Cure.of("convert_folder", source="/my data/Task01_A"),))
    assert hint_of(finding, speaker) == "segconv convert '/my data/Task01_A' --to 7_B"
