"""The number of workers is limited by the memory of the machine and of its control groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.work import memory
from segconv.work.memory import COPIES, MOST_PACKED, affordable, available_bytes

GIB = 1 << 30


def wording(
    tmp_path: Path,
    groups: str,
    files: dict[str, object],
    meminfo: str | None = "MemFree: 1 kB\nMemAvailable: 8388608 kB",
) -> int | None:
    """Return what is left on a machine whose kernel says this."""
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(groups)
    if meminfo is not None:
        (proc / "meminfo").write_text(meminfo)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return available_bytes(proc, root)


V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
V2 = ("memory.max", "memory.current")


def group(folder: str, names: Sequence[str], limit: object, used: int) -> dict[str, object]:
    return {f"{folder}/{names[0]}": limit, f"{folder}/{names[1]}": used}


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, 8 * GIB),
        ("0::/", {}, 8 * GIB),
        ("0::/a/b\n", group("a/b", V2, 3 * GIB, GIB), 2 * GIB),
        ("0::/a/b\n", {**group("a/b", V2, "max", GIB), **group("a", V2, 2 * GIB, GIB)}, GIB),
        ("0::/a/b\n", {**group("a/b", V2, 3 * GIB, 2 * GIB), "a/b/memory.stat": f"anon 5\ninactive_file {GIB}"}, 2 * GIB),
        ("0::/a\n", group("a", V2, 100 * GIB, GIB), 8 * GIB),
        ("0::/a\n", group("a", V2, GIB, 2 * GIB), 0),
        ("0::/a\n", group("other", V2, GIB, 0), 8 * GIB),
        ("5:cpu:/a\n0::/a\n", group("unified/a", V2, GIB, 0), GIB),
        ("3:cpu,memory:/a\n0::/\n", group("memory/a", V1, 5 * GIB, GIB), 4 * GIB),
        ("3:memory:/docker/x\n", group("memory", V1, 5 * GIB, 2 * GIB), 3 * GIB),
        ("3:memory:/a\n", {**group("memory/a", V1, 5 * GIB, GIB), "memory/a/memory.stat": f"total_inactive_file {GIB}"}, 5 * GIB),
        ("3:memory:/a\n", group("memory/a", V1, 9223372036854771712, GIB), 8 * GIB),
        ("0::/../../a\n", group("", V2, GIB, 0), 8 * GIB),
    ],
)  # fmt: skip
def test_available_memory_is_the_least_of_machine_and_groups(
    groups: str, files: dict[str, object], expected: int, tmp_path: Path
) -> None:
    assert wording(tmp_path, groups, files) == expected


def test_without_evidence_nothing_is_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wording(tmp_path, "", {}, meminfo=None) is None
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert affordable(7, [9], nbytes=int, decoded=lambda n: n * GIB) == 7


def test_this_machine_tells() -> None:
    left = available_bytes()
    assert left is not None
    assert 1 << 20 < left < 1 << 50


@given(st.integers(1, 64), st.integers(0, 1 << 45), st.lists(st.integers(0, 1 << 42), max_size=5))
def test_workers_fit_and_no_more_are_given_up_than_must(jobs: int, room: int, sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available_bytes", lambda: room)
        # As little on the disk as there can be: what is left open is asked.
        found = affordable(jobs, sizes, nbytes=lambda n: -(-n // MOST_PACKED), decoded=lambda n: n)
    need = COPIES * max(sizes, default=0)
    assert 1 <= found <= jobs
    assert found == 1 or found * need <= room
    assert found == jobs or (found + 1) * need > room


def test_files_too_small_to_matter_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: GIB)
    asked: list[int] = []
    assert affordable(2, [1, 100, 1 << 24], nbytes=int, decoded=lambda n: asked.append(n) or 4 * n) == 2
    assert asked == [1 << 24]


def test_the_largest_file_may_be_known_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 3 * COPIES * GIB)
    asked: list[int] = []
    assert affordable(8, [1], nbytes=lambda n: asked.append(n) or n, decoded=GIB) == 3
    assert affordable(8, [1], nbytes=int, decoded=0) == 8
    assert asked == []
