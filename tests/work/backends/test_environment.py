"""Modules in the current folder are foreign code: no process of segconv runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.make_fixtures import msd_ct
from segconv.work.backends.environment import environment_of_workers

from ...command import Command

MODULES = ("argparse", "cloudpickle", "joblib", "loky", "multiprocessing", "numpy", "runpy", "sitecustomize", "socket")
"""Of the standard library and installed ones: what workers, and what counts their resources, import as they start."""

MAIN = "from segconv.cli.main import main; main()"


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A folder with modules that say that they ran."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r} + '\\n')\n")
    return folder


def ran(stranger: Path) -> str:
    found = stranger.parent / "ran"
    return found.read_text() if found.exists() else ""


@pytest.mark.parametrize("path", [None, ":."])
def test_no_worker_runs_modules_of_the_current_folder(
    path: str | None, stranger: Path, tmp_path: Path, segconv: Command
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    if path is not None:
        environment["PYTHONPATH"] = path
        (stranger / "sitecustomize.py").unlink()  # which Python runs before anything of ours
    source = msd_ct(tmp_path / "source", cases=3, tests=0, size=(8, 8, 4))
    script = tmp_path / "bin" / "script"  # as the installed one: its own folder comes first, and not the current one
    script.parent.mkdir()
    script.write_text(MAIN)
    words = ["convert", source, "--to", "7_A", "-j", "2", "--backend", "loky"]
    done = subprocess.run(
        [sys.executable, script, *words], cwd=stranger, env=environment, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, ran(stranger)) == (0, ""), done.stderr


PROGRAM = """
import json, os, sys
from segconv.work.parallel import each

def worker(_):
    return os.getpid(), os.getcwd()

if __name__ == "__main__":
    before = os.environ["PYTHONPATH"]
    found = set(each(worker, range(20), jobs=2, backend="loky"))
    assert os.getpid() not in {pid for pid, _ in found}
    print(json.dumps([sorted({folder for _, folder in found}), before == os.environ["PYTHONPATH"], "PYTHONSAFEPATH" in os.environ]))
"""


def test_workers_are_where_their_run_is_and_a_program_keeps_its_environment(stranger: Path, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "program.py"
    script.parent.mkdir()
    script.write_text(PROGRAM)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    environment["PYTHONPATH"] = f"relative:{tmp_path}"
    done = subprocess.run(
        [sys.executable, script], cwd=stranger, env=environment, capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, ran(stranger)) == (0, ""), done.stderr
    assert json.loads(done.stdout) == [[str(stranger)], True, False]


def test_the_environment_comes_back_with_the_last_of_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere::lib:.")
    monkeypatch.setenv("LOKY_MAX_DEPTH", "garbage")
    before = dict(os.environ)
    first, second = environment_of_workers(), environment_of_workers()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == "/somewhere"
    assert "lib" not in os.environ["PYTHONPATH"].split(os.pathsep)
    assert "LOKY_MAX_DEPTH" not in os.environ
    second.__exit__(None, None, None)
    assert dict(os.environ) == before
