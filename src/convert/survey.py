"""What planning notices about a source: errors, warnings and notes, in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..dataset.lineage import TEST
from ..errors import Cure, Finding, SegconvError, warning
from ..work.readers import ONE, Readers
from .listing import Listing, Unit
from .model import ConvertOptions
from .source_files import real_folder_below, resolve_inside, shown

_OF_CASES = frozenset(f"SC{number:03d}" for number in (12, *range(50, 63), 80, 82, 83, 84))
"""Codes of errors that say nothing about which files are labels, or what their values mean."""


@dataclass
class Remarks:
    """Errors, warnings and notes, collected so that they are reported together.

    Parameters
    ----------
    notes
        What was guessed or left out, in words.
    """

    findings: list[Finding] = field(default_factory=list, kw_only=True)
    notes: list[str] = field(default_factory=list, kw_only=True)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def only_cases_failed(self) -> bool:
        """Whether all errors concern single cases, so that roles are clear and the labels of others can be judged."""
        return all(finding.code in _OF_CASES for finding in self.findings if finding.severity == "error")

    def error(self, code: str, message: str, *, file: str = "", hint: str = "", cures: Iterable[Cure] = ()) -> None:
        """Add an error."""
        self.findings.append(Finding(code, message, file=file, hint=hint, cures=tuple(cures)))

    def warn(self, code: str, message: str, *, file: str = "", hint: str = "", cures: Iterable[Cure] = ()) -> None:
        """Add a warning."""
        self.findings.append(warning(code, message, file=file, hint=hint, cures=cures))

    def note(self, text: str) -> None:
        """Add a note."""
        self.notes.append(text)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings made elsewhere."""
        self.findings.extend(findings)

    def take(self, other: Remarks) -> None:
        """Add all findings and notes of another."""
        self.findings.extend(other.findings)
        self.notes.extend(other.notes)


@dataclass
class Survey(Remarks):
    """The planning of one source: what is read, with which options, and what was noticed.

    Parameters
    ----------
    root
        The folder of the source, resolved.
    readers
        Who reads label files where the plan depends on their values.
    skipped
        Training images without a label that the user wants left out, as named in messages.

    Attributes
    ----------
    listing
        Its folders, listed once for all surveys of the source.
    largest
        Decoded size, in bytes, of the largest volume whose header was judged.
    chosen_after
        Number of findings when the cases were chosen; further ones concern the chosen cases. None if they were not.
    """

    root: Path
    options: ConvertOptions = field(default_factory=ConvertOptions)
    readers: Readers = ONE
    skipped: list[str] = field(default_factory=list)
    listing: Listing = field(init=False, repr=False, compare=False)
    largest: int = field(default=0, init=False)
    chosen_after: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._root = str(self.root)
        self._real_folders: dict[str, str] = {}
        self.listing = Listing(self.root)

    @property
    def takes_all_cases(self) -> bool:
        """Whether the user neither chooses cases nor leaves any out."""
        return self.options.cases is None and not self.options.without

    def resolve(self, path: str | Path, *, external: bool = False) -> str:
        """Return the real path of a source file; raises the errors of `resolve_inside`.

        Parameters
        ----------
        external
            Allow a link that leaves the source, whatever the options say.
        """
        return resolve_inside(path, self.root, external=external or self.options.allow_external)

    def resolve_unit(self, unit: Unit) -> str:
        """Return the real path of an image or a label that is one file; raises the errors of `resolve_inside`."""
        folder = self.real_folder(unit.folder)
        # A listed file needs no further look: opening it proves that it is still a regular file.
        if folder and unit.parts is None:
            return f"{folder}{unit.stem}{unit.ending}"
        # A list that the user names may refer to files anywhere.
        return self.resolve(os.path.join(self._root, unit.path), external=unit.folder.startswith("/"))

    def real_folder(self, folder: str) -> str:
        """Return the real path of a folder in the source, with a slash at its end.

        Return nothing if it was not listed, or holds names that are no regular files.
        """
        if (known := self._real_folders.get(folder)) is None:
            regular = self.listing.is_regular(folder)
            known = real_folder_below(os.path.join(self._root, folder), self._root) if regular else ""
            self._real_folders[folder] = known
        return known

    def shown(self, path: str | Path) -> str:
        """Return a path for messages: relative to the source if it is in it."""
        return shown(path, self.root)

    def collect(self, error: SegconvError, file: str = "") -> None:
        """Add the findings of an error; those that name no file get `file`."""
        self.add(replace(found, file=self.shown(found.file or file)) for found in error.findings)

    def refuse_no_case(
        self, cases: Sequence[object], message: str, *, hint: str = "", cures: Iterable[Cure] = ()
    ) -> None:
        """Add an error if there is no case, and no other finding explains why."""
        if not cases and not self.failed:
            self.error("SC011", message, file=str(self.root), hint=hint, cures=cures)

    @contextmanager
    def judging(self, file: str | Path = "") -> Iterator[None]:
        """Turn an error in the block, such as on one case or file, into findings, and continue after the block."""
        try:
            yield
        except SegconvError as error:
            self.collect(error, str(file))

    def split_without_label(self, image: str, message: str) -> str | None:
        """Return the split of a training image without a label; None if it is left out, or refused with a message.

        Parameters
        ----------
        image
            As named in messages.
        """
        if self.options.unlabelled == "skip":
            self.skipped.append(image)
        elif self.options.unlabelled != "test":
            self.error("SC080", message, file=image, hint="add it", cures=(Cure("choose_unlabelled"),))
        return TEST if self.options.unlabelled == "test" else None

    def take_new(self, other: Survey) -> None:
        """Add notes, and findings of other codes or on other files than those that are known."""
        known = {(finding.code, finding.file) for finding in self.findings}
        self.add(finding for finding in other.findings if (finding.code, finding.file) not in known)
        self.notes.extend(other.notes)

    def again(self, options: ConvertOptions | None = None) -> Survey:
        """Return a survey of the same source without findings or notes, to try one reading of it."""
        again = Survey(self.root, options or self.options, self.readers)
        again.listing = self.listing
        return again
