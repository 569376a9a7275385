"""The command line: fast to start, complete, with errors in one form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from segconv.cli import main
from segconv.cli.help_pages import OWN, Context, Group, Option
from segconv.cli.help_pages import Command as HelpfulCommand
from segconv.cli.sink import escaped
from segconv.errors import CODES

from ..command import Command

HEAVY = {"numpy", "SimpleITK", "nibabel", "skimage", "joblib", "rich", "torch", "nnunetv2", "matplotlib", "PIL"}


def leaves() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name in main.COMMANDS:
        command = main.group.get_command(click.Context(main.group), name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", c) for sub, c in command.commands.items()]
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["convert", "--help"], ["convrt"], []])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from segconv.cli.main import run; run({arguments!r}); print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.stdout.splitlines()[-1] == "[]", done.stdout


@pytest.mark.parametrize(("name", "command"), leaves())
def test_every_command_explains_itself_with_an_example(name: str, command: click.Command) -> None:
    summary = (command.help or "").split("\n")[0]
    assert summary.endswith(".")
    if " " not in name:
        assert summary == main.COMMANDS[name]
    assert f"segconv {name.split()[0]}" in (command.epilog or "")
    assert isinstance(command, HelpfulCommand | Group), "its help has the form of all"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name}"


def words_of_help(name: str, command: click.Command, columns: int) -> list[str]:
    context = Context(command, info_name=f"segconv {name}", terminal_width=columns, max_content_width=columns)
    return [word for word in command.get_help(context).split() if word != "\\"]


@pytest.mark.parametrize("columns", [78, 98])
def test_no_help_is_broken_within_a_word(columns: int) -> None:
    for name, command in [*leaves(), ("", main.group)]:
        assert words_of_help(name, command, columns) == words_of_help(name, command, 1000), name


def test_help_says_what_an_option_takes_in_words_of_users() -> None:
    """Not as Python's types are called."""
    for name, command in leaves():
        records = [param.get_help_record(click.Context(command)) for param in command.params]
        taken = [words for words, _ in filter(None, records) if re.search("TEXT|INTEGER|FLOAT|RANGE|DIRECTORY", words)]
        assert not taken, name


def test_the_options_that_commands_have_in_common_come_last(segconv: Command) -> None:
    groups = re.findall(r"^(\S.*):$", segconv("convert", "--help").out, re.MULTILINE)
    assert groups[0] == "Options"
    assert groups[-3:] == ["Running", "nnU-Net's folders", "Messages and help"]
    assert "Labels" in groups


@pytest.mark.parametrize(("name", "command"), leaves())
def test_a_command_knows_its_name_by_which_hints_are_worded(name: str, command: click.Command) -> None:
    assert command.name == name.split()[-1]


@pytest.mark.parametrize(("name", "command"), leaves())
def test_no_command_has_many_options_under_no_heading_of_their_own(name: str, command: click.Command) -> None:
    own = [option for option in command.params if isinstance(option, Option) and option.group == OWN]
    assert len(own) <= 8, [option.name for option in own]


def test_every_command_belongs_to_a_part_of_the_overview() -> None:
    assert next(iter(main.PARTS)) == next(iter(main.COMMANDS))
    assert [name for name in main.COMMANDS if name in main.PARTS] == list(main.PARTS)


def test_the_end_of_a_command_looks_for_no_garbage() -> None:
    """After all that a command does, everything is exempt from it."""
    ends = "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > 0));"
    command = f"{ends} from segconv.cli.main import main; sys.argv = ['segconv', '--version']; main()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


def test_the_installed_script_and_the_module_are_the_same() -> None:
    script = Path(sys.executable).parent / "segconv"
    outputs = [
        subprocess.run([*words, "--version"], capture_output=True, encoding="utf-8").stdout
        for words in ([str(script)], [sys.executable, "-m", "segconv"])
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith("segconv ")


GROUPS = ["", *(name for name, command in leaves() if isinstance(command, click.Group))]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_without_a_command_prints_its_help(segconv: Command, group: str) -> None:
    alone, asked = segconv(*group.split()), segconv(*group.split(), "--help")
    assert asked.code == 0
    # click 8.2 and later end with 2 and write to stderr.
    assert (alone.code, alone.out, alone.err) in [(2, "", asked.out), (0, asked.out, "")]


@pytest.mark.parametrize("option", ["--json", "-q", "--verbose"])
@pytest.mark.parametrize("group", GROUPS)
def test_an_option_of_commands_before_one_is_a_usage_error(segconv: Command, group: str, option: str) -> None:
    done = segconv(*group.split(), option)
    assert done.code == 2
    (found,) = done.json["findings"] if option == "--json" else [{"code": "SC001", "message": done.err}]
    assert found["code"] == "SC001"
    assert f"{option} is an option of commands, and comes after one" in found["message"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["convrt"], "did you mean convert?"),
        (["convert"], "see segconv convert --help"),
        (["convert", "x", "--to"], "see segconv"),
        (["convert", "x", "--to", "1", "--nope"], "see segconv convert --help"),
        (["convert", "x", "--to", "1", "-j", "0"], "see segconv convert --help"),
    ],
)
def test_usage_errors_have_the_same_form(segconv: Command, words: list[str], part: str) -> None:
    done = segconv(*words)
    assert done.code == 2
    first, second = done.err.splitlines()
    assert first.startswith("Error SC001: ")
    assert second.startswith("Hint: ")
    assert part in second
    if words[1:]:
        done = segconv(*words[:3], *words[3:], "--json") if words[-1] != "--to" else segconv(*words[:2], "--json")
        assert done.json["ok"] is False
        assert done.json["findings"][0]["code"] == "SC001"


