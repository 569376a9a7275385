"""What is known of the training cases of a dataset: origin, patients, the bytes of their files, and their classes."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from ... import reading
from ...dataset.counts import label_counts
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.leakage import ALIKE
from ...dataset.lineage import TRAIN, CaseRecord
from ...dataset.near_identical import near_identical
from ...dataset.patient_rules import patients_in_words, with_guessed_patients
from ...dataset.splits import Ties
from ...errors import SegconvError, naming
from ...image.opened import decoded_bytes, read_bytes, read_image
from ...image.perceptual import perceptual_hash
from ...work.owned import file_sha256
from ...work.readers import Readers
from .patients import AS_RECORDED, NamedPatients


@dataclass(frozen=True)
class File:
    """The content of a file.

    Parameters
    ----------
    sha256
        Hash of its bytes.
    look
        Its `perceptual_hash`, if it is an image of which that can tell something.
    """

    sha256: str
    look: str | None = None


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
    files
        Each file as it is now, by its path in the dataset; empty if files were not read.
    alike
        What ties cases together whose images are near-identical, channel by channel.
    """

    dataset: Dataset
    records: Sequence[CaseRecord]
    voxels: Mapping[str, Mapping[int, int]]
    guessed: Sequence[CaseRecord]
    guessed_from: str = ""
    named: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    alike: Ties = field(default_factory=dict)

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
        lines = sorted((os.fsencode(path), file.sha256) for path, file in self.files.items())
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
    # Copies are not looked at: they are tied to their originals anyway.
    looked_at = {path for record in known.records if record.parent is None for path in images[record.case]}
    paths = [dataset.path / DESCRIPTION, *(path for own in images.values() for path in own), *labels]
    found = dict(_each([_Wanted(path, str(dataset.located(path)), path in looked_at) for path in paths], readers))

    def with_content(record: CaseRecord) -> CaseRecord:
        own = [{"path": f"images/{path.name}", "sha256": found[path].sha256} for path in images[record.case]]
        return replace(record, targets=own)

    return replace(
        known,
        records=list(map(with_content, known.records)),
        guessed=list(map(with_content, known.guessed)),
        files={os.path.relpath(path, dataset.path): file for path, file in found.items()},
        alike=alike_ties({case: [found[path].look for path in own] for case, own in images.items()}),
    )


def alike_ties(looks: Mapping[str, Sequence[str | None]]) -> Ties:
    """Return what ties near-identical images together, by the look of each channel of each case."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for channel in range(max(map(len, looks.values()), default=0)):
        own = {case: look for case, all_ in looks.items() if channel < len(all_) and (look := all_[channel])}
        for one, other in near_identical(own):
            tie = ALIKE, f"{channel}/{one}/{other}"
            found[one].append(tie)
            found[other].append(tie)
    return found


@dataclass(frozen=True)
class _Wanted:
    """A file to read: its path in the dataset, its real location, and whether it is an image to look at."""

    path: Path
    located: str
    looked_at: bool


def _each(wanted: Sequence[_Wanted], readers: Readers) -> Iterator[tuple[Path, File]]:
    """Yield each path with what its file holds."""
    with closing(readers.over(wanted, _read, files=lambda item: [item.located], decoded=_decoded_bytes)) as results:
        for item, found in results:
            if isinstance(found, SegconvError):
                raise found
            yield item.path, found


def _decoded_bytes(wanted: _Wanted) -> int:
    return decoded_bytes(wanted.located) if wanted.looked_at else 0


def _read(wanted: _Wanted) -> File:
    if not wanted.looked_at:
        return File(file_sha256(Path(wanted.located)))
    with naming(wanted.located):
        data = read_bytes(wanted.located)
    try:
        look = perceptual_hash(read_image(data))
    except SegconvError:
        look = None  # of a format that segconv does not read, or damaged
    return File(hashlib.sha256(data).hexdigest(), look)
