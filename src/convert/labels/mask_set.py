"""Read the picture masks of a set before their labels are settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dataset.labels import BACKGROUND, GRAY, RGB, grey_of_colour
from ...errors import SegconvError
from ...image.mask_values import WITH_ALPHA
from ...image.picture import Picture, PictureHeader
from ...image.picture_headers import distinct
from ...image.pieces import Extent, count_pieces, extents
from ...image.voxels import border_counts, label_values, tally
from ..model import INSTANCES, SourceCase
from ..source_files import read_source
from ..survey import Survey
from .choices import declaring
from .coding import MOST_SNAPPED
from .mask_facts import NOTHING, MaskFacts, palette_in_use, values_of, white_is_zero
from .picture_file import mask_codes, open_picture
from .read_ahead import read_pictures
from .recalled import RECALLED

_COLOURS, _GREYS, _INDICES = "colours", "greys", "indices"


@dataclass(frozen=True)
class MaskSet:
    """All masks of a set, as far as they are known before their pixels are read."""

    survey: Survey
    cases: Sequence[SourceCase]
    headers: Mapping[str, PictureHeader]

    @cached_property
    def _kinds(self) -> list[PictureHeader]:
        """The different headers of all files, images included."""
        return distinct(self.headers)

    @cached_property
    def forms(self) -> dict[str, str | None]:
        """Path of each mask → how it forms a label; see `SourceCase.form`."""
        return {path: case.form(str(case.label)) for case in self.cases for path in case.label_files}

    @property
    def in_colours(self) -> bool:
        """Whether a mask may hold colours, judged by its header."""
        if not any(map(_in_colours, self._kinds)):
            return False
        return any(_in_colours(self.headers[path]) for path in self.forms if path in self.headers)

    def with_palettes(self) -> list[str]:
        """Return the masks with a palette; it is meaningless in masks of one object or class each."""
        if not any(header.kind == "palette" for header in self._kinds):
            return []
        headers = ((path, self.headers.get(path)) for path, form in self.forms.items() if form is None)
        return [path for path, header in headers if header is not None and header.kind == "palette"]

    def indexed(self, facts: Iterable[MaskFacts]) -> list[MaskFacts]:
        """Return the facts of the masks with a palette."""
        names = set(map(self.survey.shown, self.with_palettes()))
        return [mask for mask in facts if mask.file in names]

    def white_is_zero(self, palettes: Sequence[MaskFacts]) -> dict[str, bool]:
        """Return mask → whether it says that 0 is white, for masks that say either; nothing if none says so."""
        if not any(header.white_is_zero for header in self._kinds) and not any(m.white_is_zero for m in palettes):
            return {}
        greys = {p: self.headers[p] for p in self.forms if p in self.headers and self.headers[p].kind == "gray"}
        found = {self.survey.shown(path): header.white_is_zero for path, header in greys.items()}
        return found | {mask.file: mask.white_is_zero for mask in palettes if mask.white_is_zero is not None}

    def of_palettes(self) -> list[MaskFacts]:
        """Read the masks that have a palette."""
        return [facts for _, facts in read_pictures(self.survey, self.with_palettes(), self._by_index)]

    def pieces(self, masks: Iterable[MaskFacts], void: int) -> int:
        """Return the number of connected pieces of a single value in some masks."""

        def pieces_of(path: str) -> int:
            return count_pieces(mask_codes(_opened(path), GRAY), void)

        return sum(
            number for _, number in read_pictures(self.survey, self._paths_of(mask.file for mask in masks), pieces_of)
        )

    def extents(self, files: Iterable[str], void: int) -> Iterator[Mapping[int, Extent]]:
        """Yield the location of each value in some masks, by their names in messages."""

        def extents_of(path: str) -> Mapping[int, Extent]:
            return extents(mask_codes(_opened(path), GRAY), void)

        for _, found in read_pictures(self.survey, self._paths_of(files), extents_of):
            yield found

    def _by_index(self, path: str) -> MaskFacts:
        opened = _opened(path)
        facts = self._facts(path, opened, mask_codes(opened, GRAY))
        RECALLED.keep(opened, facts.counts)
        return facts

    def _by_colour(self, path: str) -> MaskFacts:
        opened = _opened(path)
        return self._facts(path, opened, mask_codes(opened, RGB))

    def _facts(self, path: str, opened: Picture, codes: NDArray[Any]) -> MaskFacts:
        counts = self._shared(_counted(codes) if codes.dtype == np.uint32 else label_values(codes))
        palette = palette_in_use(opened, counts) if codes.dtype != np.uint32 else NOTHING
        border = self._shared(border_counts(codes))
        return MaskFacts(self.survey.shown(path), counts, border, palette, white_is_zero(opened, counts))

    def _shared(self, counts: dict[int, int]) -> dict[int, int]:
        """Return the same object for equal counts of a single value, as in empty masks and at most borders."""
        return counts if len(counts) != 1 else self._single.setdefault(next(iter(counts.items())), counts)

    @cached_property
    def _single(self) -> dict[tuple[int, int], dict[int, int]]:
        return {}

    def complete(self, facts: Iterable[MaskFacts]) -> list[MaskFacts]:
        """Return the facts of the masks that are complete labels, not one object each."""
        objects = {self.survey.shown(path) for path, form in self.forms.items() if form is not None}
        return [mask for mask in facts if mask.file not in objects]

    def _paths_of(self, files: Iterable[str]) -> list[str]:
        """Return the paths of masks by their names in messages."""
        path_of = {self.survey.shown(path): path for path in self.forms}
        return [path_of[file] for file in files]

    def facts_in(self, coding: str) -> list[MaskFacts]:
        """Read the masks that are complete labels, in a declared coding.

        Raises
        ------
        SegconvError
            ``SC074`` if values were declared but the masks hold colours.
        """
        if coding == RGB:
            whole = [path for path, form in self.forms.items() if form is None]
            return [facts for _, facts in read_pictures(self.survey, whole, self._by_colour)]
        found, own = self.facts()
        refuse_colours(own)
        return self.complete(found)

    def facts(self) -> tuple[list[MaskFacts], str]:
        """Read all masks: a guess needs the values of every mask before the first case is written.

        Read colours if a picture holds one that is not grey or not opaque; otherwise grey values and indices.
        """
        kinds = {path: self._counted_as(path, form) for path, form in self.forms.items()}
        results = self._read_all(kinds)
        seen = values_of(result for path, result in results.items() if kinds[path] == _COLOURS)
        if None not in map(grey_of_colour, seen):
            return _recoded(results, kinds, _COLOURS, _as_grey), GRAY
        again = [path for path in results if kinds[path] == _INDICES]
        results |= dict(read_pictures(self.survey, again, self._by_colour))
        return _recoded(results, kinds, _GREYS, _as_colour), RGB

    def _counted_as(self, path: str, form: str | None) -> str:
        """Return what to count in a mask first: colours, eight-bit grey values, or indices."""
        header = self.headers[path]
        if _in_colours(header) and form != INSTANCES:
            return _COLOURS
        return _GREYS if header.kind == "gray" and header.depth == 8 else _INDICES

    def _read_all(self, kinds: Mapping[str, str]) -> dict[str, MaskFacts]:
        """Read all masks, counting each as given; refuse more values than classes have (``SC078``)."""

        def facts_of(path: str) -> MaskFacts:
            return self._by_colour(path) if kinds[path] == _COLOURS else self._by_index(path)

        results: dict[str, MaskFacts] = {}
        seen: set[int] = set()
        with closing(read_pictures(self.survey, list(kinds), facts_of)) as read:
            for path, result in read:
                results[path] = result
                seen.update(result.counts)
                if len(seen) > MOST_SNAPPED:  # each value costs time and memory in the report
                    raise SegconvError(
                        f"up to here the masks hold more than {MOST_SNAPPED} different values or colours, as images"
                        " do, expected one per class",
                        code="SC078",
                        file=self.survey.shown(path),
                        hint="check which of the files are the masks",
                    )
        return results


def _as_colour(grey: int) -> int:
    return grey * 0x010101


def _as_grey(colour: int) -> int:
    return colour & 255


def _recoded(
    results: Mapping[str, MaskFacts], kinds: Mapping[str, str], kind: str, code: Callable[[int], int]
) -> list[MaskFacts]:
    """Return the facts of all masks, with other values in those counted as one kind."""
    return [
        replace(
            facts,
            counts={code(value): number for value, number in facts.counts.items()},
            border={code(value): number for value, number in facts.border.items()},
        )
        if kinds[path] == kind
        else facts
        for path, facts in results.items()
    ]


def refuse_colours(coding: str) -> None:
    """Refuse masks that hold colours if values were declared (``SC074``)."""
    if coding != GRAY:
        raise SegconvError(
            "the labels are declared as values, the masks hold colours",
            code="SC074",
            hint="declare colours",
            cures=(declaring({BACKGROUND: "#000000", "NAME": "#ff0000"}),),
        )


def _in_colours(header: PictureHeader) -> bool:
    """Return whether the pixels of a mask may be colours, or transparent."""
    return header.kind in ("RGB", *WITH_ALPHA) and header.depth == 8


def _opened(path: str) -> Picture:
    return open_picture(read_source(path))


def _counted(values: NDArray[Any]) -> dict[int, int]:
    if values.dtype == np.uint8:
        return label_values(values)  # a tenth of the time of sorting
    return tally(values, what="colours")
