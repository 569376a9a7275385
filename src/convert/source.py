"""What every kind of source comes down to: cases with files, channels, labels, and what was noticed on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.labels import LabelMap
from ..dataset.lineage import TRAIN
from ..errors import Finding, SegconvError

STRAY_FILES = (".ds_store", "thumbs.db", "desktop.ini")
"""What file managers leave behind; also everything that begins with a dot, macOS's ``._*`` among it."""


@dataclass(frozen=True)
class ConvertOptions:
    """What a user may say about a conversion; each field is an option of ``segconv convert``.

    Parameters
    ----------
    labels
        Name → value as it stands in the files.
    value_map
        Value in the files → name of the label it counts as (``--map 255=road``).
    accept_labels
        Take the values found in the files as labels.
    channels
        Channel names, in order.
    unlabelled
        ``"skip"`` or ``"test"``: what to do with an image that has no label; refuse if None.
    listed_only
        Leave out files that the source's list does not name.
    label_header
        ``"image"``: a label whose grid differs takes the image's header.
    verify_source
        Prove every source file whole before it is carried over.
    max_volume
        Largest decoded file, in bytes.
    file_ending
        Ending of the dataset's files, or None for the one that changes least.
    """

    labels: Mapping[str, int] | None = None
    value_map: Mapping[int, str] = field(default_factory=dict)
    accept_labels: bool = False
    channels: tuple[str, ...] = ()
    unlabelled: str | None = None
    listed_only: bool = False
    label_header: str | None = None
    verify_source: bool = True
    max_volume: int = 8 << 30
    file_ending: str | None = None

    def key(self) -> dict[str, object]:
        """Return what decides the bytes of the result, JSON-able."""
        return {
            "labels": dict(self.labels) if self.labels is not None else None,
            "value_map": {str(value): name for value, name in self.value_map.items()},
            "accept_labels": self.accept_labels,
            "channels": list(self.channels),
            "unlabelled": self.unlabelled,
            "listed_only": self.listed_only,
            "label_header": self.label_header,
            "file_ending": self.file_ending,
        }


@dataclass(frozen=True)
class SourceCase:
    """The files of one case.

    Parameters
    ----------
    case
        Its identifier in the dataset.
    original_name
        What the user calls it.
    images
        Absolute paths, one a channel, or one file that holds all of them.
    label
        Absolute path, or None.
    split
        ``"train"`` or ``"test"``.
    patient
        Who it is of, if known.
    """

    case: str
    original_name: str
    images: tuple[str, ...]
    label: str | None
    split: str = TRAIN
    patient: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """All files of the case."""
        return (*self.images, self.label) if self.label is not None else self.images


@dataclass(frozen=True)
class SourceScan:
    """Everything that planning found out about a source, before a byte is written.

    Parameters
    ----------
    kind
        Its key in the registry, such as ``"png"``.
    name
        What the source calls itself; the name of the dataset if the user gives a number alone.
    root
        Its folder, resolved.
    cases
        Training cases first.
    channel_names
        In order.
    label_map
        From its values to the dataset's.
    file_ending
        Of the dataset's files.
    label_file
        ``ending`` and ``dtype`` of its label files.
    texts
        Description, licence and the like.
    findings
        Errors and warnings.
    notes
        What was guessed or ignored, in words.
    splits
        The source's own folds, or None.
    """

    kind: str
    name: str
    root: Path
    cases: tuple[SourceCase, ...]
    channel_names: tuple[str, ...]
    label_map: LabelMap
    file_ending: str
    label_file: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    splits: list[dict[str, list[str]]] | None = None


Scanner = Callable[[Path, ConvertOptions], SourceScan]


def is_stray(name: str) -> bool:
    """Return whether a file is one that a file manager left behind."""
    return name.startswith(".") or name.lower() in STRAY_FILES


def files_of(folder: Path) -> list[Path]:
    """Return the entries of a folder but stray files, sorted by name."""
    try:
        return sorted((p for p in folder.iterdir() if not is_stray(p.name)), key=lambda p: p.name)
    except FileNotFoundError as error:
        raise SegconvError("is not there", code="SC010", file=str(folder)) from error
    except OSError as error:
        raise SegconvError(f"cannot be listed ({error.strerror})", code="SC030", file=str(folder)) from error


def resolve_inside(path: Path, root: Path) -> str:
    """Return where a file of a source really lies.

    Raises
    ------
    SegconvError
        ``SC060`` if a link leads out of the source or round in a circle; ``SC012`` if it leads
        nowhere; ``SC061`` if it is no regular file.
    """
    try:
        real = path.resolve(strict=True)
    except FileNotFoundError as error:
        what = "is a link to a file that is not there" if path.is_symlink() else "is not there"
        raise SegconvError(what, code="SC012", file=str(path), hint="restore the file or remove the link") from error
    except (OSError, RuntimeError) as error:  # a loop is a RuntimeError before Python 3.13
        raise SegconvError("is a link that leads round in a circle", code="SC060", file=str(path)) from error
    if not real.is_relative_to(root):
        raise SegconvError(
            f"is a link that leaves the source, to {real}",
            code="SC060",
            file=str(path),
            hint="copy the file into the source, or --allow-external",
        )
    if not real.is_file():
        raise SegconvError("is a folder, pipe or device, expected a file", code="SC061", file=str(path))
    return os.fspath(real)


def read_head(path: str, size: int) -> bytes:
    """Return the first bytes of a source file, for planning."""
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        raise SegconvError(f"cannot be read ({error.strerror})", code="SC030", file=path) from error


def shown(path: str | Path, root: Path) -> str:
    """Return a path as messages name it: relative to the source, if it lies in it."""
    path = Path(path)
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def collect(findings: list[Finding], error: SegconvError, file: str = "") -> None:
    """Add what an error says to a list of findings, naming `file` where it names none."""
    findings.extend(
        Finding(f.code, f.message, hint=f.hint, file=f.file or file, severity=f.severity) for f in error.findings
    )


def count_of(number: int, noun: str) -> str:
    """Return ``1 case``, ``2 cases``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def meeting_cases(cases: Iterable[SourceCase], root: Path) -> list[Finding]:
    """Return an error for each case whose identifier another has, be it in training or in testing."""
    seen: dict[str, SourceCase] = {}
    findings = []
    for case in cases:
        if case.case in seen:
            findings.append(
                Finding(
                    "SC085",
                    f"leads to the case {case.case!r}, as does {shown(seen[case.case].images[0], root)}",
                    file=shown(case.images[0], root),
                    hint="rename one of them",
                )
            )
        seen[case.case] = case
    return findings


def stray_note(names: Iterable[str], where: str) -> list[str]:
    """Return a note on files that were left alone, if there are any."""
    listed = sorted(names)
    if not listed:
        return []
    first = ", ".join(listed[:3]) + (" …" if len(listed) > 3 else "")
    return [f"{count_of(len(listed), 'other file')} in {where} left alone: {first}"]
