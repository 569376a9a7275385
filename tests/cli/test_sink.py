"""What commands print: names as they are, in colour on a terminal, in lines that break between words."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.cli.cures import Speaker
from segconv.cli.sink import Sink, print_findings
from segconv.cli.tables import drawn
from segconv.cli.terminal import broken, cells
from segconv.errors import Cure, Finding, warning

NAMES = [
    "[link=https://example.org]x[/link]",
    "[bold]x",
    "[/]",
    "[/bold]",
    "\\[bold]",
    "\\",
    "[0]",
    "[red on blue]",
    ":smile:",
    "$\\alpha$",
    "[",
    "]",
    "[[x]]",
    "{x}",
    "%s",
    "a\x1b[31mb",
    "a\nb",
    "肝脏",
]
STYLES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", NAMES)
def test_a_table_shows_names_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    Sink().table([name, "b"], [(name, "after")])
    text = STYLES.sub("", terminal.getvalue())
    assert "\x1b" not in text, "no link and nothing else that a terminal acts on"
    wanted = name.replace("\x1b", "\\x1b").replace("\n", "\\n")
    head, row = text.splitlines()
    assert head.startswith(wanted + " ")
    assert re.fullmatch(re.escape(wanted) + r" +after *", row)


def test_notes_escape_what_a_terminal_would_act_on(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Sink().progress()
    assert progress is not None
    progress.note("a\x1b[31mb\nc")
    assert capsys.readouterr().err == "note: a\\x1b[31mb\\nc\n"


PATH = "/data/studies/2026/a_long_name_of_a_folder/imagesTr"


def said(monkeypatch: pytest.MonkeyPatch, columns: int, write: Callable[[], None], **variables: str) -> str:
    """What a terminal of this width shows."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    for name, value in {"COLUMNS": str(columns), "TERM": "xterm-256color", "NO_COLOR": "", **variables}.items():
        monkeypatch.setenv(name, value)
    write()
    return terminal.getvalue()


def test_errors_and_warnings_are_in_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        print_findings([Finding("SC050", "is cut", file="a.nii.gz"), warning("SC075", "is empty")], as_json=False)

    text = said(monkeypatch, 80, write)
    assert "\x1b[31m\x1b[1mError SC050:\x1b[0m a.nii.gz: is cut\n" in text
    assert "\x1b[33m\x1b[1mWarning SC075:\x1b[0m is empty\n" in text


def test_what_can_be_typed_is_in_colour_also_where_it_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Finding("SC021", "is unfinished", cures=[Cure.of("restart"), Cure.of("abort", target="42")])
    speaker = Speaker()
    worded = [speaker.in_words(finding)]
    text = said(monkeypatch, 80, lambda: print_findings(worded, as_json=False, typed=speaker.typed))
    assert text.endswith("Hint:\x1b[0m \x1b[36m--restart\x1b[0m, or \x1b[36msegconv abort 42\x1b[0m\n")
    text = said(monkeypatch, 20, lambda: Sink().next("segconv plan 501 -c 2d"))
    assert text.endswith("Next:\x1b[0m \x1b[36msegconv plan \\\n  501 -c 2d\x1b[0m\n")


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_left_out_where_the_user_says_so(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, 80, lambda: print_findings([Finding("SC050", "is cut")], as_json=False), **variables)
    assert "\x1b" not in text
    assert text.startswith("Error SC050: is cut\nHint: ")


def test_json_has_no_colour_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(monkeypatch, 40, lambda: print_findings([Finding("SC050", "is cut")], as_json=True))
    assert json.loads(text)["findings"][0]["message"] == "is cut"
    assert len(text.splitlines()) == 1


def test_what_is_no_terminal_gets_neither_colour_nor_broken_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    message = " ".join(["word"] * 40)
    print_findings([Finding("SC050", message, file=PATH, hint=message)], as_json=False)
    assert capsys.readouterr().err == f"Error SC050: {PATH}: {message}\nHint: {message}\n"


