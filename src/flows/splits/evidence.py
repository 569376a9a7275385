"""What is known of the training cases of a dataset: origin, patients, the bytes of their files, and their classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ...dataset.counts import label_counts
from ...dataset.layout import Dataset
from ...dataset.leakage import ALIKE
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.near_identical import near_identical
from ...dataset.patient_rules import patients_in_words, with_guessed_patients
from ...dataset.splits import Ties
from ...work.readers import Readers
from .contents import NOT_READ, Contents, read_contents
from .patients import AS_RECORDED, NamedPatients


@dataclass(frozen=True)
class Evidence:
    """What is known of the training cases.

    Parameters
    ----------
    dataset
        The dataset.
    records
        One for each training case that exists, sorted by case.
    voxels
        Case → value in its label → number of voxels.
    guessed, guessed_from
        The records with the patients that names suggest, and why, in words; as they are, and empty, where patients
        are known.
    named
        Where patients come from that the user names; empty if they are those of the lineage.
    contents
        What the files hold; nothing if they were not read.
    alike
        What ties cases together whose images are near-identical, channel by channel.
    """

    dataset: Dataset
    records: Sequence[CaseRecord]
    voxels: Mapping[str, Mapping[int, int]]
    guessed: Sequence[CaseRecord]
    guessed_from: str = ""
    named: str = ""
    contents: Contents = NOT_READ
    alike: Ties = field(default_factory=dict)

    @property
    def classes(self) -> dict[str, tuple[int, ...]]:
        """Name → values of each class or region that is learned."""
        return self.dataset.description.labels.foreground

    @cached_property
    def class_voxels(self) -> NDArray[np.int64]:
        """Number of voxels of each class of `classes`, ``(cases, classes)``, in the order of the records."""
        nothing: Mapping[int, int] = {}
        own = [self.voxels.get(record.case, nothing) for record in self.records]
        rows = np.repeat(np.arange(len(own)), np.fromiter(map(len, own), np.intp, len(own)))
        found_values = np.fromiter(chain.from_iterable(own), np.int64, len(rows))
        numbers = np.fromiter(chain.from_iterable(counts.values() for counts in own), np.int64, len(rows))
        found = np.zeros((len(own), len(self.classes)), dtype=np.int64)
        for column, values in enumerate(self.classes.values()):
            of_class = np.isin(found_values, values)
            np.add.at(found[:, column], rows[of_class], numbers[of_class])
        return found

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Case → its row in `class_voxels`."""
        return {record.case: row for row, record in enumerate(self.records)}

    @property
    def present(self) -> dict[str, frozenset[int]]:
        """Case → values in its label."""
        return {
            case: frozenset(found if all(found.values()) else (value for value, n in found.items() if n))
            for case, found in self.voxels.items()
        }

    @property
    def alike_pairs(self) -> list[tuple[str, ...]]:
        """Pairs of cases with near-identical images, sorted."""
        members: dict[tuple[str, str], list[str]] = defaultdict(list)
        for case, own in self.alike.items():
            for tie in own:
                members[tie].append(case)
        return sorted({tuple(sorted(pair)) for pair in members.values()})

    @property
    def patients_from(self) -> str | None:
        """What the patients come from: the user, the lineage, or names; None if none are known."""
        known = any(record.patient is not None for record in self.records)
        return self.named or ("lineage" if known else self.guessed_from or None)

    def patients_in_words(self, otherwise: str) -> str:
        """Return what is known of the patients; `otherwise` says what names them."""
        return patients_in_words([record.patient for record in self.guessed], self.guessed_from, otherwise)


def cases_of(dataset: Dataset, patients: NamedPatients = AS_RECORDED) -> Evidence:
    """Return what the lineage knows, and the names; no image or label is read.

    Parameters
    ----------
    patients
        Those that the user names count instead of those of the lineage.

    Raises
    ------
    SegconvError
        Any error of `NamedPatients.of` and `Dataset.records`.
    """
    return _cases_of(dataset, dataset.records(), patients)


def _cases_of(dataset: Dataset, lineage: Iterable[CaseRecord], patients: NamedPatients) -> Evidence:
    known = {record.case: record for record in lineage if record.split == TRAIN}
    records = patients.of([known.get(case) or CaseRecord(case) for case in dataset.cases()])
    guessed, why = with_guessed_patients(records)
    return Evidence(dataset, records, {}, guessed, why, patients.evidence)


def recorded(dataset: Dataset, readers: Readers, patients: NamedPatients = AS_RECORDED) -> Evidence:
    """Return what the lineage knows, with the voxels of each class; labels are read where it has no counts.

    Raises
    ------
    SegconvError
        Any error of `cases_of` and `label_counts`.
    """
    lineage = list(dataset.records())
    return replace(_cases_of(dataset, lineage, patients), voxels=dict(label_counts(dataset, lineage, readers=readers)))


def read(dataset: Dataset, readers: Readers, patients: NamedPatients = AS_RECORDED, *, alike: bool = True) -> Evidence:
    """Return what is known, with the content of each file as it is now.

    Parameters
    ----------
    alike
        Look for near-identical images.

    Raises
    ------
    SegconvError
        Any error of `recorded` and `read_contents`.
    """
    known = recorded(dataset, readers, patients)
    return with_contents(known, read_contents(dataset, known.records, readers, looking=alike))


def with_contents(known: Evidence, contents: Contents) -> Evidence:
    """Return what is known, with the content of files in place of that of the lineage."""

    def with_content(record: CaseRecord) -> CaseRecord:
        own = [{"path": "images", "sha256": content.sha256} for content in contents.of_case(record.case)]
        return replace(record, targets=own)

    return replace(
        known,
        records=list(map(with_content, known.records)),
        guessed=list(map(with_content, known.guessed)),
        contents=contents,
        alike=alike_ties({case: [content.look for content in contents.of_case(case)] for case in contents.images}),
    )


def alike_ties(looks: Mapping[str, Sequence[str | None]]) -> Ties:
    """Return what ties near-identical images together, by the look of each channel of each case."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for channel in range(max(map(len, looks.values()), default=0)):
        own = {case: look for case, every in looks.items() if channel < len(every) and (look := every[channel])}
        for one, other in near_identical(own):
            tie = ALIKE, f"{channel}/{one}/{other}"
            found[one].append(tie)
            found[other].append(tie)
    return found
