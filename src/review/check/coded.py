"""Judge over all cases how the files of a dataset are coded: what an index, black and the value 0 mean.

nnU-Net reads stored values. If files differ in what these mean, or a channel is a label, it trains silently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.layout import DESCRIPTION
from ...errors import Finding, warning
from ...image import label_like
from ...image.picture import PictureHeader
from ...image.voxels import border_counts
from ...words import count_of, some_of
from .inventory import DatasetCase

MOSTLY = 0.75
"""A value that takes this fraction of the border of all labels is likely background."""
NEXT_TO_NONE = 0.05
"""Where labels may be inverted, 0 takes at most this fraction."""
SHOWN = 5
"""How many further files a message names."""


@dataclass
class Coded:
    """The coding of the files of one case.

    Parameters
    ----------
    few
        Values per channel of its pictures if they are as few as in a label; otherwise empty.
    images_white, label_white
        Whether the value 0 is white, as the first picture and the label declare; None if undeclared.
    palette
        Index → colour, for the used indices of a label with a palette.
    counts, border
        Value → number of voxels in the label, and in its outermost planes.
    """

    few: list[frozenset[int]] = field(default_factory=list)
    images_white: bool | None = None
    label_white: bool | None = None
    palette: Mapping[int, str] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    border: Mapping[int, int] = field(default_factory=dict)

    def add_picture(self, header: PictureHeader, samples: NDArray[Any]) -> None:
        """Add a picture of the case."""
        if header.kind == "gray" and self.images_white is None:
            self.images_white = header.white_is_zero
        if header.kind != "palette":
            flat = samples.reshape(-1, header.samples)
            self.few += [frozenset(_few(flat[:, number])) for number in range(header.samples)]

    def add_label(
        self, header: object, values: NDArray[Any], counts: Mapping[int, int], palette: NDArray[np.uint8] | None
    ) -> None:
        """Add the label of the case.

        Parameters
        ----------
        header
            Header of the picture or volume.
        values, counts
            Values of its voxels, of any shape, and value → number of voxels.
        palette
            Its colours, ``(n, 4)``, if it has a palette.
        """
        if isinstance(header, PictureHeader) and header.kind == "gray":
            self.label_white = header.white_is_zero
        if palette is not None:
            used = [value for value in counts if value < len(palette)]
            self.palette = {value: "#{:02x}{:02x}{:02x}".format(*palette[value, :3].tolist()) for value in used}
        self.counts, self.border = counts, border_counts(values)


def _few(values: NDArray[Any]) -> set[int]:
    found = label_like.few_whole_numbers(values)
    return found if label_like.as_labels_do(found) else set()


class CodedSet:
    """The coding of all cases, in memory that does not grow with their number.

    Parameters
    ----------
    names
        Names of the channels.
    labels
        Value → name, as declared in dataset.json; None if unknown.
    """

    def __init__(self, names: Sequence[str], labels: Mapping[int, str] | None) -> None:
        self._channels = _LabelLikeChannels(names)
        self._images, self._labels = _Polarity("SC084"), _Polarity("SC078")
        self._palettes = _Palettes()
        self._ground = _Ground(labels or {})

    def add(self, case: Coded, files: DatasetCase) -> None:
        """Add a case."""
        self._channels.add(case.few, files.images)
        self._images.add(case.images_white, files.images[0])
        if files.label is not None:
            self._labels.add(case.label_white, files.label)
            self._palettes.add(case.palette, files.label)
            self._ground.add(case.counts, case.border)

    def findings(self) -> Iterator[Finding]:
        """Yield the warnings that follow from all cases together."""
        for part in (self._channels, self._images, self._labels, self._palettes, self._ground):
            yield from part.findings()


class _LabelLikeChannels:
    """Channels whose pictures all hold few values, like labels."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._few: list[frozenset[int] | None] = [frozenset() for _ in names]
        self._pictures = 0
        self._first: tuple[str, ...] = ()

    def add(self, few: Sequence[frozenset[int]], images: tuple[str, ...]) -> None:
        if not few or len(few) != len(self._names):
            return
        self._pictures += 1
        self._first = self._first or images
        self._few = [_united(so_far, values) for so_far, values in zip(self._few, few, strict=True)]

    def findings(self) -> Iterator[Finding]:
        by_channel = len(self._first) == len(self._names)
        where = f"{'all ' if self._pictures > 1 else ''}{count_of(self._pictures, 'case')}"
        for number, (name, values) in enumerate(zip(self._names, self._few, strict=True)):
            if self._pictures and values:
                message = f"the channel {name!r} holds only {label_like.in_words(values)}, as labels do, in {where}"
                yield warning("SC091", message, file=self._first[number if by_channel else 0], hint=label_like.CURE)


