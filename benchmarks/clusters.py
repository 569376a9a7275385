"""Clusters: joblib's processes, and Dask, Ray and SLURM with as many workers on this machine."""

from __future__ import annotations

import dataclasses
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from segconv.work.backends import DASK, PROCESSES, RAY, SLURM, addressed
from segconv.work.backends.submitted import LOCAL
from tests.work.backends.dask_cluster import Separate
from tests.work.backends.ray_cluster import Head

from . import data
from .job import Comparison, Room
from .measure import COUNTED_RAY, Contestant, Failed, idle_cores

PAIRS = 1500
EDGE = 256
FEW, MANY = 2000, 8000
"""With fewer, the last of Ray's workers may not have begun when the others are done."""
BURNT_MS = 3
"""What converting such a pair takes. It is burnt, because the CPU time of conversions varies with the disk by more
than the overhead that is to be found."""
NEEDS = {DASK: "distributed", RAY: "ray", SLURM: "submitit"}
SETTLES_S = 5
"""Clusters use much CPU time while they start."""
WATCHED_S = 5
"""How long to find out what their servers take without work."""


def clusters(room: Room) -> Sequence[Comparison]:
    """Convert pairs of small pictures; then burn a known CPU time with each item."""
    starts: dict[str, Callable[[], tuple[str, Sequence[int]]]] = {
        PROCESSES: lambda: (PROCESSES, ()),
        DASK: lambda: _dask(room),
        RAY: lambda: _ray(room),
        SLURM: lambda: (addressed(SLURM, LOCAL), ()),
    }
    env = {**room.env, "XDG_STATE_HOME": str(room.base / "state")}
    (room.base / "state").mkdir()
    source = data.pictures(room.base / "Bench", room.many(PAIRS), EDGE)
    converted, burnt = {}, {}
    notes = [
        "SLURM is submitit's local executor: a job is a process of this machine.",
        "Schedulers and nodes are started before, which is not counted.",
    ]
    for number, (kind, start) in enumerate(starts.items(), start=100):
        if importlib.util.find_spec(NEEDS.get(kind, "joblib")) is None:
            notes.append(f"{kind} is missing: {NEEDS[kind]} is not installed.")
            continue
        backend, servers = start()
        target = f"Dataset{number}_Bench"
        one = room.program(
            "on_backend", source, target.removeprefix("Dataset"), backend, room.workers, made=room.raw / target
        )
        one = dataclasses.replace(one, who=kind, size={"cases": room.many(PAIRS)}, beside=servers, env=env)
        converted[kind] = one
        for items in (room.many(FEW), room.many(MANY)):
            words = room.program("burning", backend, room.workers, items, BURNT_MS / 1000).command
            burnt[f"{kind}, {items} items"] = dataclasses.replace(one, command=words, size={"cases": items})
    time.sleep(SETTLES_S)
    for name, one in burnt.items():
        if one.beside:
            burnt[name] = dataclasses.replace(one, idle=idle_cores(one.beside, WATCHED_S))
    return [
        Comparison(f"convert, PNG pairs {EDGE}×{EDGE}", converted, lambda: _check(converted.values()), notes),
        Comparison(f"items that burn {BURNT_MS} ms of CPU time, with 1 KiB sent and returned", burnt),
    ]


def _check(contestants: Iterable[Contestant]) -> None:
    """Refuse to time clusters that did not write the bytes that joblib's processes, which come first, wrote."""
    first: dict[Path, bytes] = {}
    for one in contestants:
        written = {path.relative_to(one.made): path.read_bytes() for path in one.made.glob("*T?/*")}
        first = first or written
        if not written or first != written:
            raise Failed(f"{one.who} wrote other files than {PROCESSES}")


def _dask(room: Room) -> tuple[str, Sequence[int]]:
    """Start a scheduler and workers; return the name of the backend, and the processes."""
    folder = room.base / "dask"
    folder.mkdir()
    cluster = Separate(folder)
    room.exits.callback(cluster.end)
    for _ in range(room.workers):
        cluster.add_worker()
    return addressed(DASK, cluster.address), [process.pid for process in (cluster.scheduler, *cluster.workers)]


def _ray(room: Room) -> tuple[str, Sequence[int]]:
    # In a folder with a short name: Ray puts sockets there.
    head = Head(Path(room.exits.enter_context(tempfile.TemporaryDirectory())), COUNTED_RAY)
    room.exits.callback(head.kill)
    return addressed(RAY, head.address), [head.pid]
