"""What a rehearsal's program says becomes steps and errors; its death is expected only where it was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.paths import Paths
from segconv.train.rehearsal import playing
from segconv.train.rehearsal.playing import BEGIN, FINISH, Played, play

START = "import json, os, sys; say = lambda **event: print('SEGCONV ' + json.dumps(event), flush=True)\n"
DIE = "os.kill(os.getpid(), 9)\n"


Play = Callable[[str, str], list[Played]]


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Return a function that plays a program, and what it heard."""

    def run(part: str, program: str) -> list[Played]:
        monkeypatch.setattr(playing, "python", lambda _: [sys.executable, "-c", START + program])
        heard: list[Played] = []
        lines: list[str] = []
        play(
            part,
            {"trainer": "T"},
            tmp_path / "request.json",
            Paths(),
            log=tmp_path / "log",
            tell=lines.append,
            heard=heard.append,
        )
        assert not any(line.startswith("SEGCONV") for line in lines)
        return heard

    return run


def test_steps_are_heard_with_their_seconds_and_facts(played: Play, tmp_path: Path) -> None:
    heard = played(FINISH, "say(begin='train', of='2d fold 1'); say(end='train', of='2d fold 1', s=1.5, epoch=2)")
    assert heard == [Played("train", "2d fold 1", 1.5, {"epoch": 2})]
    assert json.loads((tmp_path / "request.json").read_text()) == {"trainer": "T", "part": "finish"}
    assert "SEGCONV" in (tmp_path / "log").read_text()


def test_the_death_of_the_first_training_is_expected(played: Play) -> None:
    said = "say(begin='train', of='2d fold 0'); say(end='train', of='2d fold 0', s=1)\n"
    assert [step.name for step in played(BEGIN, said + DIE)] == ["train"]


@pytest.mark.parametrize("part", [BEGIN, FINISH])
def test_any_other_death_is_an_error_that_names_the_step(part: str, played: Play) -> None:
    with pytest.raises(SegconvError, match=r"^preprocess 2d: .*SIGKILL") as caught:
        played(part, "say(begin='preprocess', of='2d')\n" + DIE)
    assert caught.value.code == "SC160"


@pytest.mark.parametrize(
    ("signal", "said"), [("SIGALRM", "^the network 2d did not end within 300 s"), ("SIGSEGV", "by SIGSEGV")]
)
def test_a_network_that_hangs_or_ends_the_process_has_the_code_of_networks(
    signal: str, said: str, played: Play, tmp_path: Path
) -> None:
    with pytest.raises(SegconvError, match=said) as caught:
        played(BEGIN, f"import signal; say(begin='network', of='2d'); os.kill(os.getpid(), signal.{signal})")
    assert (caught.value.code, caught.value.file) == ("SC187", str(tmp_path / "log"))


def test_what_the_program_found_is_the_error(played: Play) -> None:
    finding = {"code": "SC161", "message": "wrong", "hint": "right"}
    with pytest.raises(SegconvError, match="wrong") as caught:
        played(BEGIN, f"say(begin='import', of=''); say(finding={finding!r}); sys.exit(1)")
    assert (caught.value.code, caught.value.hint) == ("SC161", "right")


def test_an_exception_is_named_with_the_step_and_the_log(played: Play, tmp_path: Path) -> None:
    with pytest.raises(SegconvError, match=r"^validate 2d fold 0: ValueError: flat$") as caught:
        played(FINISH, "say(begin='validate', of='2d fold 0'); raise ValueError('flat')")
    assert (caught.value.code, caught.value.file) == ("SC160", str(tmp_path / "log"))


def test_a_training_that_does_not_die_in_time_is_an_error(played: Play) -> None:
    with pytest.raises(SegconvError, match="ended before it was killed"):
        played(BEGIN, "say(begin='train', of='2d fold 0')")
