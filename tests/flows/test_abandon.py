"""``segconv abort`` removes what an unfinished run left, of that run only."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.work.locks import locked
from segconv.work.plan import PREVIEW, REPLACE, STRESS, Target, work_folder

from ..command import Command, Done

V1, V2 = ("--to-v1", "42_Roads"), ("--to", "42_Roads")
OTHER = ("--labels", "background=0,disc=1,ring=2")


@pytest.fixture
def convert(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Convert pictures; interrupted when all of the work is done but the last step."""
    (tmp_path / "v1 base").mkdir()
    monkeypatch.setenv("nnUNet_raw_data_base", str(tmp_path / "v1 base"))
    source = png_shapes(tmp_path / "pics", cases=2, tests=0, size=(12, 10), values=(0, 1, 2))

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segconv.work.staging.commit", interrupt)
    return lambda *words: segconv("convert", source, *words)


def hint_of(refused: Done) -> list[str]:
    """The command that a refusal says would remove the run."""
    assert refused.codes() == ["SC021"]
    hint = refused.err.splitlines()[-1]
    return shlex.split(hint.split("segconv ", 1)[1].removesuffix(" removes it"))


@pytest.mark.parametrize("target", [V1, V2], ids=["v1", "v2"])
def test_the_hint_removes_the_run_that_is_in_the_way_and_no_other(
    convert: Callable[..., Done], segconv: Command, tmp_path: Path, target: tuple[str, str]
) -> None:
    work = {V1: tmp_path / "v1 base" / "nnUNet_raw_data" / ".segconv-042", V2: segconv.raw / ".segconv-042"}
    assert [convert(*words).code for words in work] == [130, 130]
    command = hint_of(convert(*target, *OTHER))
    assert segconv(*command).code == 0
    assert [words for words in work if not work[words].exists()] == [target]
    assert convert(*target, *OTHER).code == 130, "it starts over"


def test_a_run_into_another_raw_folder_is_removed_there(
    convert: Callable[..., Done], segconv: Command, tmp_path: Path
) -> None:
    (tmp_path / "other raw").mkdir()
    raw = ("--raw", str(tmp_path / "other raw"))
    assert [convert(*V2).code, convert(*V2, *raw).code] == [130, 130]
    assert segconv(*hint_of(convert(*V2, *OTHER, *raw))).code == 0
    assert (segconv.raw / ".segconv-042").is_dir()
    assert list((tmp_path / "other raw").iterdir()) == []


@pytest.mark.parametrize("named", ["path", "relative path", "name", "staging folder", "its lock"])
def test_a_run_of_v1_is_found_by(
    named: str, convert: Callable[..., Done], segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tmp_path / "v1 base" / "nnUNet_raw_data"
    assert [convert(*V1).code, convert(*V2).code] == [130, 130]
    monkeypatch.chdir(tasks.parent)
    words = {
        "path": tasks / "Task042_Roads",
        "relative path": "nnUNet_raw_data/Task042_Roads",
        "name": "Task042_Roads",
        "staging folder": tasks / ".segconv-042",
        "its lock": tasks / ".segconv-042.lock",
    }
    assert segconv("abort", tasks / "Task042_Other").codes() == ["SC010"], "the number does not say which"
    assert segconv("abort", words[named]).code == 0
    assert list(tasks.iterdir()) == []
    assert (segconv.raw / ".segconv-042").is_dir()


def test_a_number_is_that_of_a_dataset_and_a_task_of_the_same_is_named(
    convert: Callable[..., Done], segconv: Command, tmp_path: Path
) -> None:
    task = tmp_path / "v1 base" / "nnUNet_raw_data" / ".segconv-042"
    assert convert(*V1).code == 130
    refused = segconv("abort", "42")
    assert (refused.code, refused.codes(), task.is_dir()) == (66, ["SC010"], True)
    hint = refused.err.splitlines()[-1].split("segconv ", 1)[1]
    assert segconv(*shlex.split(hint.removesuffix(" removes that of nnU-Net v1"))).code == 0
    assert not task.exists()


@pytest.mark.parametrize("named", ["42_Roads", "Dataset042_Roads", "raw/Dataset042_Roads"])
def test_a_dataset_is_found_by_its_name_and_its_path(
    named: str, convert: Callable[..., Done], segconv: Command
) -> None:
    assert convert(*V2).code == 130
    assert segconv("abort", named.replace("raw", str(segconv.raw)).replace("Roads", "Lanes")).codes() == ["SC010"]
    assert segconv("abort", named.replace("raw", str(segconv.raw))).code == 0
    assert list(segconv.raw.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from segconv.work.scratch import scratch
work = Path(sys.argv[1])
with scratch(work, ["in/a.png", "out"], print):
    (work / "in").mkdir()
    (work / "in" / "a.png").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("command", [STRESS, PREVIEW, REPLACE])
def test_the_work_folder_of_a_killed_command_is_found_by_its_output(
    command: str, segconv: Command, tmp_path: Path
) -> None:
    output = tmp_path / "here" / "st3.png"
    work = work_folder(command, output)
    output.parent.mkdir()
    done = subprocess.run([sys.executable, "-c", KILLED, str(work)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert {path.name for path in output.parent.iterdir()} == {work.name, f"{work.name}.lock"}
    (work / "in" / "notes").write_text("mine")
    refused = segconv("abort", output)
    assert (refused.code, refused.codes()) == (73, ["SC021"])
    assert "in/notes" in refused.err
    assert (work / "in" / "notes").read_text() == "mine"
    (work / "in" / "notes").rename(tmp_path / "notes")
    output.write_text("finished")
    assert segconv("abort", output).code == 0
    assert [path.name for path in output.parent.iterdir()] == ["st3.png"], "what is finished stays"
    assert segconv("abort", output).codes() == ["SC010"]


def test_an_output_named_like_a_dataset_needs_no_folder_of_datasets(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("nnUNet_raw")
    monkeypatch.chdir(tmp_path)
    assert segconv("abort", "42_Roads").codes() == ["SC010"]
    Target(tmp_path / "42_Roads", "42_Roads").staging.mkdir()
    assert segconv("abort", "42_Roads").code == 0
    assert not list(tmp_path.glob(".segconv*"))


def test_a_lock_that_a_killed_command_left_is_removed_and_one_that_is_held_is_not(
    segconv: Command, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    lock = Target(output, "out").lock
    lock.touch()
    assert segconv("abort", output).code == 0
    assert not lock.exists()
    with locked(Target(output, "out")):
        assert segconv("abort", output).code == 75
    lock.write_text("a file of somebody else")
    assert segconv("abort", output).codes() == ["SC021"]
    assert lock.exists()
