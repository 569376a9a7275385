"""Lock a target, so that only one run, including the programs that it starts, works on it at a time."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from ..errors import SegconvError
from . import fsops
from .plan import Target
from .writing import writing

_HOLDER = "process {} on {}"
_HOLDER_PATTERN = re.compile(r"process (\d+) on ([^\n]*)")

_thread = threading.local()
"""Per thread: ``held``, the descriptors of its locks."""


@contextmanager
def locked(target: Target) -> Iterator[int]:
    """Hold the lock of a target.

    Yields
    ------
    descriptor
        The descriptor that holds the lock.

    Raises
    ------
    SegconvError
        ``SC035`` if another run holds it, with its process and host; ``SC031`` if the file system
        does not support locks or the folder cannot be written; ``SC021`` if another file has its name.
    """
    with _holding(target, fsops.lock) as descriptor:
        with writing(target.lock):
            fsops.sign(descriptor, _own_words(), target.lock)
        yield descriptor


@contextmanager
def shared(target: Target) -> Iterator[int]:
    """Share the lock of a target with other readers; `locked` is refused meanwhile."""
    with _holding(target, fsops.lock_shared) as descriptor:
        with writing(target.lock):
            if not _is_signed_by_the_living(descriptor):
                fsops.sign(descriptor, _own_words(), target.lock)
        try:
            yield descriptor
        finally:
            with suppress(OSError):  # only a text for people; others may still hold the lock
                if _words(descriptor) == _own_words():
                    fsops.sign(descriptor, "", target.lock)


@contextmanager
def if_possible(lock: AbstractContextManager[int]) -> Iterator[None]:
    """Hold a lock unless its folder cannot be written or locked: segconv could not change anything there either."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except SegconvError as error:
            if error.code != "SC031":
                raise
        yield


@contextmanager
def _holding(target: Target, lock: Callable[[Path], int | None]) -> Iterator[int]:
    descriptor = _take(target, lock)
    held = _held()
    held.append(descriptor)
    try:
        yield descriptor
    finally:
        held.remove(descriptor)
        fsops.unlock(descriptor, target.lock)


@contextmanager
def holding_too(descriptors: Sequence[int]) -> Iterator[None]:
    """Let programs that this thread starts in a block hold locks of another thread, which waits for it."""
    held = _held()
    held.extend(descriptors)
    try:
        yield
    finally:
        for descriptor in descriptors:
            held.remove(descriptor)


def held_locks() -> tuple[int, ...]:
    """Return the descriptors of this thread's locks; a process that inherits them also holds the locks."""
    return tuple(_held())


def _held() -> list[int]:
    found: list[int] = _thread.__dict__.setdefault("held", [])
    return found


def _take(target: Target, lock: Callable[[Path], int | None]) -> int:
    with writing(target.lock):
        fsops.mkdir(target.lock.parent)
        descriptor = lock(target.lock)
    if descriptor is None:
        raise SegconvError(
            f"{_holder(target.lock)} works on it",
            code="SC035",
            file=str(target.path),
            hint="wait until that run has ended, then run the command again",
        )
    if not _is_lock(descriptor):
        os.close(descriptor)
        raise SegconvError(
            "is not a lock of segconv's, which keeps its lock under this name",
            code="SC021",
            file=str(target.lock),
            hint="move the file away",
        )
    return descriptor


def _is_lock(descriptor: int) -> bool:
    """Return whether an open file is a lock: empty, or signed by a holder."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:  # a hard link to another file
        return False
    words = _words(descriptor)
    return not words or _HOLDER_PATTERN.fullmatch(words) is not None


def _own_words() -> str:
    return _HOLDER.format(os.getpid(), os.uname().nodename)


def _words(descriptor: int) -> str:
    return os.pread(descriptor, 300, 0).decode("utf-8", "replace")


def _is_signed_by_the_living(descriptor: int) -> bool:
    """Return whether a lock is signed by a process that, as far as this host knows, exists."""
    signed = _HOLDER_PATTERN.fullmatch(_words(descriptor))
    if signed is None or signed[2] != os.uname().nodename:
        return signed is not None
    try:
        os.kill(int(signed[1]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # of another user
        pass
    return True


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="utf-8", errors="replace")[:200] or "another run"
    except OSError:
        return "another run"
