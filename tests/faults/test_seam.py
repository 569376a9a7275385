"""Every change of the disk goes through the seam, and nothing is written anywhere but next to the target.

Python reports every change that Python code makes (`sys.addaudithook`); what libraries do without it
shows in the calls of the system, where ``strace`` is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .forker import ROOT, Forker
from .worlds import WORLDS, World

CHANGING = (
    "creat,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,truncate,"
    "mknod,mknodat,chmod,fchmodat,chown,fchownat,utimensat,setxattr"
)


@pytest.mark.parametrize("name", WORLDS)
def test_every_change_goes_through_the_seam(
    name: str, world: Callable[[str], World], forker: Forker, tmp_path: Path
) -> None:
    here = world(name)
    record = tmp_path / "record"
    cache = tmp_path / "cache"  # of compiled code, the one place besides
    env = {**here.env, "audit": str(record), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(cache)}
    done = forker.run([*here.words, "-j", "1"], env)
    assert done.code == 0, done.err
    own = (str(record), str(cache), "/calls'")
    wording = [line for line in record.read_text().splitlines() if not any(path in line for path in own)]
    assert wording == [], "changes around the seam, processes, or pickles"
    assert {path.name for path in tmp_path.iterdir()} <= {"record", "cache"}


def test_bypassing_the_seam_would_be_noticed(forker: Forker, tmp_path: Path) -> None:
    """The record is not empty because nothing is looked at."""
    script = (
        "import os, sys; from pathlib import Path; from tests.faults import forker\n"
        f"forker._audit(Path({str(tmp_path / 'record')!r}), 'seam')\n"
        f"os.mkdir({str(tmp_path / 'a')!r}); open({str(tmp_path / 'b')!r}, 'w').close(); os.remove({str(tmp_path / 'b')!r})"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert [line.split()[0] for line in (tmp_path / "record").read_text().splitlines()] == [
        "os.mkdir",
        "open",
        "os.remove",
    ]


def changed_paths(log: str, cwd: Path) -> set[Path]:
    """Paths that calls of the system changed, or opened for writing, with success."""
    found: set[Path] = set()
    for line in log.splitlines():
        if re.search(r"= -\d", line) or "unfinished" in line:
            continue
        call = re.search(r"\b(\w+)\(", line)
        if call is None:
            continue
        if call[1] in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", line):
            continue
        found |= {cwd / text for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line)}
    return found


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", ["png", "channels", "hard_links", "augmented", "restored"])
def test_nothing_is_written_but_the_staging_folder_the_lock_and_the_target(
    name: str, jobs: int, world: Callable[[str], World], tmp_path: Path
) -> None:
    here = world(name)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    log = tmp_path / "log"
    command = ["strace", "-f", "-qq", "-s", "4096", "-e", f"trace=open,openat,{CHANGING}", "-o", str(log)]
    command += [sys.executable, "-B", "-m", "segconv", *here.words, "-j", str(jobs)]
    env = {**here.env, "TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # workers too
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=300)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    source = {here.folder / kept for kept in here.kept}
    beside = here.made.parent
    elsewhere = set()
    for path in changed_paths(log.read_text(errors="replace"), tmp_path):
        slot = next((part for part in path.parts if part.startswith(".segconv-")), None)
        linked = "--link" in here.words and any(path.is_relative_to(kept) for kept in source)
        ours = path.is_relative_to(beside) and (slot is not None or path.is_relative_to(here.made))
        # Named semaphores of the pool of workers live in memory and are unlinked at once.
        if not (
            ours
            or linked
            or path.is_relative_to(tmp_path / "cache")
            or path.is_relative_to("/dev")
            or path.is_relative_to("/proc")
        ):
            elsewhere.add(str(path))
    assert elsewhere == set()
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "home").exists()
