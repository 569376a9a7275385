"""Label files that are read before a plan is made, because it depends on what they hold."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ...errors import Finding, SegconvError
from ...image.opened import decoded_bytes
from ...work.readers import Readers
from ..model import SERIES, ConvertOptions, SourceCase, collect
from ..source_files import shown

T = TypeVar("T")
R = TypeVar("R")


def read_labels(
    cases: Sequence[SourceCase],
    read: Callable[[SourceCase], R],
    root: Path,
    findings: list[Finding],
    options: ConvertOptions,
    readers: Readers,
) -> Generator[R, None, None]:
    """Yield what the label of each case holds, in the order of the cases; what is wrong with one becomes a finding.

    Parameters
    ----------
    cases
        Those without a label are left out.
    read
        Reads the label of a case: the slices of a DICOM series together, files otherwise one by one.
    """

    def decoded(case: SourceCase) -> int:
        label = str(case.label)
        return (sum if case.form(label) == SERIES else max)(map(decoded_bytes, case.files_of(label)))

    labelled = [case for case in cases if case.label is not None]
    found = readers.over(labelled, read, files=lambda case: case.files_of(str(case.label)), decoded=decoded)
    with closing(found):
        for case, result in found:
            if isinstance(result, SegconvError):
                collect(findings, result, shown(str(case.label), root))
            else:
                yield result


def read_pictures(
    paths: Sequence[str], read: Callable[[str], R], root: Path, findings: list[Finding], readers: Readers
) -> Generator[tuple[str, R], None, None]:
    """Yield each path with what its picture holds; what is wrong with one becomes a finding."""
    found = readers.over(paths, read, files=lambda path: [path], decoded=decoded_bytes)
    with closing(found):
        for path, result in found:
            if isinstance(result, SegconvError):
                collect(findings, result, shown(path, root))
            else:
                yield path, result
