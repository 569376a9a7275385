"""What the training files of a dataset hold: the hash of their bytes, and the perceptual hash of images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ... import reading
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.lineage import CaseRecord
from ...errors import SegconvError, naming
from ...image.opened import decoded_bytes, read_bytes, read_image
from ...image.perceptual import perceptual_hash
from ...train.inputs import Seen
from ...work.owned import file_sha256
from ...work.readers import Readers


@dataclass(frozen=True)
class Content(Seen):
    """A file as it was when it was read.

    Parameters
    ----------
    size, mtime_ns, sha256
        As in `Seen`.
    look
        Its `perceptual_hash`, if it is an image that has one.
    """

    look: str | None = None


@dataclass(frozen=True)
class Contents:
    """The contents of the training files of a dataset.

    Parameters
    ----------
    of
        Path in the dataset → its content; paths of files elsewhere begin with ``../``.
    images
        Case → paths of its images, by channel.
    """

    of: Mapping[str, Content] = field(default_factory=dict)
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of_case(self, case: str) -> list[Content]:
        """Return the contents of the images of a case."""
        return [self.of[path] for path in self.images.get(case, ())]

    @property
    def sha256(self) -> str:
        """Hash of the dataset: of the lines that ``sha256sum`` prints for its files, sorted by name as bytes."""
        lines = sorted((os.fsencode(path), content.sha256) for path, content in self.of.items())
        whole = hashlib.sha256()
        for path, digest in lines:
            whole.update(digest.encode() + b"  " + path + b"\n")
        return whole.hexdigest()


NOT_READ = Contents()
NOTHING_KNOWN: Mapping[str, Content] = MappingProxyType({})


def read_contents(
    dataset: Dataset,
    records: Sequence[CaseRecord],
    readers: Readers,
    known: Mapping[str, Content] = NOTHING_KNOWN,
    *,
    looking: bool = True,
) -> Contents:
    """Return the contents of the training files of a dataset.

    Copies get no perceptual hash: the lineage ties them to their originals.

    Parameters
    ----------
    known
        Contents from an earlier reading; files are not read again that have the same size and time.
    looking
        Look at the images, for their perceptual hash.

    Raises
    ------
    SegconvError
        ``SC060`` for a link that leaves the dataset, ``SC030`` for a file that cannot be read.
    """
    images = {record.case: dataset.stored_images(record.case) for record in records}
    looked_at = {record.case for record in records if looking and record.parent is None}
    wanted = {_name(dataset, path): item for path, item in _wanted(dataset, images, looked_at)}
    found = _unchanged(wanted, known)
    found.update(_each({name: item for name, item in wanted.items() if name not in found}, readers))
    return Contents(found, {case: [_name(dataset, path) for path in own] for case, own in images.items()})


def _wanted(
    dataset: Dataset, images: Mapping[str, Sequence[Path]], looked_at: Collection[str]
) -> Iterator[tuple[Path, _Wanted]]:
    """Yield the files to read: dataset.json, and images and labels of each case."""
    yield dataset.path / DESCRIPTION, _Wanted(str(dataset.located(dataset.path / DESCRIPTION)), looked_at=False)
    for case, own in images.items():
        for path in own:
            yield path, _Wanted(str(dataset.located(path)), case in looked_at)
        if reading.is_there(label := dataset.label_file(case)):
            yield label, _Wanted(str(dataset.located(label)), looked_at=False)


def _unchanged(wanted: Mapping[str, _Wanted], known: Mapping[str, Content]) -> dict[str, Content]:
    """Return what is known of files that are as they were."""
    return {name: content for name, content in known.items() if name in wanted and wanted[name].has(content)}


def _name(dataset: Dataset, path: Path) -> str:
    inside = str(path).removeprefix(f"{dataset.path}{os.sep}")
    return os.path.relpath(path, dataset.path) if os.path.isabs(inside) or ".." in inside else inside


@dataclass(frozen=True)
class _Wanted:
    """A file to read: its real location, and whether it is an image to look at."""

    path: str
    looked_at: bool

    def has(self, content: Content) -> bool:
        """Return whether the file is as it was."""
        try:
            status = os.stat(self.path)
        except OSError:
            return False  # the error is reported when it is read
        return (status.st_size, status.st_mtime_ns) == (content.size, content.mtime_ns)


def _each(wanted: Mapping[str, _Wanted], readers: Readers) -> Iterator[tuple[str, Content]]:
    """Yield each name with what its file holds."""
    items = list(wanted.values())
    with closing(readers.over(items, _read, files=lambda item: [item.path], decoded=_decoded_bytes)) as results:
        for name, (_, found) in zip(wanted, results, strict=True):
            if isinstance(found, SegconvError):
                raise found
            yield name, found


def _decoded_bytes(wanted: _Wanted) -> int:
    return decoded_bytes(wanted.path) if wanted.looked_at else 0


def _read(wanted: _Wanted) -> Content:
    status = os.stat(wanted.path)  # before: a file that changes meanwhile is read again the next time
    identity = status.st_size, status.st_mtime_ns
    if not wanted.looked_at:
        return Content(*identity, file_sha256(Path(wanted.path)))
    with naming(wanted.path):
        data = read_bytes(wanted.path)
    try:
        look = perceptual_hash(read_image(data))
    except SegconvError:
        look = None  # of a format that segconv does not read, or damaged
    return Content(*identity, hashlib.sha256(data).hexdigest(), look)
