"""How the files of a dataset are coded, judged over all cases: what an index, black and the value 0 stand for in them.

nnU-Net reads what is stored. Where files differ in what that means, or a channel is a label, nobody notices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.layout import DESCRIPTION
from ...errors import Finding, warning
from ...image import label_like
from ...image.picture import PictureHeader
from ...image.voxels import border_counts
from .inventory import CaseFiles

MOSTLY = 0.75
"""Part of the border of all labels that a value takes which is likely background."""
NEXT_TO_NONE = 0.05
"""Part of it that 0 takes at most, where labels may be inverted."""
SHOWN = 5


@dataclass
class Coded:
    """How the files of one case are coded.

    Parameters
    ----------
    few
        Of each channel of its pictures: its values, if they are few as in a label; otherwise nothing.
    images_white, label_white
        Whether the first value of grey is white, by the word of the first picture and of the label; None if none says.
    palette
        Index in use → colour, of a label with a palette.
    counts, border
        Value → number of voxels of the label, and of those in its outermost planes.
    """

    few: list[frozenset[int]] = field(default_factory=list)
    images_white: bool | None = None
    label_white: bool | None = None
    palette: Mapping[int, str] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)
    border: Mapping[int, int] = field(default_factory=dict)

    def add_picture(self, header: PictureHeader, samples: NDArray[Any]) -> None:
        """Take in a picture of the case."""
        if header.kind == "gray" and self.images_white is None:
            self.images_white = header.white_is_zero
        if header.kind != "palette":
            flat = samples.reshape(-1, header.samples)
            self.few += [frozenset(_few(flat[:, number])) for number in range(header.samples)]

    def add_label(
        self, header: object, values: NDArray[Any], counts: Mapping[int, int], palette: NDArray[np.uint8] | None
    ) -> None:
        """Take in the label of the case.

        Parameters
        ----------
        header
            Of a picture or a volume.
        values, counts
            What it holds, and how often.
        palette
            Its colours, ``(n, 4)``, if it has any.
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
    """The same of all cases; what is kept does not grow with them.

    Parameters
    ----------
    names
        Of the channels.
    labels
        Value → name of what dataset.json declares; None if that is not known.
    """

    def __init__(self, names: Sequence[str], labels: Mapping[int, str] | None) -> None:
        self.names = names
        self.labels = labels
        self._few: list[frozenset[int] | None] = [frozenset() for _ in names]
        self._pictures = 0
        self._first: tuple[str, ...] = ()
        self._white: dict[str, dict[bool, list[str]]] = {"image": {}, "label": {}}
        self._colour_of: dict[int, tuple[str, str]] = {}
        self._recoloured: list[tuple[str, str]] = []
        self._counts: dict[int, int] = {}
        self._border: dict[int, int] = {}

    def add(self, case: Coded, files: CaseFiles) -> None:
        """Take in a case."""
        if case.few and len(case.few) == len(self.names):
            self._pictures += 1
            self._first = self._first or files.images
            for number, values in enumerate(case.few):
                so_far = self._few[number]
                both = so_far | values if so_far is not None and values else None
                self._few[number] = both if both is not None and len(both) <= label_like.MOST_VALUES else None
        self._add_white("image", case.images_white, files.images[0])
        if files.label is None:
            return
        self._add_white("label", case.label_white, files.label)
        for index, colour in case.palette.items():
            other, file = self._colour_of.setdefault(index, (colour, files.label))
            if other != colour and files.label not in dict(self._recoloured):
                told = f"index {index} of its palette is {colour}, in {file} it is {other}"
                self._recoloured.append((files.label, told))
        for total, own in ((self._counts, case.counts), (self._border, case.border)):
            for value, number in own.items():
                total[value] = total.get(value, 0) + number

    def _add_white(self, what: str, white: bool | None, file: str) -> None:
        if white is not None:
            self._white[what].setdefault(white, []).append(file)

    def findings(self) -> list[Finding]:
        """Return a warning for whatever all cases together show."""
        return [*self._label_channels(), *self._polarity(), *self._palettes(), *self._ground()]

    def _label_channels(self) -> Iterable[Finding]:
        apart = len(self._first) == len(self.names)
        for number, (name, values) in enumerate(zip(self.names, self._few, strict=True)):
            if self._pictures and values:
                told = f"the channel {name!r} holds only {label_like.in_words(values)}, as labels do, in"
                told += f" {'all ' if self._pictures > 1 else ''}{_cases(self._pictures)}"
                file = self._first[number if apart else 0]
                yield warning("SC091", told, file=file, hint=label_like.CURE)

    def _polarity(self) -> Iterable[Finding]:
        for what, by_white in self._white.items():
            if len(by_white) < 2:
                continue
            rare, usual = sorted(by_white.values(), key=len)
            white, black = ("white", "black") if by_white[True] is rare else ("black", "white")
            told = f"is stored with {white} as 0, {usual[0]} with {black} as 0{_and_more(rare)}"
            code = "SC078" if what == "label" else "SC084"
            hint = "save all of them with black as 0, which TIFF calls MinIsBlack"
            yield warning(code, told, file=rare[0], hint=hint)

    def _palettes(self) -> Iterable[Finding]:
        if self._recoloured:
            file, told = self._recoloured[0]
            more = _and_more([name for name, _ in self._recoloured])
            hint = "check what the values stand for in each label; nnU-Net reads the indices"
            yield warning("SC078", told + more, file=file, hint=hint)

    def _ground(self) -> Iterable[Finding]:
        border, total = sum(self._border.values()), sum(self._counts.values())
        most = max(self._border, key=lambda value: self._border[value], default=0)
        inverted = (
            most != 0
            and self._border[most] >= MOSTLY * border
            and self._border.get(0, 0) <= NEXT_TO_NONE * border
            and 2 * self._counts[most] > total
            and 0 in self._counts
        )
        if inverted:
            name = (self.labels or {}).get(most, str(most))
            own, ground = (100 * self._border.get(value, 0) // border for value in (most, 0))
            told = (
                f"the label {name!r} takes {own} % of the border of all labels, background {ground} %, and"
                f" {100 * self._counts[most] // total} % of their area: the labels may be inverted"
            )
            yield warning("SC074", told, file=DESCRIPTION, hint="look at some of them; inverted ones are exported anew")


def _cases(number: int) -> str:
    return f"{number} case{'s' if number > 1 else ''}"


def _and_more(files: Collection[str]) -> str:
    """Return the further files of a list, the first of which is named already."""
    others = list(files)[1 : SHOWN + 1]
    more = f" and {len(files) - SHOWN - 1} more" if len(files) > SHOWN + 1 else ""
    return f" (and so in {', '.join(others)}{more})" if others else ""
