"""The plan of a run: small frozen items, one per case, and the paths of their files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from ..errors import Finding
from .differing import surely_differ
from .held import Held
from .owned import Manifest

FORMAT = 1
"""Version of the staging folder and its journal; other versions are not resumed."""


HIDDEN = ".segconv-"
"""Prefix of the names of folders and files that segconv keeps for itself."""

INFER, STRESS, PREVIEW, MODELS, REPLACE = WORKERS = ("infer", "stress", "preview", "models", "replace")
"""What keeps a work folder next to its output: commands, archives of models that are unpacked or written, and anything
that replaces a single file."""

_LONGEST_SLOT_BYTES = 200
"""Longest slot in bytes: with prefix and endings of a staging folder and its lock, a name has at most 255."""


def hidden_name(slot: str) -> str:
    """Return the name of the staging folder of a slot: made from the slot's name, or from a hash if it is long."""
    slot_bytes = os.fsencode(slot)
    return f"{HIDDEN}{slot if len(slot_bytes) <= _LONGEST_SLOT_BYTES else hashlib.sha256(slot_bytes).hexdigest()}"


def work_slot(command: str, output: Path) -> str:
    """Return the slot of a command's work folder next to an output; see `WORKERS`."""
    return f"{command}-{output.name}"


def work_folder(command: str, output: Path) -> Path:
    """Return a command's work folder for an output."""
    return output.absolute().parent / hidden_name(work_slot(command, output))


@dataclass(frozen=True, slots=True)
class Item:
    """The work on one case.

    Parameters
    ----------
    case
        Its identifier, unique in the plan.
    sources
        Absolute paths of the files that it reads.
    outputs
        Paths of the files that it writes, relative to the target, with slashes.
    payload
        Further input of the worker; picklable.
    nbytes
        Estimated bytes that it writes.
    """

    case: str
    sources: tuple[str, ...]
    outputs: tuple[str, ...]
    payload: Any
    nbytes: int = 0


class LazyItems(Sequence[Item]):
    """Items that are made each time they are asked for, so that a plan over 100,000 cases holds only what they are of.

    Parameters
    ----------
    cases
        The identifier of each; the outputs of two cases must differ.
    make
        Makes the item of a case by its place in the plan.
    nbytes
        Estimated bytes that they write together, if known.
    """

    def __init__(self, cases: Collection[str], make: Callable[[int], Item], nbytes: int | None = None) -> None:
        if not surely_differ(cases):
            _refuse_twins(cases)
        self._number = len(cases)
        self._make = make
        self.nbytes = nbytes

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, at: int | slice) -> Item | tuple[Item, ...]:
        numbers = range(self._number)[at]
        return self._make(numbers) if isinstance(numbers, int) else tuple(map(self._make, numbers))


@dataclass(frozen=True)
class Target:
    """A folder that appears complete or not at all.

    Parameters
    ----------
    path
        The folder; made absolute, so that it is the same for a run started elsewhere.
    slot
        Names its staging folder and its lock; two runs with the same slot in the same parent folder
        exclude each other.
    manifest
        Returns the files that a finished folder of its kind was written with; None if it is never replaced.
    """

    path: Path
    slot: str
    manifest: Manifest | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.absolute())

    @property
    def staging(self) -> Path:
        """Its staging folder. nnU-Net finds datasets by the prefix ``Dataset``, so this has another."""
        return self.path.parent / hidden_name(self.slot)

    @property
    def lock(self) -> Path:
        """The file that a run locks while it works on the target."""
        return self.path.parent / f"{hidden_name(self.slot)}.lock"


@dataclass(frozen=True)
class Plan:
    """Everything that a run needs to know.

    Parameters
    ----------
    target
        The folder to make.
    source_root
        Folder that lineage paths are relative to.
    items
        The work on each case.
    key
        Command and every option that determines the bytes of the result; JSON-able. A staging folder
        with another key is not resumed.
    warnings
        Warnings from planning.
    held
        Folders that were read; they must be unchanged when the run ends.
    """

    target: Target
    source_root: Path
    items: Sequence[Item]
    key: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[Finding, ...] = ()
    held: tuple[Held, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.items, LazyItems):
            _refuse_twins(item.case for item in self.items)
            _refuse_twins(output for item in self.items for output in item.outputs)

    @property
    def nbytes(self) -> int:
        """Estimated bytes that it writes."""
        total = self.items.nbytes if isinstance(self.items, LazyItems) else None
        return sum(item.nbytes for item in self.items) if total is None else total

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that determines the bytes of the result, except the contents of the sources."""
        parts = {
            "format": FORMAT,
            "key": self.key,
            "source": str(self.source_root),
            "target": str(self.target.path.absolute()),
        }
        # Not sorted: the order of a user's declarations also determines the bytes.
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _refuse_twins(names: Iterable[str]) -> None:
    """Raise ValueError if a name stands twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name!r} stands twice in the plan")
        seen.add(name)
