"""A process that has loaded segconv once and runs each command in a fork of itself.

So a command that is to be killed costs milliseconds instead of the second that an interpreter takes,
and every point of a run can be tried. `Forker` is the side of the tests; the module run as a script
is the other. The server never computes anything itself: a fork of a process with threads is not safe.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from segconv.cli.main import main, run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """A command that has ended.

    Parameters
    ----------
    code
        Its exit code, or minus the signal that ended it.
    out, err
        What it said.
    calls
        Operation of `fsops` → how often it was called; empty for one that was killed.
    """

    code: int
    out: str
    err: str
    calls: dict[str, int]


class Running:
    """A command that was begun; the leader of a process group of its own."""

    def __init__(self, server: Any, pid: int, folder: Path) -> None:
        self._server = server
        self.pid = pid
        self._folder = folder

    def wait(self) -> Ended:
        status = self._server.ask({"wait": self.pid})
        out, err = ((self._folder / name).read_text(errors="replace") for name in ("out", "err"))
        calls = self._folder / "calls"
        return Ended(status, out, err, json.loads(calls.read_text()) if calls.exists() else {})


class Forker:
    """Starts commands through the server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forker"],
            cwd=ROOT,
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(
        self,
        words: list[str],
        env: Mapping[str, str],
        cwd: Path | None = None,
        streams: Mapping[int, str] | None = None,
    ) -> Running:
        self._count += 1
        folder = self._folder / f"said{self._count}"
        folder.mkdir(parents=True)
        request = {"words": words, "env": dict(env), "folder": str(folder), "cwd": str(cwd or folder)}
        if streams is not None:
            request["streams"] = {str(number): how for number, how in streams.items()}
        return Running(self, self.ask(request), folder)

    def run(
        self,
        words: list[str],
        env: Mapping[str, str],
        cwd: Path | None = None,
        streams: Mapping[int, str] | None = None,
    ) -> Ended:
        """Run a command to its end.

        Parameters
        ----------
        streams
            Descriptor → what is wrong with it, a key of `STREAMS`; the command then runs as its script does.
        """
        return self.start(words, env, cwd, streams).wait()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


CHANGES = {
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.mkfifo", "os.mknod", "os.setxattr", "os.removexattr", "shutil.rmtree", "shutil.copyfile",
    "shutil.copymode", "shutil.copystat", "shutil.move", "shutil.make_archive", "tempfile.mkstemp", "tempfile.mkdtemp",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "pickle.find_class",
}  # fmt: skip


def _audit(record: Path, seam: str) -> None:
    """Write down every change of a disk, and every process, that does not come from the seam."""
    descriptor = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    sys.dont_write_bytecode = True  # what the import of a module writes is no change that segconv makes

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if not writes and event not in CHANGES:
            return
        frame = sys._getframe(1)
        while frame is not None:
            # Numba compiles into the user's cache, and loads what it compiled from there.
            if frame.f_code.co_filename == seam or "/numba/" in frame.f_code.co_filename:
                return
            frame = frame.f_back  # type: ignore[assignment]
        os.write(descriptor, f"{event} {arguments!r}\n".encode())

    sys.addaudithook(hook)


def _closed(number: int) -> None:
    os.close(number)


def _full(number: int) -> None:
    os.dup2(os.open("/dev/full", os.O_RDWR), number)


def _left(number: int) -> None:
    """A pipe whose reader is gone."""
    reader, writer = os.pipe()
    os.dup2(writer, number)
    os.close(reader)


STREAMS = {"closed": _closed, "full": _full, "left": _left}
"""What may be wrong with a standard stream."""


def _as_script(words: list[str], streams: Mapping[str, str]) -> NoReturn:
    """Run a command as its script does, in a process that got such streams when it began."""
    for number, how in streams.items():
        STREAMS[how](int(number))
        if how == "closed":  # as Python has it in a process that was begun so
            setattr(sys, ("stdin", "stdout", "stderr")[int(number)], None)
    main(words)


def _child(request: dict[str, Any]) -> None:
    """Run one command; does not return."""
    from segconv.work import fsops
    from segconv.work.interruption import answer_no_more, answer_once

    from . import stub

    os.setsid()
    folder = Path(request["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for name, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), descriptor)
    os.chdir(request["cwd"])
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "SEGCONV_FAULT", "SEGCONV_DEBUG"):
        os.environ.pop(name, None)
    os.environ.update(request["env"])
    fsops._calls.clear()
    if "audit" in request["env"]:
        _audit(Path(request["env"]["audit"]), fsops.__file__)
    if "streams" in request:
        _as_script(request["words"], request["streams"])
    if "stub" in request["env"]:
        stub.install()
    answer_once()
    code = run(request["words"])
    answer_no_more()
    sys.stdout.flush()
    sys.stderr.flush()
    with open(folder / "calls", "w") as calls:
        json.dump(fsops._calls, calls)
    if "joblib" in sys.modules:
        sys.exit(code)  # ends the workers in the order that joblib wants
    os._exit(code)


def _load_numba() -> None:
    """Load Numba and a kernel, which take each augmentation half a second; a kernel starts no threads."""
    import numpy as np

    from segconv.augment import compiled, hu_shift  # noqa: F401

    if compiled.available():
        from segconv.augment import kernels

        picture = np.zeros((4, 4, 3), np.uint8)
        kernels.run(kernels.planes, picture, picture.copy(), np.eye(2), np.zeros(2), np.zeros(3, np.uint8))
    compiled.available.cache_clear()  # each command looks at its own variables


def _serve() -> None:
    # What the commands need is loaded here, and nothing of it is used.
    import concurrent.futures.thread  # noqa: F401
    import encodings.utf_8_sig  # noqa: F401

    import imagecodecs
    import numpy.ma  # noqa: F401
    import PIL.Image
    import SimpleITK  # noqa: F401

    import segconv.augment.runner
    import segconv.cli.augment
    import segconv.cli.check
    import segconv.cli.convert
    import segconv.cli.infer
    import segconv.cli.label_texts
    import segconv.cli.labels
    import segconv.cli.plan
    import segconv.cli.repair
    import segconv.cli.restore
    import segconv.flows.infer
    import segconv.flows.plan
    import segconv.review.check.dataset_check
    import segconv.train.paths
    import segconv.work.backends.environment
    import segconv.work.backends.inner
    import segconv.work.backends.processes
    import segconv.work.backends.threads

    for room in (segconv.convert, segconv.dataset, segconv.image):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            importlib.import_module(found.name)

    from . import stub  # noqa: F401

    _load_numba()

    PIL.Image.preinit()
    _ = imagecodecs.png_decode
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _child(request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
