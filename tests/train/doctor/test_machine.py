"""Too little memory, shared memory, open files and disk are found."""

from __future__ import annotations

import resource
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from segconv.train.doctor import machine
from segconv.train.paths import Paths

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("count", "gib", "expected"), [(8, 64, 8), (8, 10, 3), (8, 1, 1), (2, None, 2)])
def test_the_number_of_processes_follows_memory(count: int, gib: int | None, expected: int) -> None:
    assert machine.affordable_processes(count, None if gib is None else gib * machine.GIB) == expected


def test_too_little_memory_for_the_cores_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(machine, "available_bytes", lambda: 8 * machine.GIB)
    look = machine.look_at_workers()
    assert look.verdict == "warning"
    assert "2 of 16" in look.findings[0].message
    monkeypatch.setattr(machine, "available_bytes", lambda: None)
    assert machine.look_at_workers().verdict == "ok"


def test_little_shared_memory_and_few_open_files_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 65536))
    look = machine.look_at_limits(tmp_path / "missing")
    assert [finding.code for finding in look.findings] == ["SC142", "SC142"]
    assert "ulimit -n 65536" in look.findings[1].hint
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(8 * machine.GIB, 0, 8 * machine.GIB))
    assert machine.look_at_limits(tmp_path).verdict == "ok"


@pytest.mark.parametrize(
    ("free", "needed", "verdict"), [(100, 0, "ok"), (100, 99, "ok"), (100, 101, "error"), (5, 0, "warning")]
)
def test_the_disk_must_hold_what_preprocessing_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, needed: int, verdict: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000, 0, free * machine.GIB))
    (look,) = machine.look_at_disks(Paths(preprocessed=tmp_path), needed * machine.GIB)
    assert look.verdict == verdict
    assert look.subject == "disk of nnUNet_preprocessed"
