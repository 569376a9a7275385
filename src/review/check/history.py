"""What segconv recorded when it made a dataset, against what is there now.

A file that another place lends to the dataset, by a link or by the key ``dataset``, must be what it was:
who changes it there rarely knows of the dataset. So must an image. A label of the dataset's own may be
corrected by hand.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ... import reading
from ...dataset import lineage
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import TRAIN, CaseRecord
from ...errors import Finding, SegconvError, warning
from ...work.caseio import EXTERNAL, HARD, SYMBOLIC
from .inventory import CaseFiles, several
from .links import made_later, unusable

_ANEW = "segconv convert DATASET --to 43_New"


class Recorded(NamedTuple):
    """A file as it was when the dataset was made.

    Parameters
    ----------
    size, sha256
        Of its bytes.
    lent
        Whether it is a link, or lies elsewhere.
    """

    size: int
    sha256: bytes
    lent: bool


def judge_change(
    file: Recorded, name: str, path: str, size: int, sha256: bytes | None, *, is_label: bool, root: Path
) -> Finding | None:
    """Return what is to be said of a file if it is not what it was; nothing else of it is looked at.

    Parameters
    ----------
    name, path
        What the dataset calls it, and where it is.
    size, sha256
        As they are; the hash is None if the bytes were not read.
    root
        The dataset.
    """
    if size == file.size and sha256 in (None, file.sha256):
        return None
    differs = "its size or SHA-256 is another than the lineage records"
    if file.lent:
        return Finding(
            "SC033",
            f"is not what the dataset was made with: {differs}{made_later(os.path.realpath(path), root)}",
            hint=f"restore it, or make the dataset anew; if it was edited on purpose, {_ANEW} records it anew",
            file=name,
        )
    if is_label:
        return warning(
            "SC033", f"is not the label that segconv wrote: {differs}; if it was edited, {_ANEW} records it", file=name
        )
    return Finding(
        "SC033",
        f"is not what segconv wrote: {differs}",
        hint=f"restore it; if it was edited on purpose, {_ANEW} records it anew",
        file=name,
    )


class History:
    """What the lineage says; nothing if segconv did not make the dataset."""

    def __init__(self) -> None:
        self.links_away = False
        self.cases: list[CaseRecord] = []
        self.present: dict[str, frozenset[int]] = {}
        self.known = False
        self._link: str | None = None
        self._files: dict[str, Recorded] = {}

    @classmethod
    def read(cls, root: Path, findings: list[Finding], *, external: bool) -> History:
        """Read it; one that cannot be used is an error, and what it says is left out."""
        found = cls()
        own = [name for name in (lineage.RUN, lineage.CASES) if reading.is_there(root / name, links_followed=False)]
        wrong = [finding for name in own if (finding := unusable(str(root / name), name, root, external)) is not None]
        if wrong:
            findings += wrong
            return found
        try:
            run = lineage.read_run(root)
            found._link = run.link if run is not None else None
            found.links_away = found._link in (EXTERNAL, SYMBOLIC)
            for record in lineage.read_records(root):
                found._add(record)
        except SegconvError as error:
            findings.append(replace(*error.findings, file=_relative(error.file, root)))
        return found

    def _add(self, record: CaseRecord) -> None:
        self.known = True
        for target in record.targets:
            linked = self._link in (HARD, SYMBOLIC) and bool(target.get("carried"))
            lent = linked or bool(target.get("external"))
            self._files[str(target["path"])] = Recorded(target["size"], bytes.fromhex(target["sha256"]), lent)
        if record.split == TRAIN and record.label_voxels:
            self.present[record.case] = frozenset(int(value) for value, count in record.label_voxels.items() if count)
        # Of the rest, only what folds are judged by is kept.
        self.cases.append(CaseRecord(record.case, record.split, record.patient, record.parent))

    def written(self, files: CaseFiles, ending: str) -> tuple[Recorded | None, ...]:
        """Return what is recorded of each file of a case; None where nothing is.

        The lineage calls files that lie elsewhere as they would be called in the dataset.
        """
        names = [image_path(files.case, number, ending, files.split) for number in range(len(files.images))]
        names += [label_path(files.case, ending, files.split)] if files.label is not None else []
        return tuple(self._files.get(name) for name in names)

    def compare(self, cases: list[CaseFiles]) -> list[Finding]:
        """Return warnings on cases that came or went since the dataset was written."""
        if not self.known:
            return []
        recorded = {(record.split, record.case) for record in self.cases}
        there = {(files.split, files.case) for files in cases}
        findings = []
        for what, names in (
            ("are in the lineage, and not usable or not there any more", recorded - there),
            ("came later than the lineage, which does not know them", there - recorded),
        ):
            if names:
                findings.append(
                    warning(
                        "SC087",
                        f"{len(names)} cases {what}: {several(case for _, case in names)}",
                        file=lineage.CASES,
                        hint="segconv convert DATASET --to 43_New records all cases anew",
                    )
                )
        return findings


def _relative(file: str, root: Path) -> str:
    return os.path.relpath(file, root) if file.startswith("/") else file
