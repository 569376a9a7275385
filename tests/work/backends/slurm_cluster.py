"""A stand-in for a SLURM cluster: its programs run each job as processes of this machine.

In its room, a file ``refuse`` lets sbatch refuse jobs, ``no-accounts`` lets sacct fail and ``silent`` squeue, and
``sbatch.N`` are the scripts that sbatch was given; ``N.state`` is what both say of job N, and ``N.pid`` its process.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PROGRAM = """#!{python} -I
import os, signal, subprocess, sys
from pathlib import Path

ROOM = Path({room!r})
name, words = Path(sys.argv[0]).name, sys.argv[1:]


def write(name, text):
    (ROOM / f"{{name}}.new").write_text(text)
    (ROOM / f"{{name}}.new").rename(ROOM / name)


def run(script):
    number = str(os.getpid())
    write(f"sbatch.{{number}}", script)
    write(f"{{number}}.state", "RUNNING")
    code = subprocess.run(["bash", str(ROOM / f"sbatch.{{number}}")], env={{**os.environ, "SLURM_JOB_ID": number}}).returncode
    if (ROOM / f"{{number}}.state").read_text() == "RUNNING":
        write(f"{{number}}.state", "FAILED" if code else "COMPLETED")


if name == "sbatch":
    script = Path(words[0]).read_text()  # submitit moves it once it knows the number
    if (ROOM / "refuse").exists():
        write("sbatch.0", script)
        sys.exit("sbatch: error: invalid partition specified: gpus")
    read, ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        for descriptor in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        os.close(ready)
        os.read(read, 1)
        run(script)
        os._exit(0)
    print("Submitted batch job", child)
elif name == "srun":
    out, err = words[words.index("--output") + 1], words[words.index("--error") + 1]
    for descriptor, path in ((1, out), (2, err)):
        path = path.replace("%j", os.environ["SLURM_JOB_ID"]).replace("%t", "0")
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), descriptor)
    write(os.environ["SLURM_JOB_ID"] + ".pid", str(os.getpid()))
    command = words[words.index("--error") + 2 :]
    os.execv(command[0], command)
elif name == "sacct":
    if (ROOM / "no-accounts").exists():
        sys.exit("Slurm accounting storage is disabled")
    print("JobID|State|NodeList")
    for number in words[words.index("-j") + 1].split(","):
        if (ROOM / f"{{number}}.state").exists():
            print(f"{{number}}|{{(ROOM / f'{{number}}.state').read_text()}}|here")
elif name == "squeue":
    if (ROOM / "silent").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert words == ["-h", "-t", "all", "-u", str(os.getuid()), "-o", "%A|%T"]
    for path in ROOM.glob("*.state"):
        print(f"{{path.stem}}|{{path.read_text()}}")
elif name == "scancel":
    write(f"{{words[0]}}.state", "CANCELLED by 0")
    try:
        os.kill(int((ROOM / f"{{words[0]}}.pid").read_text()), signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError):
        pass
"""


class SlurmCluster:
    """The cluster, whose programs are first in the search path."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = folder
        programs = folder / "bin"
        programs.mkdir(parents=True)
        for name in ("sbatch", "srun", "sacct", "squeue", "scancel"):
            (programs / name).write_text(PROGRAM.format(python=sys.executable, room=str(folder)))
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    @property
    def scripts(self) -> list[str]:
        """The scripts of all jobs."""
        return [path.read_text() for path in sorted(self.room.glob("sbatch.*"))]

    def refuse(self) -> None:
        """Refuse jobs from now on."""
        (self.room / "refuse").touch()

    def keep_no_accounts(self) -> None:
        """Let sacct fail from now on."""
        (self.room / "no-accounts").touch()

    def say_nothing(self) -> None:
        """Let squeue fail, too."""
        (self.room / "silent").touch()

    def set_state(self, job: str, state: str | None) -> None:
        """Set what is said of a job; None if it was forgotten."""
        path = self.room / f"{job}.state"
        path.unlink(missing_ok=True) if state is None else path.write_text(state)

    def signal(self, job: str, number: int) -> None:
        """Send a signal to the process of a job."""
        os.kill(int((self.room / f"{job}.pid").read_text()), number)
