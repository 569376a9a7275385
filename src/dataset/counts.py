"""Number of voxels of each label value per case: from the lineage, or counted in the files if it has none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from .. import reading
from ..errors import SegconvError, naming
from ..image.opened import decoded_bytes, read_label
from ..image.voxels import label_values
from ..work.readers import ONE, Readers
from .layout import Dataset
from .lineage import CASES, TRAIN, CaseRecord, read_records


def recorded_counts(dataset: Path) -> Iterator[tuple[str, dict[int, int]]]:
    """Yield (case, label value → number of voxels) for the training cases for which the lineage records it."""
    for record in read_records(dataset):
        if record.split == TRAIN and record.label_voxels:
            yield record.case, _counts(record)


def recorded_voxels(dataset: Path) -> dict[int, int]:
    """Return label value → number of voxels over all training cases, from the lineage; empty without one."""
    found: Counter[int] = Counter()
    for _, counts in recorded_counts(dataset):
        found.update(counts)
    return dict(sorted(found.items()))


def label_counts(
    dataset: Dataset, records: Iterable[CaseRecord] | None = None, *, readers: Readers = ONE
) -> Iterator[tuple[str, dict[int, int]]]:
    """Yield (training case, label value → number of voxels) in order; read files only where necessary.

    The lineage counts for labels that have the recorded size and were not changed after it was written.

    Parameters
    ----------
    records
        Records of the lineage that were read before; all are read if they are None.
    readers
        How their files are read.

    Raises
    ------
    SegconvError
        Any error of `read_label`, with the file; ``SC080`` if a label does not exist.
    """
    recorded = dict(_counts_of_unchanged(dataset, read_records(dataset.path) if records is None else records))
    cases = dataset.cases(TRAIN)
    paths = [str(dataset.label_file(case, TRAIN)) for case in cases if case not in recorded]
    with closing(readers.over(paths, _counted, files=lambda path: [path], decoded=decoded_bytes)) as counted:
        for case in cases:
            if case in recorded:
                yield case, recorded[case]
                continue
            _, found = next(counted)
            if isinstance(found, SegconvError):
                raise found
            yield case, found


def _counts_of_unchanged(dataset: Dataset, records: Iterable[CaseRecord]) -> Iterator[tuple[str, dict[int, int]]]:
    try:
        written = os.stat(dataset.path / CASES).st_mtime_ns
    except OSError:
        return
    for record in records:
        if record.split == TRAIN and record.label_voxels and _is_unchanged(dataset, record, written):
            yield record.case, _counts(record)


def _is_unchanged(dataset: Dataset, record: CaseRecord, written: int) -> bool:
    """Return whether a label has the recorded size, and was not changed after the lineage was written (ns)."""
    label = dataset.label_file(record.case, TRAIN)
    try:
        now = os.stat(label)
    except OSError:
        return True  # a label that is gone cannot be counted
    path = os.path.relpath(label, dataset.path)
    sizes = {target["path"]: target["size"] for target in record.targets}
    return sizes.get(path, now.st_size) == now.st_size and now.st_mtime_ns <= written


def _counts(record: CaseRecord) -> dict[int, int]:
    return {int(value): number for value, number in record.label_voxels.items()}


def _counted(path: str) -> dict[int, int]:
    with naming(path):
        try:
            data = reading.whole(os.path.realpath(path))
        except FileNotFoundError as error:
            raise SegconvError("does not exist", code="SC080") from error
        except OSError as error:
            raise reading.refusal(error) from error
        return label_values(read_label(data).array)


def share(counts: Mapping[int, int], value: int) -> float:
    """Return the part of the voxels that have a value, 0 to 1."""
    total = sum(counts.values())
    return counts.get(value, 0) / total if total else 0.0