@pytest.mark.parametrize("columns", [80, 120])
def test_no_message_is_broken_within_a_word(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def write() -> None:
        for before in range(1, 100):
            Sink().say(f"{'x' * before} {PATH} and 肝脏 after it")

    lines = STYLES.sub("", said(monkeypatch, columns, write)).splitlines()
    assert all(cells(line) <= columns for line in lines if " " in line.strip())
    assert [line.count(PATH) for line in lines if "/" in line] == [1] * 99
    assert len(lines) > 99


def test_a_command_that_is_too_long_for_a_line_runs_as_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    command = f"segconv infer 501 -c 2d -f 0,1,2,3,4 -i {PATH} -o 'my results'"
    text = STYLES.sub("", said(monkeypatch, 40, lambda: Sink().next(command)))
    assert len(text.splitlines()) > 3
    assert shlex.split(text.removeprefix("Next:").replace("\\\n", " ")) == shlex.split(command)


def test_an_option_keeps_its_value_and_a_long_path_breaks_between_folders() -> None:
    command = "segconv infer 501 -c 2d -tr nnUNetTrainerSegconv_5epochs -f 0,1 --device cpu -i IN -o OUT"
    lines = broken(f"Next: {command}", 40, [command])
    assert not [
        line for line in lines if line.removesuffix(" \\").endswith((" -c", " -tr", " -f", " -i", " -o", "device"))
    ]
    assert broken(f"done, {PATH}/{PATH}", 50) == [
        "done,",
        "  /data/studies/2026/a_long_name_of_a_folder/",
        "  imagesTr//data/studies/2026/",
        "  a_long_name_of_a_folder/imagesTr",
    ]


def test_what_a_hint_says_to_type_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = Speaker()
    finding = Finding(
        "SC094",
        "is odd",
        hint="look at the file that is named above",
        cures=[Cure.of("repair_header", dataset="Dataset042_Liver"), Cure.of("check", dataset="Dataset042_Liver")],
    )
    worded = [speaker.in_words(finding)]
    text = said(monkeypatch, 80, lambda: print_findings(worded, as_json=False, typed=speaker.typed))
    assert "segconv repair Dataset042_Liver --to 43_New --repair header" in text
    assert "segconv check Dataset042_Liver" in text


def test_a_table_never_breaks_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("imagesTr", PATH, "holds the images of all the training cases"), ("labelsTr", PATH, "")]
    for columns in (60, 80, 120):
        text = STYLES.sub("", said(monkeypatch, columns, lambda: Sink().table(["folder", "path", "what"], rows)))
        assert text.count(PATH) == 2, columns
        assert (f"\n  path: {PATH}\n" in text) == (columns == 60), text
        assert text.count("holds the images of all the training cases") == 1 or columns == 80
        assert all(cells(line) <= columns or " " not in line.strip() for line in text.splitlines())


def test_only_cells_that_are_too_long_go_below_their_row(monkeypatch: pytest.MonkeyPatch) -> None:
    next_step = "segconv train 501 -tr nnUNetTrainerSegconv_100epochs_50iterations -f 1,2,3,4"
    rows = [("raw", "done", "18 training cases"), ("split", "done", "5 folds"), ("trained", "partly", next_step)]
    text = said(monkeypatch, 50, lambda: Sink().table(["stage", "state", "what"], rows))
    assert STYLES.sub("", text).splitlines() == [
        "stage    state   what",
        "raw      done    18 training cases",
        "split    done    5 folds",
        "trained  partly",
        "  what: segconv train 501 \\",
        "    -tr nnUNetTrainerSegconv_100epochs_50iterations \\",
        "    -f 1,2,3,4",
    ]


def test_a_table_of_many_numbers_goes_on_below(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["class", *(f"score {n}" for n in range(20))]
    rows = [(name, *(f"0.{n:03d}" for n in range(20))) for name in ("liver", "kidney")]
    lines = STYLES.sub("", said(monkeypatch, 80, lambda: Sink().table(names, rows))).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines if line.startswith(("liver", "kidney"))] == ["liver", "kidney"] * 2
    assert [word for line in lines if line.startswith("kidney") for word in line.split()[1:]] == list(rows[1][1:])


CELLS = st.text("ab /é肝-", max_size=30)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_any_table_is_drawn_whole(table: list[list[str]]) -> None:
    lines = [line for row in drawn(table, 40) for line in row]
    shown = Counter("".join(lines).replace(" ", ""))
    assert not Counter("".join(cell for row in table[1:] for cell in row).replace(" ", "")) - shown
    for cell in (cell for row in table[1:] for cell in row):
        assert all(any(word in line for line in lines) for word in cell.split())
