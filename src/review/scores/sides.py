"""The values of all files of one side, predictions or references, as they are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ...dataset.labels import RGB, value_text
from .declared import sort_key
from .opened_label import COLOURS, INDICES, MASKS, VALUES
from .tally import Contents, Tally

SHOWN = 12


@dataclass(frozen=True)
class Side:
    """Predictions or references.

    Parameters
    ----------
    what
        ``"predictions"`` or ``"references"``.
    folder
        Folder of the files.
    files
        Contents per case.
    coloured
        Whether values are translated to the colours that people see.
    by_name
        Value as stored → value of the class of its name, if these differ; see `by_name`.
    """

    what: str
    folder: str
    files: Sequence[Contents]
    coloured: bool = False
    by_name: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Kinds of labels; see `opened`."""
        return frozenset(held.kind for held in self.files)

    @cached_property
    def must_be_coloured(self) -> bool:
        """Whether values cannot be compared directly: there are colours, or an index has several colours."""
        return COLOURS in self.kinds or disagree(self.files)

    @cached_property
    def values(self) -> dict[str, int]:
        """Value → number of files that hold it, in order."""
        found = Counter(text for held in self.files for text in {self.text(held, value) for value in held.counts})
        return {text: found[text] for text in sorted(found, key=sort_key)}

    def text(self, held: Contents, value: str) -> str:
        """Return a value of one of the files as it counts."""
        if self.by_name:
            return self.by_name.get(value, value)
        return seen(held, value) if self.coloured else value

    def first(self, value: str) -> str:
        """Return the first file that holds a value."""
        holding = (held for held in self.files if any(self.text(held, text) == value for text in held.counts))
        return next(holding).file

    def __str__(self) -> str:
        """Return the values in words."""
        if self.kinds == {MASKS}:
            return f"{self.what} are masks of {listed(dict.fromkeys(n for held in self.files for n in held.counts))}"
        kind = "the colours " if self.coloured else "the indices " if self.kinds == {INDICES} else ""
        masks = " and masks of classes" if MASKS in self.kinds else ""
        return f"{self.what} hold {kind}{listed(self.values)}{masks}"


def sides(tallies: Iterable[Tally], folders: tuple[str, str]) -> tuple[Side, Side]:
    """Return predictions and references, with values as stored."""
    predicted = [tally.prediction for tally in tallies if tally.prediction is not None]
    wanted = [tally.reference for tally in tallies if tally.reference is not None]
    return Side("predictions", folders[0], predicted), Side("references", folders[1], wanted)


def disagree(files: Iterable[Contents]) -> bool:
    """Return whether an index has different colours in different files."""
    table: dict[str, str] = {}
    return any(table.setdefault(i, colour) != colour for held in files for i, colour in held.palette.items())


def seen(held: Contents, value: str) -> str:
    """Return the displayed colour of a value: from the palette, or grey; other values are unchanged."""
    if held.kind == INDICES and value in held.palette:
        return held.palette[value]
    if held.kind in (VALUES, INDICES) and int(value) < 256:
        return value_text(int(value) * 0x010101, RGB)
    return value


def listed(texts: Collection[str]) -> str:
    """Return values in words, in order, cut if they are many."""
    shown = sorted(texts, key=sort_key)
    more = f" … ({len(shown)} in all)" if len(shown) > SHOWN else ""
    return (", ".join(shown[:SHOWN]) + more) or "nothing"
