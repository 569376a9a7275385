"""nnU-Net's commands: unchanged, with the folders set, a log, and their own exit code."""

from __future__ import annotations

import site
from importlib import metadata
from pathlib import Path

import pytest

from segconv.train import child

from ..command import Command

PROGRAM = """
import os, signal, sys

def main():
    print(sys.argv[1:], os.environ["nnUNet_raw"])
    sys.stderr.write("\\rbar 1/2\\rbar 2/2\\n")
    sys.stderr.flush()
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return int(sys.argv[1])
"""


@pytest.fixture
def command(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, with a command nnUNetv2_any."""
    (tmp_path / "stand_in.py").write_text(PROGRAM)
    monkeypatch.setattr(child, "commands", lambda: {"nnUNetv2_any": "stand_in:main"})
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path))
    return segconv


@pytest.mark.parametrize(("word", "code"), [("0", 0), ("3", 3), ("killed", 137)])
def test_output_and_exit_code_are_those_of_nnunet(command: Command, word: str, code: int) -> None:
    done = command("nnunet", "--", "nnUNetv2_any", word, "--json", "-v", "--raw=x")
    assert done.code == code
    expected = f"{[word, '--json', '-v', '--raw=x']} {command.raw}\n\rbar 1/2\rbar 2/2\n"
    assert done.out.replace("\r\n", "\n") == expected
    (log,) = (command.folder / "nnUNet_preprocessed").glob(".segconv-logs/nnunet/*")
    assert (log.name, "bar 1/2\rbar 2/2" in log.read_bytes().decode()) == ("nnUNetv2_any.log", True)
    assert done.codes() == (["SC101"] if code else [])


def test_an_unknown_command_is_refused_with_similar_ones(command: Command) -> None:
    done = command("nnunet", "--", "nnUNetv2_anny")
    assert (done.code, "nnUNetv2_any" in done.err) == (2, True)
    assert not (command.folder / "nnUNet_preprocessed" / ".segconv-logs").exists()


def test_all_commands_are_listed(command: Command) -> None:
    assert command("nnunet").out == "nnUNetv2_any\n"


@pytest.mark.train
def test_every_command_of_the_installed_distribution_is_reached(segconv: Command) -> None:
    names = {point.name for point in metadata.distribution("nnunetv2").entry_points}
    assert set(segconv("nnunet").out.split()) == names
    assert "nnUNetv2_plan_and_preprocess" in names
