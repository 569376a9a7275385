"""What is known of the training cases of a dataset: origin, patients, the bytes of their files, and their classes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ... import reading
from ...dataset.counts import label_counts
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.patient_rules import patients_in_words, with_guessed_patients
from ...errors import SegconvError
from ...work.owned import file_sha256
from ...work.readers import Readers
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
    hashes
        SHA-256 of each file as it is now, by its path in the dataset; empty if files were not read.
    """

    dataset: Dataset
    records: Sequence[CaseRecord]
    voxels: Mapping[str, Mapping[int, int]]
    guessed: Sequence[CaseRecord]
    guessed_from: str = ""
    named: str = ""
    hashes: Mapping[str, str] | None = None

    @property
    def classes(self) -> dict[str, tuple[int, ...]]:
        """Name → values of each class or region that is learned."""
        return self.dataset.description.labels.foreground

    @property
    def present(self) -> dict[str, frozenset[int]]:
        """Case → values in its label."""
        return {case: frozenset(value for value, n in found.items() if n) for case, found in self.voxels.items()}

    @property
    def patients_from(self) -> str | None:
        """What the patients come from: the user, the lineage, or names; None if none are known."""
        known = any(record.patient is not None for record in self.records)
        return self.named or ("lineage" if known else self.guessed_from or None)

    def patients_in_words(self, otherwise: str) -> str:
        """Return what is known of the patients; `otherwise` says what names them."""
        return patients_in_words([record.patient for record in self.guessed], self.guessed_from, otherwise)

    @property
    def sha256(self) -> str:
        """Hash of the dataset: of the lines that ``sha256sum`` prints for its files, sorted by name as bytes."""
        lines = sorted((os.fsencode(path), digest) for path, digest in (self.hashes or {}).items())
        whole = hashlib.sha256()
        for path, digest in lines:
            whole.update(digest.encode() + b"  " + path + b"\n")
        return whole.hexdigest()


def recorded(dataset: Dataset, readers: Readers, patients: NamedPatients = AS_RECORDED) -> Evidence:
    """Return what the lineage knows, and the names; labels are read where it has no counts.

    Parameters
    ----------
    patients
        Those that the user names count instead of those of the lineage.

    Raises
    ------
    SegconvError
        Any error of `label_counts`, `NamedPatients.of` and `Dataset.records`.
    """
    known = {record.case: record for record in dataset.records() if record.split == TRAIN}
    records = patients.of([known.get(case) or CaseRecord(case) for case in dataset.cases()])
    guessed, why = with_guessed_patients(records)
    return Evidence(dataset, records, dict(label_counts(dataset, readers=readers)), guessed, why, patients.evidence)


def read(dataset: Dataset, readers: Readers, patients: NamedPatients = AS_RECORDED) -> Evidence:
    """Return what is known, with the content of each image as its file is now.

    Raises
    ------
    SegconvError
        Any error of `recorded`; ``SC060`` for a link that leaves the dataset, ``SC030`` for a file that cannot be read.
    """
    known = recorded(dataset, readers, patients)
    images = {record.case: dataset.stored_images(record.case) for record in known.records}
    labels = [label for case in images if reading.is_there(label := dataset.label_file(case))]
    files = [dataset.path / DESCRIPTION, *(path for own in images.values() for path in own), *labels]
    digest = dict(zip(files, _digests([str(dataset.located(path)) for path in files], readers), strict=True))

    def with_content(record: CaseRecord) -> CaseRecord:
        own = [{"path": f"images/{path.name}", "sha256": digest[path]} for path in images[record.case]]
        return replace(record, targets=own)

    return replace(
        known,
        records=list(map(with_content, known.records)),
        guessed=list(map(with_content, known.guessed)),
        hashes={os.path.relpath(path, dataset.path): found for path, found in digest.items()},
    )


def _digests(paths: Sequence[str], readers: Readers) -> Iterator[str]:
    """Yield the SHA-256 of each file."""
    with closing(readers.over(paths, _digest, files=lambda path: [path], decoded=lambda _: 0)) as hashed:
        for _, found in hashed:
            if isinstance(found, SegconvError):
                raise found
            yield found


def _digest(path: str) -> str:
    try:
        return file_sha256(Path(path))
    except OSError as error:
        raise reading.refusal(error, path) from error
