"""Targets, folders, disks and variables in a bad state."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple
from unittest import mock

from segconv import reading
from segconv.work import fsops

from .case import Case, nothing
from .sources import Place
from .tables import ALL, VOLUMES, rejected, warned

Around = Callable[[Place], AbstractContextManager[object]]


class Usage(NamedTuple):
    """What the system says of a disk, in bytes."""

    total: int
    used: int
    free: int


def variable(name: str, value: str | None) -> Around:
    """Return what sets a variable for a run, ``{folder}`` standing for the folder of the case; None takes it out."""

    @contextmanager
    def around(place: Place) -> Iterator[None]:
        with mock.patch.dict(os.environ):
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value.replace("{folder}", str(place.folder))
            yield

    return around


def fault(what: str) -> Around:
    """Return what makes one change of the disk fail as a system makes it fail."""

    @contextmanager
    def around(place: Place) -> Iterator[None]:
        fsops._calls.clear()
        with mock.patch.dict(os.environ, {"SEGCONV_FAULT": what}):
            yield

    return around


@contextmanager
def full_disk(place: Place) -> Iterator[None]:
    """A disk with 3 MB of room."""
    with mock.patch.object(shutil, "disk_usage", return_value=Usage(10**9, 10**9 - 3_000_000, 3_000_000)):
        yield


@contextmanager
def read_only(place: Place) -> Iterator[None]:
    """A root that cannot be written, be it for rights or because the file system is mounted so."""
    real = os.access

    def access(path: str, mode: int, **more: bool) -> bool:
        return real(path, mode, **more) and not (mode & os.W_OK and str(path).startswith(str(place.folder)))

    with mock.patch.object(os, "access", access):
        yield


@contextmanager
def unreadable(place: Place) -> Iterator[None]:
    """A disk that fails to give the bytes of the label."""
    real, head = reading._through_no_link, reading.Heads.head

    def fail(path: str) -> None:
        if path == str(place.label):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    def opened(path: str, flags: int) -> int:
        fail(path)
        return real(path, flags)

    def head_of(files: reading.Heads, path: str, size: int) -> tuple[bytes, int]:
        fail(path)
        return head(files, path, size)

    with (
        mock.patch.object(reading, "_through_no_link", opened),
        mock.patch.object(reading.Heads, "head", head_of),
    ):
        yield


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another run that works on the same target."""
    with (place.folder / "nnUNet_raw" / ".segconv-005.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def no_root(place: Place) -> None:
    (place.folder / "nnUNet_raw").rmdir()


def root_is_a_file(place: Place) -> None:
    no_root(place)
    (place.folder / "nnUNet_raw").write_text("")


RAW = "nnUNet_raw"
BAD_VARIABLES: list[tuple[str, str | None]] = [
    ("not set", None),
    ("empty", ""),
    ("relative", "nnUNet_raw"),
    ("in quotes", '"{folder}/nnUNet_raw"'),
    ("missing", "{folder}/none"),
    ("a file", "{folder}/file"),
    ("with a variable in it", "$HOME/nnUNet_raw"),
    ("with a tilde", "~/nnUNet_raw"),
    ("with a line break", "{folder}/nnUNet_raw\n"),
]
FAULTS = ("ENOSPC@1", "ENOSPC@2", "ENOSPC@5", "ENOSPC@9", "EDQUOT@6", "EROFS@1", "EROFS@4", "EACCES@1", "EIO@7")


def a_file(place: Place) -> None:
    (place.folder / "file").write_text("")


CASES: list[Case] = [
    *(
        case
        for name, value in BAD_VARIABLES
        for case in rejected(
            "environment", f"nnUNet_raw {name}", a_file, "SC040", None, ALL if value is None else ("png", "msd"), exits=(78,),
            around=variable(RAW, value),
        )
    ),
    *(
        case
        for name, value in BAD_VARIABLES[2:]
        for case in warned(
            "environment", f"nnUNet_results {name}", a_file, "SC040", None, "pairs", recorded=False, around=variable("nnUNet_results", value)
        )
    ),
    *warned("environment", "nnUNet_preprocessed missing", nothing, "SC040", None, ("png", "msd"), recorded=False, around=variable("nnUNet_preprocessed", "/nowhere")),
    *rejected("environment", "no root", no_root, "SC040", None, ALL, exits=(78,)),
    *rejected("environment", "root is a file", root_is_a_file, "SC040", None, ("png", "msd"), exits=(78,)),
    *rejected("environment", "no such folder by option", nothing, "SC040", None, ALL, exits=(78,), words=("--raw", "{folder}/none")),
    *rejected("environment", "full disk", nothing, "SC032", None, ALL, exits=(74,), around=full_disk),
    *rejected("environment", "read-only root", nothing, "SC031", None, ALL, exits=(74,), around=read_only),
    *(case for what in FAULTS for case in rejected("environment", what.replace("@", " at change "), nothing, ("SC031", "SC032", "SC030"), None, ("png", "v1") if what != "ENOSPC@9" else ALL, exits=(74,), around=fault(what), detect=False)),
    *rejected("environment", "unreadable label", nothing, "SC030", "label", ("png", *VOLUMES), exits=(74,), around=unreadable),
    *rejected("target", "locked", nothing, "SC035", None, ALL, exits=(75,), around=locked),
]  # fmt: skip
