"""Run nnU-Net's commands, each in its own process with a given, not inherited, environment.

This module does not import nnU-Net: its commands are the console scripts of the installed package.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import site
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from ..errors import Cure, Interrupted, SegconvError
from ..work import fsops
from ..work.writing import writing
from .paths import TRAINERS, Paths
from .processes import said, started
from .trainer_folders import search_path
from .worker_processes import VARIABLE as WORKERS
from .worker_processes import usual_processes

See = Callable[[bytes], None]

PASSED_ON = re.compile(
    r"PATH|HOME|LANG|TMPDIR|LD_LIBRARY_PATH|CC|CXX"
    # Devices and their libraries
    r"|(CUDA|NVIDIA|CUBLAS|CUDNN|NCCL|ROCR|HIP|HSA|MIOPEN|GLOO)_.*"
    # PyTorch and its compilers
    r"|(PYTORCH|TORCH|TORCHINDUCTOR|TORCHDYNAMO|TRITON)_.*"
    # Threads
    r"|(MKL|OMP|KMP|GOMP)_.*"
    # nnU-Net, and the job that its logger names
    r"|(nnUNet|TOTALSEG)_.*|SLURM_JOB_ID|LSB_JOBID"
)
"""Variables that a child inherits, as ``docs/training.md`` says; the folders are set again."""

WANDB, _WANDB_ENABLED = re.compile(r"WANDB_.*"), "nnUNet_wandb_enabled"
"""Variables of Weights & Biases, a key among them, are inherited only if nnU-Net is to log there."""

WITHHELD = (TRAINERS,)
"""nnU-Net imports every module of the folders that this names, so it is set here, and never inherited."""

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)

_NOT_HEEDED = ("matplotlibrc", ".numba_config.yaml")
"""Settings that matplotlib and Numba look for first in the current folder, which may be a stranger's."""

_KNOWN_FAILURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"CUDA out of memory|OutOfMemoryError", "the GPU ran out of memory", ("smaller_patch",)),
    (r"Could not find a dataset with the ID", "", ("show_folders",)),
    (r"workers are no longer alive|Killed|MemoryError", "memory ran out", ("fewer_jobs",)),
    (r"No CUDA GPUs are available|not compiled with CUDA|Found no NVIDIA driver", "", ("compute_without_gpu",)),
    (
        r"SemLock\(|shm_open|shared memory|\(shm\)",
        "shared memory (/dev/shm), which nnU-Net's workers need, is full or missing: give the container more of it",
        (),
    ),
    (r"No space left on device", "make room on the disk and run the command again", ()),
    (r"Could not find requested nnunet trainer", "", ("check_trainer", "name_trainers")),
    (
        r", in _recursive_find_python_class",
        "nnU-Net imports every module of a folder of trainers, and one of them fails",
        ("check_trainer_folders",),
    ),
)
"""What the end of a log says → what that means, and kinds of cures."""

_KILLED = "the system kills a process like this when memory runs out"


def commands() -> dict[str, str]:
    """Return nnU-Net's installed commands: name → ``module:function``.

    Raises
    ------
    SegconvError
        ``SC041`` if nnunetv2 is not installed.
    """
    try:
        found = metadata.distribution("nnunetv2").entry_points
    except metadata.PackageNotFoundError as error:
        raise SegconvError(
            "nnunetv2 is not installed", code="SC041", hint="pip install 'segconv[train]' brings nnunetv2 and PyTorch"
        ) from error
    return {point.name: point.value for point in found if point.group == "console_scripts"}


def environment(paths: Paths) -> dict[str, str]:
    """Return the complete environment of a child."""
    passed = {key: value for key, value in os.environ.items() if _is_passed_on(key)}
    if not os.path.isabs(passed.get("HOME", "")):
        passed.pop("HOME", None)  # files kept there would be left in the current folder
    passed.update(paths.variables())
    passed[TRAINERS] = search_path(paths.trainers)
    passed.setdefault(WORKERS, str(usual_processes()))
    passed["PYTHONUNBUFFERED"] = passed["PYTHONSAFEPATH"] = "1"  # for processes that the child starts; see `python`
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:  # as in many containers; torch's compiler fails without a name
        passed["USER"] = str(os.getuid())
    return passed


def _is_passed_on(key: str) -> bool:
    if key in WITHHELD:
        return False
    logs_there = os.environ.get(_WANDB_ENABLED, "0") not in ("0", "False", "false")
    return bool(PASSED_ON.fullmatch(key) or (logs_there and WANDB.fullmatch(key)))


def shown_environment(paths: Paths) -> list[str]:
    """Return the environment of a child for people, without secrets, and which variables of the user it lacks."""
    passed = environment(paths)
    lines = [f"{key}={'…' if _SECRET.search(key) else value}" for key, value in sorted(passed.items())]
    lost = (key for key in WITHHELD if os.environ.get(key, passed.get(key)) != passed.get(key))
    return [*lines, *(f"{key}={os.environ[key]} is not passed on" for key in lost)]


