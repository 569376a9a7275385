"""Compare a dataset with what segconv recorded when it made it.

Images must be unchanged, and so must files elsewhere, reached by a link or by the key ``dataset``: whoever
changes them there rarely knows of the dataset. A label in the dataset itself may be corrected by hand.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ... import reading
from ...dataset import lineage
from ...dataset.layout import image_path, label_path
from ...dataset.lineage import TRAIN, CaseRecord
from ...errors import Cure, Finding, SegconvError, warning
from ...words import count_of, some_of
from ...work.caseio import EXTERNAL, HARD, SYMBOLIC
from .inventory import DatasetCase
from .links import made_later, unusable


class Recorded(NamedTuple):
    """A file as it was when the dataset was made.

    Parameters
    ----------
    size, sha256
        Size and hash of its bytes.
    is_label
        Whether it is a label.
    lent
        Whether it is a link or elsewhere.
    """

    size: int
    sha256: bytes
    is_label: bool
    lent: bool

    def is_still(self, size: int, sha256: bytes | None) -> bool:
        """Return whether a file is unchanged; `sha256` is None if its bytes were not read."""
        return size == self.size and sha256 in (None, self.sha256)

    def change(self, name: str, root: Path) -> Finding:
        """Return the finding for a changed file of a dataset."""
        differs = "its size or SHA-256 differs from the lineage"
        if self.lent:
            since = made_later(os.path.realpath(root / name), root)
            message, hint = (
                f"is not the file that the dataset was made with: {differs}{since}",
                "restore it from its origin",
            )
        elif self.is_label:
            message, hint = f"is not the label that segconv wrote: {differs}", ""
        else:
            message, hint = f"is not the file that segconv wrote: {differs}", "restore it from its origin"
        severity = "warning" if self.is_label and not self.lent else "error"
        return Finding("SC033", message, hint, name, severity, cures=(Cure.of("record_again"),))


@dataclass
class History:
    """The lineage of a dataset; empty if segconv did not make it.

    Parameters
    ----------
    link
        How files elsewhere were linked.
    cases
        Records of all cases, with the facts that folds are judged by.
    present
        Training case → label values that occur.
    files
        Name → the recorded file.
    findings
        Why the lineage cannot be used.
    """

    link: str | None = None
    cases: list[CaseRecord] = field(default_factory=list)
    present: dict[str, frozenset[int]] = field(default_factory=dict)
    files: dict[str, Recorded] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @classmethod
    def read(cls, root: Path, *, external: bool) -> History:
        """Read the lineage; an unusable one is an error, and its content is ignored."""
        own = [name for name in (lineage.RUN, lineage.CASES) if reading.is_there(root / name, links_followed=False)]
        unfit = [finding for name in own if (finding := unusable(str(root / name), name, root, external)) is not None]
        found = cls(findings=tuple(unfit))
        if unfit:
            return found
        try:
            run = lineage.read_run(root)
            found.link = run.link if run is not None else None
            for record in lineage.read_records(root):
                found._add(record)
        except SegconvError as error:
            file = os.path.relpath(error.file, root) if error.file.startswith("/") else error.file
            found.findings = (replace(*error.findings, file=file),)
        return found

    @property
    def links_away(self) -> bool:
        """Whether segconv made the dataset from files elsewhere."""
        return self.link in (EXTERNAL, SYMBOLIC)

    def _add(self, record: CaseRecord) -> None:
        for target in record.targets:
            linked = self.link in (HARD, SYMBOLIC) and bool(target.get("carried"))
            lent = linked or bool(target.get("external"))
            path = str(target["path"])
            sha256 = bytes.fromhex(target["sha256"])
            self.files[path] = Recorded(target["size"], sha256, path.startswith("labels"), lent)
        if record.split == TRAIN and record.label_voxels:
            self.present[record.case] = frozenset(int(value) for value, count in record.label_voxels.items() if count)
        # Of the rest, only the facts that folds are judged by are kept.
        self.cases.append(CaseRecord(record.case, record.split, record.patient, record.parent))

    def written(self, files: DatasetCase, ending: str) -> tuple[Recorded | None, ...]:
        """Return the record of each file of a case; None without one.

        The lineage lists files elsewhere under the names that they would have in the dataset.
        """
        names = [image_path(files.case, number, ending, files.split) for number in range(len(files.images))]
        names += [label_path(files.case, ending, files.split)] if files.label is not None else []
        return tuple(self.files.get(name) for name in names)

    def compare(self, cases: list[DatasetCase]) -> Iterator[Finding]:
        """Yield warnings about cases added or removed since the dataset was made."""
        if not self.cases:
            return
        recorded = {(record.split, record.case) for record in self.cases}
        found = {(files.split, files.case) for files in cases}
        for names, what in (
            (recorded - found, "in the lineage, missing or unusable now"),
            (found - recorded, "added since, unknown to the lineage"),
        ):
            if names:
                yield warning(
                    "SC087",
                    f"{count_of(len(names), 'case')} {what}: {some_of(sorted(case for _, case in names))}",
                    file=lineage.CASES,
                    cures=(Cure.of("record_again"),),
                )