def test_a_missing_source_is_66_and_a_folder_without_cases_too(segconv: Command, tmp_path: Path) -> None:
    assert segconv("convert", tmp_path / "none", "--to", "1").code == 66
    (tmp_path / "empty").mkdir()
    done = segconv("convert", tmp_path / "empty", "--to", "1")
    assert (done.code, done.codes()) == (66, ["SC011"])


def test_more_than_twenty_findings_are_counted_and_json_has_all(segconv: Command, tmp_path: Path) -> None:
    for n in range(30):
        for kind in ("images", "masks"):
            (tmp_path / "s" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "s" / kind / f"{n}.png").write_bytes(b"")
    said = ("convert", tmp_path / "s", "--to", "1")
    done = segconv(*said)
    assert done.codes() == ["SC051"]
    assert " (and 59 more files; --json lists all)" in done.err, "one cause is one line"
    assert len(segconv(*said, "--json").json["findings"]) == 60
    done = segconv(*said, "--cases", ",".join(f"none{'x' * n}" for n in range(30)))
    assert len(done.codes()) == 20
    assert "and 10 more; --json lists all" in done.err


def test_names_cannot_speak_to_the_terminal(segconv: Command, tmp_path: Path) -> None:
    name = "a\x1b[31m\nError SC999: b"
    for kind in ("images", "masks"):
        (tmp_path / "s" / kind).mkdir(parents=True, exist_ok=True)
    (tmp_path / "s" / "images" / f"{name}.png").write_bytes(b"")
    done = segconv("convert", tmp_path / "s", "--to", "1")
    assert "\x1b" not in done.err
    assert "SC999" not in done.codes()
    assert escaped("a\nb\x1b") == "a\\nb\\x1b"


def test_an_unforeseen_error_is_one_line(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.paths import Paths

    def broken(**_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Paths, "find", broken)
    done = segconv("paths", "show")
    assert (done.code, done.codes()) == (70, ["SC104"])
    assert "SEGCONV_DEBUG=1" in done.err
    monkeypatch.setenv("SEGCONV_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        segconv("paths", "show")


def test_a_reader_that_stops_reading_is_not_an_error(tmp_path: Path) -> None:
    words = f"{sys.executable} -m segconv --help | head -1"
    done = subprocess.run(["bash", "-c", words], capture_output=True, encoding="utf-8", env=dict(os.environ))
    assert "Traceback" not in done.stderr


def test_codes_are_well_formed() -> None:
    for code, row in CODES.items():
        assert code.startswith("SC")
        assert len(code) == 5
        assert row.title
        assert row.cause
        assert row.hint or row.cures


def test_json_is_one_object_on_stdout_and_nothing_on_stderr(segconv: Command, tmp_path: Path) -> None:
    from fixtures.make_fixtures import png_shapes

    done = segconv("convert", png_shapes(tmp_path / "s"), "--to", "1", "--accept-labels", "--json")
    assert done.err == ""
    assert json.loads(done.out)["ok"] is True


def test_unfinished_work_is_aborted_by_id(segconv: Command) -> None:
    (segconv.raw / ".segconv-042").mkdir()
    assert segconv("abort", "42").code == 0
    assert segconv("abort", "42").code == 66
    assert list(segconv.raw.iterdir()) == []


def test_an_unfinished_restore_is_aborted_by_its_folder(segconv: Command, tmp_path: Path) -> None:
    from fixtures.make_fixtures import png_shapes, write_png

    segconv("convert", png_shapes(tmp_path / "s"), "--to", "1", "--accept-labels")
    write_png(tmp_path / "p" / "shape-6.png", np.full((96, 80), 9, np.uint8))
    write_png(tmp_path / "p" / "shape-7.png", np.zeros((96, 80), np.uint8))
    done = segconv("restore", tmp_path / "p", "--like", "1", "-o", tmp_path / "out")
    assert (done.code, done.codes()) == (65, ["SC070"])
    assert (tmp_path / ".segconv-out").is_dir()
    assert segconv("abort", tmp_path / "out").code == 0
    assert not (tmp_path / ".segconv-out").exists()
    assert segconv("abort", tmp_path / "out").code == 66


def test_predictions_are_scored_by_class_and_case(segconv: Command, tmp_path: Path) -> None:
    from fixtures.make_fixtures import png_shapes

    source = png_shapes(tmp_path / "s")
    reference = source / "testing" / "output"
    done = segconv("evaluate", reference, reference, "--json")
    assert done.json["mean"] == 1.0
    assert set(done.json["classes"]) == {"128", "255"}
    done = segconv("evaluate", source / "training" / "output", reference)
    assert (done.code, set(done.codes())) == (65, {"SC013", "SC080"})
