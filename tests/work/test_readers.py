"""Reading while planning: in order, by as many workers as memory allows, with progress, ended by Ctrl-C."""

from __future__ import annotations

import math
import signal
import threading
from pathlib import Path

import pytest

from segconv.errors import Interrupted, SegconvError
from segconv.work import memory, readers
from segconv.work.interruption import interruptible
from segconv.work.memory import COPIES
from segconv.work.readers import SMALL, Readers

ITEMS = 20


class Heard:
    """What `Progress` hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.count = 0

    def note(self, text: str) -> None:
        self.said.append(text)

    def start(self, total: int, done: int, what: str = "cases") -> None:
        self.said.append(f"{done} of {total} {what}")

    def advance(self, case: str) -> None:
        self.count += 1

    def stop(self) -> None:
        self.said.append("end")


def ended(before: list[threading.Thread]) -> None:
    """No thread is left that was not there before: one that was just begun may yet have to see that it is over."""
    for thread in set(threading.enumerate()) - set(before):
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for number in range(ITEMS):
        (tmp_path / f"{number:02d}").write_bytes(bytes(100))
    return [str(tmp_path / f"{number:02d}") for number in range(ITEMS)]


def over(readers: Readers, files: list[str], read: object, decoded: int = 0) -> list[tuple[str, object]]:
    return list(readers.over(files, read, files=lambda file: [file], decoded=lambda file: decoded))  # type: ignore[arg-type]


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_small_files_come_in_order_with_what_was_wrong_with_some(jobs: int, files: list[str]) -> None:
    def read(numbered: tuple[int, str]) -> int:
        if numbered[0] % 50 == 49:
            raise SegconvError("found this", code="SC055")
        return numbered[0]

    items = list(enumerate(files * 16))
    found = list(Readers(jobs).over(items, read, files=lambda item: [item[1]], decoded=lambda item: 0))
    assert [item for item, _ in found] == items
    wrong = [item[0] for item, result in found if isinstance(result, SegconvError)]
    assert wrong == [49, 99, 149, 199, 249, 299]
    assert [result for _, result in found if isinstance(result, int)] == [n for n, _ in items if n not in wrong]


def threads_of(files: list[str], decoded: int) -> set[int]:
    """Return the threads that read many files."""
    seen: set[int] = set()

    def read(file: str) -> None:
        seen.add(threading.get_ident())

    over(Readers(2), files * 16, read, decoded)
    return seen


def test_small_files_are_read_by_this_thread(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "WAITING", math.inf)
    assert threads_of(files, SMALL) == {threading.get_ident()}
    assert threading.get_ident() not in threads_of(files, SMALL + 1)
    Path(files[7]).write_bytes(bytes(SMALL + 1))
    assert threading.get_ident() not in threads_of(files, 0)


def test_small_files_that_are_waited_for_are_read_by_threads(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "WAITING", 0.0)
    assert threads_of(files, 0) - {threading.get_ident()}


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_was_read_comes_in_order_and_what_was_wrong_with_it(jobs: int, files: list[str]) -> None:
    def read(file: str) -> str:
        if file == files[3]:
            raise SegconvError("found this", code="SC055", file=file)
        if file == files[4]:
            raise MemoryError
        return file[-2:]

    found = over(Readers(jobs), files, read)
    assert [file for file, _ in found] == files
    assert [result.code for _, result in found if isinstance(result, SegconvError)] == ["SC055", "SC103"]
    assert [result for _, result in found if isinstance(result, str)] == [f[-2:] for f in files[:3] + files[5:]]


def test_progress_is_reported(files: list[str]) -> None:
    heard = Heard()
    over(Readers(2, heard), files, str)
    assert heard.said == [f"0 of {ITEMS} labels", "end"]
    assert heard.count == ITEMS


@pytest.mark.parametrize("fitting", [1, 2])
def test_there_are_no_more_of_them_than_jobs_and_memory_allow(
    fitting: int, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    together = threading.Barrier(fitting)
    monkeypatch.setattr(memory, "available_bytes", lambda: COPIES * 1000 * fitting)
    heard = Heard()

    def read(file: str) -> None:
        together.wait(60)  # which only as many as are expected pass together, however fast they are
        seen.add(threading.get_ident())

    over(Readers(4, heard), files, read, decoded=1000)
    assert len(seen) == fitting
    assert heard.said[0] == f"{fitting} of 4 workers: the free memory is not enough for more"


def test_a_file_that_is_gone_is_for_reading_to_tell(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 9)
    assert len(over(Readers(2), [*files, "/nonexistent"], str, decoded=1)) == ITEMS + 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_whoever_needs_no_more_ends_them(jobs: int, files: list[str]) -> None:
    read: list[str] = []
    found = Readers(jobs).over(files, read.append, files=lambda file: [file], decoded=lambda file: 0)
    next(found)
    found.close()
    assert len(read) <= 3 * jobs + 1 < ITEMS


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_them_and_leaves_no_thread(jobs: int, files: list[str]) -> None:
    read: list[str] = []
    before = threading.enumerate()
    pressed = threading.Event()

    def press(file: str) -> None:
        read.append(file)
        if not pressed.is_set():
            pressed.set()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match="nothing was written"), interruptible("nothing was written", ""):
        over(Readers(jobs), files * 50, press)
    assert len(read) < len(files) * 50
    ended(before)
