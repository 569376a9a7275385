"""Clusters: many small items by joblib's processes, and by Dask, Ray and SLURM with as many workers on this machine."""

from __future__ import annotations

import dataclasses
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from segconv.work.backends import DASK, PROCESSES, RAY, SLURM, addressed
from segconv.work.backends.slurm import LOCAL
from tests.work.backends.dask_cluster import Separate
from tests.work.backends.ray_cluster import Head

from . import data
from .job import Comparison, Room
from .measure import COUNTED_RAY, Contestant, Failed, idle_cores

FEW, MANY = 1500, 4500
"""With fewer, the last of Ray's workers may not have begun when the others are done."""
EDGE = 256
NEEDS = {DASK: "distributed", RAY: "ray", SLURM: "submitit"}
SETTLES_S = 5
"""Clusters use much CPU time while they start."""
WATCHED_S = 5
"""How long to find out what their servers take without work."""


def clusters(room: Room) -> Sequence[Comparison]:
    """Convert many pairs of small pictures."""
    starts: dict[str, Callable[[], tuple[str, Sequence[int]]]] = {
        PROCESSES: lambda: (PROCESSES, ()),
        DASK: lambda: _dask(room),
        RAY: lambda: _ray(room),
        SLURM: lambda: (addressed(SLURM, LOCAL), ()),
    }
    env = {**room.env, "XDG_STATE_HOME": str(room.base / "state")}
    (room.base / "state").mkdir()
    sources = {n: data.pictures(room.base / f"Bench{n}", n, EDGE) for n in (room.many(FEW), room.many(MANY))}
    found = {}
    notes = [
        "SLURM is submitit's local executor: a job is a process of this machine.",
        "Schedulers and nodes are started before, which is not counted.",
    ]
    for kind, start in starts.items():
        if importlib.util.find_spec(NEEDS.get(kind, "joblib")) is None:
            notes.append(f"{kind} is missing: {NEEDS[kind]} is not installed.")
            continue
        backend, servers = start()
        for number, (cases, source) in enumerate(sources.items()):
            target = f"Dataset{100 + 10 * len(found) + number}_Bench"
            one = room.program(
                "on_backend", source, target.removeprefix("Dataset"), backend, room.workers, made=room.raw / target
            )
            found[f"{kind}, {cases} items"] = dataclasses.replace(
                one, who=kind, size={"cases": cases}, beside=servers, env=env
            )
    time.sleep(SETTLES_S)
    for name, one in found.items():
        if one.beside:
            found[name] = dataclasses.replace(one, idle=idle_cores(one.beside, WATCHED_S))
    return [Comparison(f"convert, PNG pairs {EDGE}×{EDGE}", found, lambda: _check(found.values()), notes)]


def _check(contestants: Iterable[Contestant]) -> None:
    """Refuse to time clusters that did not write the bytes that joblib's processes, which come first, wrote."""
    first: dict[int, dict[Path, bytes]] = {}
    for one in contestants:
        written = {path.relative_to(one.made): path.read_bytes() for path in one.made.glob("*T?/*")}
        if not written or first.setdefault(one.size["cases"], written) != written:
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
