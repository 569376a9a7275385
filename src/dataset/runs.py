"""The run that made the files of a folder: ``segconv/run.json``, whose format `lineage` describes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..typed import (
    anything,
    count,
    entries,
    many,
    mapping,
    number,
    optional,
    positive,
    sha256,
    text,
    truth,
    whole,
    whole_between,
)
from ..version import VERSION
from .label_readers import label_map, stored_label
from .seal import SEAL, sealed
from .stored_label import NOTHING_KNOWN, StoredLabel

FORMAT = 1

PREPARED = "prepared"
"""Key of run.json."""


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """A run about to be recorded; the fields are the keys of run.json.

    Parameters
    ----------
    command, options, seed
        The command that was run.
    source
        Kind and name of what was read.
    label_map, label_file
        Of the complete dataset.
    findings
        As written by `Finding.as_json`.
    extra
        Entries of the source's json that nnU-Net does not know.
    prepared
        Changes to images; see `prepared`.
    files
        ``path``, ``size`` and ``sha256`` of the files that belong to no case.
    """

    command: str
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    label_map: Mapping[str, int] = field(default_factory=dict)
    label_file: StoredLabel = NOTHING_KNOWN
    findings: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    prepared: Mapping[str, Any] | None = None
    files: Iterable[Mapping[str, Any]] = ()

    def to_bytes(self) -> bytes:
        """Return the bytes of run.json; it is written after the other files."""
        return sealed(
            {
                "format": FORMAT,
                "tool": "segconv",
                "version": VERSION,
                "command": self.command,
                "options": dict(self.options),
                "seed": self.seed,
                "source": dict(self.source),
                "label_map": dict(self.label_map),
                "label_file": self.label_file.as_json(),
                "findings": list(self.findings),
                **({"extra": dict(self.extra)} if self.extra else {}),
                **({PREPARED: dict(self.prepared)} if self.prepared is not None else {}),
                "files": [dict(file) for file in self.files],
            }
        )


@dataclass(frozen=True, eq=False)
class RunRecord(Mapping[str, Any]):
    """Contents of run.json: a mapping of all its keys; the types of known keys are checked.

    Raises
    ------
    Misfit
        If the value of a key has another type.
    """

    said: Mapping[str, Any]

    def __post_init__(self) -> None:
        _run(self.said)

    def __getitem__(self, key: str) -> Any:
        return self.said[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.said)

    def __len__(self) -> int:
        return len(self.said)

    @property
    def command(self) -> str | None:
        """The command that made the files: ``"convert"``, ``"augment"``, ``"restore"``."""
        return self.said.get("command")

    @property
    def link(self) -> str | None:
        """How unchanged files came into the dataset, as in ``--link``."""
        link: str | None = self.said.get("options", {}).get("link")
        return link

    @property
    def label_map(self) -> dict[str, int]:
        """Value in the source, as text → value in the dataset."""
        return dict(self.said.get("label_map", {}))

    @property
    def label_file(self) -> StoredLabel:
        """How labels are stored in the source, for cases without one."""
        return stored_label(self.said.get("label_file", {}))

    @property
    def files(self) -> list[dict[str, Any]]:
        """``path``, ``size`` and ``sha256`` of the files that belong to no case."""
        return list(self.said.get("files", []))

    @property
    def edits(self) -> list[dict[str, Any]]:
        """Later edits."""
        return list(self.said.get("edits", []))


FILE = {"path": text, "size": count, "sha256": sha256}
"""Readers for the entries kept of every file."""

_run = entries(
    {},
    {
        "format": whole_between(1, FORMAT),
        "version": text,
        "command": text,
        "options": entries({}, {"link": text}),
        "seed": optional(whole),
        "source": mapping(anything),
        "label_map": label_map,
        "label_file": stored_label,
        "findings": many(mapping(text)),
        "files": many(entries(FILE)),
        "extra": mapping(anything),
        PREPARED: entries(
            {},
            {
                "repair": many(text),
                "nonfinite": optional(number),
                "grey_to_rgb": truth,
                "drop_alpha": truth,
                "spacing_mm": optional(many(positive, least=3, most=3)),
            },
        ),
        "edits": many(mapping(anything)),
        SEAL: sha256,
    },
)
