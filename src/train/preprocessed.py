"""Check that nnU-Net's preprocessed cases hold only numbers, before its loader reads them.

The loader unpickles the properties of each case, and Blosc2 rebuilds whatever object an array file declares. So
both are first read as data, and files that hold more than nnU-Net writes are refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import reading
from ..dataset.pickle_values import values_of
from ..dataset.pickled_arrays import NotPlain
from ..errors import Cure, SegconvError, naming
from ..work import fsops
from ..work.writing import writing

PROPERTIES = ".pkl"
MAX_PROPERTIES = 512 << 20
"""10,000 locations per class are kept: 37 MiB for 117 classes."""

_ARRAYS = (".b2nd", "_seg.b2nd", ".npz", ".npy", "_seg.npy")
"""Of a case; nnU-Net reads those of numpy without what would have to be unpickled."""

_BLOSC2 = re.compile(
    # A frame with one layer of metadata, that of an array (c-blosc2, README_CFRAME_FORMAT.rst): no lazy expression,
    # no proxy, no function.
    rb"\x9e\xa8b2frame\0.{77}\x93\xcd..\xde\0\x01\xa4b2nd\xd2",
    re.DOTALL,
)
_BLOSC2_BYTES = 100


def refuse_more_than_numbers(folder: Path, *, cures: Sequence[Cure]) -> None:
    """Refuse a folder of preprocessed cases if one holds more than nnU-Net writes.

    Raises
    ------
    SegconvError
        ``SC064`` for the first file that holds more or is damaged; ``SC030`` if one cannot be read.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder))
    except FileNotFoundError:
        return  # nnU-Net reports what is missing
    except OSError as error:
        raise reading.unlisted(error, folder) from error
    for name in names:
        if name.endswith(PROPERTIES):
            _properties(folder / name, cures)
        elif name.endswith(".b2nd"):
            with _opened(folder / name) as descriptor:
                _refuse_other_than_array(descriptor, folder / name, cures)


def case_files(case: str) -> list[str]:
    """Return the possible file names of a preprocessed case."""
    return [case + ending for ending in (PROPERTIES, *_ARRAYS)]


def copy_case(folder: Path, case: str, into: Path, *, cures: Sequence[Cure]) -> None:
    """Copy the files of a preprocessed case to an empty folder, so that the examined bytes are the ones loaded.

    Raises
    ------
    SegconvError
        As in `refuse_more_than_numbers`; a system error if the copy cannot be written.
    """
    properties = _properties(folder / (case + PROPERTIES), cures)
    with writing(into):
        fsops.mkdir(into)
        fsops.write_new(into / (case + PROPERTIES), properties)
        for ending in _ARRAYS:
            path = folder / (case + ending)
            if not os.path.lexists(path):
                continue
            with _opened(path) as descriptor:
                if path.suffix == ".b2nd":
                    _refuse_other_than_array(descriptor, path, cures)
                fsops.copy_new(descriptor, into / path.name)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        descriptor = reading.descriptor_of(os.path.realpath(path))
    except OSError as error:
        raise reading.refusal(error, path) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _properties(path: Path, cures: Sequence[Cure]) -> bytes:
    """Return the bytes of a case's properties, after checking that they hold only plain values."""
    try:
        with naming(str(path)):
            data = reading.whole(os.path.realpath(path), MAX_PROPERTIES)
        values_of(data)
    except OSError as error:
        raise reading.refusal(error, path) from error
    except NotPlain as error:
        raise _refused(f"holds more than numbers, or is damaged: {error}", path, cures) from error
    return data


def _refuse_other_than_array(descriptor: int, path: Path, cures: Sequence[Cure]) -> None:
    if not _BLOSC2.match(os.pread(descriptor, _BLOSC2_BYTES, 0)):
        raise _refused("is not a plain Blosc2 array, as nnU-Net writes it", path, cures)


def _refused(what: str, path: Path, cures: Sequence[Cure]) -> SegconvError:
    return SegconvError(what, code="SC064", file=str(path), cures=cures)
