"""Work for the tests of runs, importable by worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from segconv.errors import Finding, SegconvError, warning
from segconv.work.caseio import CaseIO
from segconv.work.owned import Written
from segconv.work.plan import Item, Plan, Target
from segconv.work.run import Result
from segconv.work.run_options import RunOptions
from segconv.work.staging import Staged


def make_plan(folder: Path, count: int = 3, *, payload: str = "copy", key: str = "k") -> Plan:
    """A plan that copies ``source/N.bin`` to ``out/data/N.bin`` twice over."""
    source = folder / "source"
    if not source.is_dir():
        source.mkdir(parents=True)
        for n in range(count):
            (source / f"{n}.bin").write_bytes(bytes([n]) * (1000 + n))
    items = tuple(
        Item(f"case{n}", (str(source / f"{n}.bin"),), (f"data/{n}.bin", f"more/{n}.bin"), f"{payload}")
        for n in range(count)
    )
    return Plan(Target(folder / "root" / "Dataset007_Kit", "007", manifest), source, items, {"key": key})


def manifest(folder: Path) -> Iterator[Written]:
    """What `copy` and `listing` write, by the list."""
    if not (folder / "index").is_file():
        raise SegconvError("it has no index")
    yield Written("index", None)
    for line in (folder / "index").read_text().splitlines():
        case, sha256 = line.split()
        for above in ("data", "more"):
            yield Written(f"{above}/{case.removeprefix('case')}.bin", sha256)


def copy(item: Item, io: CaseIO) -> dict[str, Any]:
    data = io.read(Path(item.sources[0]))
    for output in item.outputs:
        io.write(output, data)
    return {"n": item.case}


def copy_slowly(item: Item, io: CaseIO) -> dict[str, Any]:
    time.sleep(0.15)
    return copy(item, io)


def copy_first_soon(item: Item, io: CaseIO) -> dict[str, Any]:
    """Copy the first case at once, and others after a minute."""
    if item.case != "case0":
        time.sleep(60)
    return copy(item, io)


def counted(item: Item, io: CaseIO) -> dict[str, Any]:
    """Copy, and leave a mark next to the source that this case was worked on."""
    with open(Path(item.sources[0]).parent.parent / "calls", "a") as calls:
        calls.write(f"{item.case}\n")
    return copy(item, io)


def copy_with_process(item: Item, io: CaseIO) -> dict[str, Any]:
    """Copy slowly, and leave the number of the process next to the source."""
    (Path(item.sources[0]).parent.parent / f"process-{item.case}").write_text(str(os.getpid()))
    return copy_slowly(item, io)


def all_fail(item: Item, io: CaseIO) -> dict[str, Any]:
    io.write(item.outputs[0], b"begun")
    raise SegconvError("found this", code="SC055", file="1.bin", hint="do that")


def one_fails(item: Item, io: CaseIO) -> dict[str, Any]:
    if item.case == "case1":
        raise SegconvError("found this", code="SC055", file="1.bin", hint="do that")
    return copy(item, io)


def one_crashes(item: Item, io: CaseIO) -> dict[str, Any]:
    if item.case == "case1":
        raise ZeroDivisionError("a bug")
    return copy(item, io)


def one_dies(item: Item, io: CaseIO) -> dict[str, Any]:
    if item.case == "case1":
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(item, io)


def one_warns(item: Item, io: CaseIO) -> dict[str, Any]:
    if item.case == "case1":
        io.warn(warning("SC077", "all equal", file="1.bin"))
    return copy(item, io)


def touches_its_source(item: Item, io: CaseIO) -> dict[str, Any]:
    record = copy(item, io)
    if item.case == "case1":
        Path(item.sources[0]).write_bytes(b"changed")
    return record


def forgets_an_output(item: Item, io: CaseIO) -> dict[str, Any]:
    io.write(item.outputs[0], io.read(Path(item.sources[0])))
    return {}


def listing(results: Iterable[Result], staged: Staged) -> list[Finding]:
    """Finish with a list of what was done, in the order of the results."""
    staged.write_lines("index", (f"{r.case} {r.targets[0]['sha256']}\n".encode() for r in results))
    return []


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


if __name__ == "__main__":
    import sys

    from segconv.work.run import execute

    _, where, task, jobs, *backend = sys.argv
    try:
        execute(
            make_plan(Path(where)),
            globals()[task],
            listing,
            RunOptions(jobs=int(jobs), backend=next(iter(backend), None)),
        )
    except SegconvError as error:
        print("\n".join(f"{f.code}: {f.message}" for f in error.findings))
        sys.exit(error.exit_code)
