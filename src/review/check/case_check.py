"""Check one case in a worker: read each file once, hash it, prove it to its end, decode and judge it.

At most one decoded file per case is in memory, except for a witness. `QuickCheck` reads only headers.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

from ... import reading
from ...errors import Finding, SegconvError, warning
from ...image.opened import Header, decoded_bytes, read_bytes
from ...work.unforeseen import unforeseen
from .case_report import Assigned, CaseReport, Rules
from .image_check import channels_of, judge_channels, judge_image
from .inventory import DatasetCase
from .label_check import judge_label
from .looked import Looked, decode, probe
from .tiff_spacing import judge_tiff_spacing

_BYTE_S = 1 / 120e6
_FILE_S = 1 / 1500
_HEADER_S = 1 / 5000
_SEEN_S = 1 / 40
"""Seconds of one process per byte of a gzipped volume, per file, per header and per case that is drawn: measured, and a
rule of thumb."""

Judge: TypeAlias = "Callable[[str, Looked, Header | None, Rules, CaseReport], Iterator[Finding]]"
See = Callable[[DatasetCase, Mapping[str, Looked], CaseReport], Any]


@dataclass(frozen=True)
class Witness:
    """Who sees the decoded files of each case while they are checked, so that none is read twice.

    Parameters
    ----------
    see
        Gets a case, its readable files by name, and what the check found; returns what is kept of them. It runs in a
        worker, and can be pickled.
    take
        Gets a case and its report, with what `see` returned, in the order of the cases.
    """

    see: See
    take: Callable[[DatasetCase, CaseReport], None]


class _Read(NamedTuple):
    """A file as read: its size, its SHA-256 if it was read completely, and a function that opens it."""

    size: int
    sha256: bytes | None
    open: Callable[[], Looked]


@dataclass(frozen=True)
class CaseCheck(ABC):
    """Checks one case; can be pickled.

    Attributes
    ----------
    unlocked
        Whether most of the work on a large file is done outside the interpreter's lock.
    """

    unlocked: ClassVar[bool] = False

    rules: Rules

    def __call__(self, case: Assigned) -> CaseReport:
        """Return what was found."""
        report = CaseReport(case.number)
        for finding in _Case(self, case, report).findings():
            report.findings.append(finding)
        return report

    def path(self, name: str) -> str:
        """Return the path of a file of the dataset."""
        return os.path.join(self.rules.root, name)

    @abstractmethod
    def read(self, path: str) -> _Read:
        """Read a file."""

    @abstractmethod
    def seconds(self, files: DatasetCase) -> float:
        """Return roughly how many seconds a case takes one process."""

    def nbytes(self, files: DatasetCase) -> int:
        """Return how many bytes per case are read for decoding."""
        return 0

    def decoded(self, files: DatasetCase) -> int:
        """Return how many bytes the largest file of a case decodes to."""
        return 0


class QuickCheck(CaseCheck):
    """Reads the headers of a case."""

    def read(self, path: str) -> _Read:
        """Read only the header."""
        return _Read(reading.size_of(path), None, partial(probe, path))

    def seconds(self, files: DatasetCase) -> float:
        """Return roughly how many seconds a case takes one process."""
        return _HEADER_S * len(files.files)


class FullCheck(CaseCheck):
    """Reads every byte of a case."""

    unlocked = True

    def read(self, path: str) -> _Read:
        """Read and hash the complete file."""
        data = read_bytes(path)
        return _Read(len(data), hashlib.sha256(data).digest(), partial(decode, data, self.rules.ending))

    def seconds(self, files: DatasetCase) -> float:
        """Return roughly how many seconds a case takes one process."""
        return sum(_FILE_S + _BYTE_S * reading.size_if_there(self.path(name)) for name in files.files)

    def nbytes(self, files: DatasetCase) -> int:
        """Return how many bytes per case are read for decoding."""
        return sum(map(reading.size_if_there, self._existing(files)))

    def decoded(self, files: DatasetCase) -> int:
        """Return how many bytes the largest file of a case decodes to."""
        return max((decoded_bytes(os.path.realpath(path)) for path in self._existing(files)), default=0)

    def _existing(self, files: DatasetCase) -> Iterator[str]:
        return filter(os.path.isfile, map(self.path, files.files))


@dataclass(frozen=True)
class SeenCheck(FullCheck):
    """Reads every byte of a case, and shows its decoded files together to a witness, who mostly draws."""

    unlocked = False

    see: See

    def __call__(self, case: Assigned) -> CaseReport:
        """Return what was found, and what the witness made of it."""
        keeping = _Keeping(self.rules)
        report = keeping(case)
        opened = {name: keeping.kept.get(self.path(name)) for name in case.files.files}
        looked = {name: file for name, file in opened.items() if file is not None}
        try:
            report.seen = self.see(case.files, looked, report)
        except Exception as error:  # noqa: BLE001 - one case must not end the look at the others
            report.findings.append(unforeseen(error, case.files.images[0]))
        return report

    def seconds(self, files: DatasetCase) -> float:
        """Return roughly how many seconds a case takes one process."""
        return super().seconds(files) + _SEEN_S

    def decoded(self, files: DatasetCase) -> int:
        """Return how many bytes the files of a case decode to."""
        return sum(decoded_bytes(os.path.realpath(path)) for path in self._existing(files))


@dataclass(frozen=True)
class _Keeping(FullCheck):
    """Reads every byte of one case, and keeps its decoded files, by path."""

    kept: dict[str, Looked] = field(default_factory=dict)

    def read(self, path: str) -> _Read:
        """Read and hash the complete file."""
        found = super().read(path)

        def kept() -> Looked:
            self.kept[path] = found.open()
            return self.kept[path]

        return found._replace(open=kept)


class _Case:
    """Checks one case and adds its facts to the report."""

    def __init__(self, check: CaseCheck, assigned: Assigned, report: CaseReport) -> None:
        self.check = check
        self.rules = check.rules
        self.assigned = assigned
        self.files = assigned.files
        self.report = report

    def findings(self) -> Iterator[Finding]:
        """Open each file in turn, and yield its findings."""
        images = self.files.images
        first: Header | None = None
        channels: list[int | None] = []
        for index, name in enumerate(images):
            header = yield from self._judged(name, index, judge_image, first)
            if header is not None and first is not None:
                yield from judge_channels(name, header, first, self.rules)
            first = first or header
            channels.append(None if header is None else channels_of(header, self.rules))
        yield from self._count(channels)
        if self.files.label is not None:
            yield from self._judged(self.files.label, len(images), judge_label, first)
        if self.rules.ending.startswith(".tif") and (self.report.pages or 1) > 1:
            yield from judge_tiff_spacing(self.files, self.rules)

    def _judged(
        self, name: str, index: int, judge: Judge, first: Header | None
    ) -> Generator[Finding, None, Header | None]:
        """Yield the findings on one file; return its header if it is usable."""
        header = None
        try:
            size, sha256, open_file = self.check.read(self.check.path(name))
            yield from self._changed(name, index, size, sha256)
            looked = open_file()
            del open_file  # it holds the bytes of the file
            header = looked.header
            for code, message in looked.oddities:
                yield warning(code, message, file=name)
            yield from judge(name, looked, first, self.rules, self.report)
        except SegconvError as error:
            yield from (replace(finding, file=name) for finding in error.findings)
        except Exception as error:  # noqa: BLE001 - one file must not end the check of the others
            yield unforeseen(error, name)
        return header

    def _changed(self, name: str, index: int, size: int, sha256: bytes | None) -> Iterator[Finding]:
        """Yield an error or a warning for a file that changed since the dataset was made."""
        if sha256 is not None and index < len(self.files.images):
            self.report.digests.append(sha256)
        recorded = self.assigned.recorded[index] if self.assigned.recorded else None
        if recorded is not None and not recorded.is_still(size, sha256):
            yield recorded.change(name, Path(self.rules.root))

    def _count(self, channels: list[int | None]) -> Iterator[Finding]:
        """Yield an error if the number of channels is not the declared one; an unreadable file may have any number."""
        known = [number for number in channels if number is not None]
        if len(known) == len(channels) and self.rules.channels not in (None, sum(known)):
            yield Finding(
                "SC084",
                f"has {sum(known)} channels, dataset.json names {self.rules.channels}",
                file=self.files.images[0],
                hint="give the case these channels, or correct channel_names in dataset.json",
            )