def _united(so_far: frozenset[int] | None, values: frozenset[int]) -> frozenset[int] | None:
    """Return the values of a channel, or None if they are unlike those of a label."""
    both = so_far | values if so_far is not None and values else None
    return both if both is not None and len(both) <= label_like.MOST_VALUES else None


class _Polarity:
    """Judges whether 0 is black or white in images, or in labels."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._files: dict[bool, list[str]] = {}

    def add(self, white: bool | None, file: str) -> None:
        if white is not None:
            self._files.setdefault(white, []).append(file)

    def findings(self) -> Iterator[Finding]:
        if len(self._files) < 2:
            return
        rare, usual = sorted(self._files.values(), key=len)
        white, black = ("white", "black") if self._files[True] is rare else ("black", "white")
        message = f"is stored with {white} as 0, {usual[0]} with {black} as 0{_and_more(rare)}"
        hint = "save all of them with black as 0, which TIFF calls MinIsBlack"
        yield warning(self._code, message, file=rare[0], hint=hint)


class _Palettes:
    """Labels whose palette gives an index another colour than the palette of an earlier label."""

    def __init__(self) -> None:
        self._colour_of: dict[int, tuple[str, str]] = {}
        self._messages: dict[str, str] = {}

    def add(self, palette: Mapping[int, str], file: str) -> None:
        for index, colour in palette.items():
            other, first = self._colour_of.setdefault(index, (colour, file))
            if other != colour:
                self._messages.setdefault(file, f"index {index} of its palette is {colour}, in {first} it is {other}")

    def findings(self) -> Iterator[Finding]:
        if self._messages:
            file, message = next(iter(self._messages.items()))
            hint = "check what the values mean in each label; nnU-Net reads the indices"
            yield warning("SC078", message + _and_more(self._messages), file=file, hint=hint)


class _Ground:
    """Labels with a value other than 0 where background usually is: at the border."""

    def __init__(self, labels: Mapping[int, str]) -> None:
        self._labels = labels
        self._counts: Counter[int] = Counter()
        self._border: Counter[int] = Counter()

    def add(self, counts: Mapping[int, int], border: Mapping[int, int]) -> None:
        self._counts.update(counts)
        self._border.update(border)

    def findings(self) -> Iterator[Finding]:
        border, total = self._border.total(), self._counts.total()
        most = max(self._border, key=lambda value: self._border[value], default=0)
        if most == 0 or 0 not in self._counts or not self._inverted(most, border, total):
            return
        own, ground = (100 * self._border[value] // border for value in (most, 0))
        message = (
            f"the label {self._labels.get(most, str(most))!r} takes {own} % of the border of all labels, background"
            f" {ground} %, and {100 * self._counts[most] // total} % of their area: the labels may be inverted"
        )
        yield warning("SC074", message, file=DESCRIPTION, hint="look at some of them; export inverted ones again")

    def _inverted(self, most: int, border: int, total: int) -> bool:
        at_border = self._border[most] >= MOSTLY * border and self._border[0] <= NEXT_TO_NONE * border
        return at_border and 2 * self._counts[most] > total


def _and_more(files: Collection[str]) -> str:
    """Return in words the files after the first, which is already named."""
    others = list(files)[1:]
    return f" (and so in {some_of(others, SHOWN)})" if others else ""