def python(call: str) -> list[str]:
    """Return the start of a command: our interpreter with a call, as isolated as an installed script.

    Otherwise Python would first search the current folder, which may hold an unrelated ``numpy.py``, or
    settings: matplotlib's may break nnU-Net's progress plot, and the training with it. Isolation, which
    Python's worker processes inherit, also hides the user's own site-packages; they are added again.
    """
    packages = site.getusersitepackages() if site.ENABLE_USER_SITE else ""
    # Without a home it is "~" in the current folder.
    own = f"import site; site.addsitedir({packages!r}); " if os.path.isabs(packages) else ""
    blind = "import os; there = os.path.exists; "
    blind += f"os.path.exists = lambda path: path not in {_NOT_HEEDED!r} and there(path); "
    return [sys.executable, "-I", "-u", "-c", blind + own + call]


class ChildFailed(SegconvError):
    """A command that ended with an error.

    Attributes
    ----------
    last_lines
        The end of its output, without the frames of tracebacks.
    ended_with
        Its exit code; 128 plus the number of the signal that ended it, as in shells.
    """

    last_lines: tuple[str, ...] = ()
    ended_with: int = 1


def run_nnunet(
    name: str,
    arguments: Sequence[str],
    paths: Paths,
    *,
    log: Path | None = None,
    tell: Callable[[str], None] | None = None,
    see: See | None = None,
    settings: dict[str, str] | None = None,
) -> None:
    """Run a command of nnU-Net to its end.

    Parameters
    ----------
    name
        Name of the command, such as ``nnUNetv2_train``.
    arguments
        As on its command line.
    paths
        The three folders.
    log
        File to which its output is appended.
    tell
        Called with each line, without its end.
    see
        Called with each piece of its output as it is, also with each state of a progress bar.
    settings
        More variables for the child.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown command, ``SC041`` if nnunetv2 is not installed, ``SC101`` if
        it fails, with its last error line, the path of the log, and what to do.
    Interrupted
        By Ctrl-C; the child and its processes are ended.
    """
    known = commands()
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, n=3) or sorted(known)
        raise SegconvError(f"nnunetv2 has no command {name}", hint=f"known are {', '.join(near)}")
    module, _, function = known[name].partition(":")
    # Modules are no garbage, and looking for some among them takes a sixth of the time of nnU-Net's imports.
    load = f"import gc, sys; gc.disable(); from {module} import {function}; gc.freeze(); gc.enable(); "
    call = f"{load}sys.argv[0] = {name!r}; sys.exit({function}())"
    run_child(
        [*python(call), *arguments],
        {**environment(paths), **(settings or {})},
        shown=f"{name} {' '.join(arguments)}",
        log=log,
        tell=tell,
        see=see,
    )


def run_child(
    command: Sequence[str],
    env: dict[str, str],
    *,
    shown: str,
    log: Path | None = None,
    tell: Callable[[str], None] | None = None,
    see: See | None = None,
) -> None:
    """Run a program to its end and pass on its output; see `run_nnunet`."""
    last: deque[str] = deque(maxlen=60)
    try:
        with logged(log, shown) as keep, started(command, env) as process:
            for raw in said(process):
                keep(raw)
                if see is not None:
                    see(raw)
                # A progress bar redraws its line; only its last state is passed on.
                line = "" if raw.endswith(b"\r") else raw.decode("utf-8", "replace").rstrip()
                if line:
                    last.append(line)
                    if tell is not None:
                        tell(line)
            code = process.wait()
    except KeyboardInterrupt as error:
        number = int(error.args[0]) if error.args else signal.SIGINT
        raise Interrupted(
            f"interrupted: {shown}", signal_number=number, cures=[Cure.of("same_command_resumes")]
        ) from None
    if code != 0:
        raise _failure(shown, code, last, log)


@contextmanager
def logged(log: Path | None, shown: str) -> Iterator[See]:
    """Open a log, if there is one, and yield a function that appends to it."""
    if log is None:
        yield lambda _: None
        return
    with writing(log):
        fsops.mkdir(log.parent)
        descriptor = fsops.open_append(log)

    def keep(data: bytes) -> None:
        with writing(log):
            fsops.append(descriptor, data, log)

    try:
        keep(f"$ {shown}\n".encode())
        yield keep
    finally:
        os.close(descriptor)


def _failure(shown: str, code: int, last: Sequence[str], log: Path | None) -> ChildFailed:
    """Return the error for a failed command."""
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    text = "\n".join(last)
    known = ((hint, kinds) for pattern, hint, kinds in _KNOWN_FAILURES if re.search(pattern, text))
    hint, kinds = next(known, (_KILLED, ("fewer_jobs",)) if code == -signal.SIGKILL else ("", ()))
    failed = ChildFailed(
        f"{shown} {how}: {last_words(last)}",
        code="SC101",
        file=str(log or ""),
        hint="; ".join(filter(None, (hint, f"see {log}" if log else ""))),
        cures=map(Cure, kinds),
    )
    failed.last_lines = tuple(_without_frames(last))
    failed.ended_with = 128 - code if code < 0 else code
    return failed


def _without_frames(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of a log, but of tracebacks only what was raised; the log has the rest."""
    inside = False
    for line in lines:
        inside = line.startswith("Traceback (") or (inside and line.startswith(" "))
        if not inside:
            yield line


def last_words(last: Sequence[str]) -> str:
    """Return the last line that names an exception, or else the last line."""
    named = (line for line in reversed(last) if re.match(r"\w+(\.\w+)*(Error|Exception|Exit)\b", line))
    return next(named, last[-1] if last else "it wrote nothing")
