"""The labels of masks stored as pictures: declared, or found in all of them before the first case is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import BACKGROUND, GRAY, IGNORE, RGB, LabelMap, dense, grey_of_colour, value_text
from ..errors import Finding, SegconvError
from ..image.mask import WITH_ALPHA
from ..image.picture import PictureHeader
from ..image.pieces import count_pieces
from ..image.voxels import label_values, tally
from ..work.readers import Readers
from .coding import MOST_SNAPPED
from .declared_beside import declared_beside
from .labelling import Declared, mapped_values, settle
from .mask_facts import MaskFacts, border_counts, palette_in_use, white_is_zero
from .pictures import Opened, mask_codes, open_picture
from .read_ahead import read_pictures
from .set_coding import judge_polarity, refuse_other_palettes, warn_of_other_palettes
from .set_values import (
    VOID,
    ground_of,
    is_alone,
    judge_guess,
    refuse_declared_ground,
)
from .source import INSTANCES, ConvertOptions, SourceCase, collect, count_of, read_source, shown

FEW_VALUES = 8
BLURRED = 0.9
"""Masks with more than `FEW_VALUES` values, two of which make up more than this, have smoothed edges."""


def label_map_of(
    cases: list[SourceCase],
    headers: dict[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    notes: list[str],
    options: ConvertOptions,
    readers: Readers,
) -> LabelMap:
    """Return the label map; what cannot be settled becomes a finding, so that all are reported at once."""
    masks = _Masks(cases, headers, root, findings, readers)
    found: dict[int, _Seen] = {}
    facts: list[MaskFacts] = []
    coding = GRAY
    declared: Declared | None = None
    try:
        declared = _declared(masks, notes, options)
        if cases and declared is None and all(case.label is None for case in cases):
            raise SegconvError(
                "no case has a label, and nothing else tells which labels there are",
                code="SC074",
                hint=f"--labels {BACKGROUND}=0,NAME=1, as the model has them that is to predict the cases",
            )
        ground: int | None = None
        if declared is None and masks.usable:
            facts, coding = masks.facts()
            found = _seen(facts)
            if coding == GRAY and masks.in_colours:  # as it seemed by the headers; a list of classes counts after all
                declared = declared_beside(cases, root, notes, options, in_colours=False)
            if masks.usable:
                _judge(facts, coding, masks)
            if masks.usable and declared is None:
                ground = _judge_undeclared(facts, coding, masks, options)
        elif declared is not None and masks.usable:
            _judge_declared(declared.coding, masks, options)
            if masks.usable and options.labels is not None and declared.needs_values(options):
                facts, coding = masks.facts()
                found = _seen(facts)
                _judge_needed(declared, facts, coding, options)
        if masks.usable:
            values = found if declared is None or declared.needs_values(options) else None
            settled = settle(options, declared if options.labels is None else None, values, coding, ground)
            guessed = bool(found) and declared is None and coding == GRAY and not options.accept_labels
            if guessed and _smoothed(found) == max(found):
                # Smooth enough, a mask holds every value up to 255, and would pass for one of as many classes.
                raise SegconvError(f"the label files hold {len(found)} values, which nobody declared", code="SC074")
            return settled
    except SegconvError as error:
        if found and declared is None and not error.file and error.code in ("SC074", "SC078"):
            _name_rarest(error, found, coding, facts)
        collect(findings, error)
    return dense({BACKGROUND: 0, "foreground": 1})


def judge_declared_masks(
    cases: Sequence[SourceCase],
    headers: Mapping[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    options: ConvertOptions,
    readers: Readers,
    declared: Declared | None,
) -> None:
    """Add a finding where masks are not coded alike by their palettes and by what they call white."""
    coding = declared.coding if declared is not None else GRAY
    try:
        _judge_declared(coding, _Masks(cases, headers, root, findings, readers), options)
    except SegconvError as error:
        collect(findings, error)


def _declared(masks: _Masks, notes: list[str], options: ConvertOptions) -> Declared | None:
    if options.labels is not None:
        return Declared.of(options.labels)
    return declared_beside(masks.cases, masks.root, notes, options, in_colours=masks.in_colours)


@dataclass(frozen=True)
class _Masks:
    """All masks of a set, as far as they are known before their pixels are."""

    cases: Sequence[SourceCase]
    headers: Mapping[str, PictureHeader]
    root: Path
    findings: list[Finding]
    readers: Readers

    @property
    def usable(self) -> bool:
        """Whether nothing was refused yet."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def forms(self) -> dict[str, str | None]:
        """Path of each mask → how it makes up a label; see `SourceCase.form`."""
        labelled = ((case, case.label) for case in self.cases if case.label is not None)
        return {path: case.form(label) for case, label in labelled for path in case.files_of(label)}

    @property
    def in_colours(self) -> bool:
        """Whether a mask may well hold colours, by its header."""
        return any(_in_colours(self.headers[path]) for path in self.forms if path in self.headers)

    def with_palettes(self) -> list[str]:
        """Return the masks that have a palette; of those of one object or class each it means nothing."""
        headers = ((path, self.headers.get(path)) for path, form in self.forms.items() if form is None)
        return [path for path, header in headers if header is not None and header.kind == "palette"]

    def white_is_zero(self, palettes: Sequence[MaskFacts]) -> dict[str, bool]:
        """Return mask → whether it says that 0 is white, of those that say anything of it."""
        greys = {p: self.headers[p] for p in self.forms if p in self.headers and self.headers[p].kind == "gray"}
        found = {shown(path, self.root): header.white_is_zero for path, header in greys.items()}
        return found | {mask.file: mask.white_is_zero for mask in palettes if mask.white_is_zero is not None}

    def of_palettes(self) -> list[MaskFacts]:
        """Read the masks that have a palette."""
        paths = self.with_palettes()
        found = read_pictures(paths, self._by_index, self.root, self.findings, self.readers)
        return [facts for _, facts in found]

    def pieces(self, paths: Sequence[str], void: int) -> int:
        """Return how many connected pieces of one value all of some masks hold."""

        def pieces_of(path: str) -> int:
            return count_pieces(mask_codes(_opened(path), GRAY), void)

        return sum(number for _, number in read_pictures(paths, pieces_of, self.root, self.findings, self.readers))

    def _by_index(self, path: str) -> MaskFacts:
        opened = _opened(path)
        return self._facts(path, opened, mask_codes(opened, GRAY))

    def _by_colour(self, path: str) -> MaskFacts:
        opened = _opened(path)
        return self._facts(path, opened, mask_codes(opened, RGB))

    def _facts(self, path: str, opened: Opened, codes: NDArray[Any]) -> MaskFacts:
        counts = _counted(codes) if codes.dtype == np.uint32 else label_values(codes)
        palette = palette_in_use(opened, counts) if codes.dtype != np.uint32 else {}
        return MaskFacts(shown(path, self.root), counts, border_counts(codes), palette, white_is_zero(opened, counts))

    def facts(self) -> tuple[list[MaskFacts], str]:
        """Read all masks: a guess of the labels needs the values of all before the first case.

        Colours where a picture holds one that is not grey or not opaque; grey values and indices otherwise.
        """
        forms, headers = self.forms, self.headers

        def as_colours(path: str) -> bool:
            return _in_colours(headers[path]) and forms[path] != INSTANCES

        def indirect(path: str) -> bool:
            """Return whether what was counted is no grey of eight bits: its colours are not told by it."""
            return not as_colours(path) and (headers[path].kind != "gray" or headers[path].depth != 8)

        def facts_of(path: str) -> MaskFacts:
            return self._by_colour(path) if as_colours(path) else self._by_index(path)

        results: dict[str, MaskFacts] = {}
        seen: set[int] = set()
        with closing(read_pictures(list(forms), facts_of, self.root, self.findings, self.readers)) as read:
            for path, result in read:
                results[path] = result
                seen.update(result.counts)
                if len(seen) > MOST_SNAPPED:  # what is told of them takes time and memory for each
                    raise SegconvError(
                        f"up to here the masks hold more than {MOST_SNAPPED} different values or colours, as images"
                        " do, expected one a class",
                        code="SC078",
                        file=shown(path, self.root),
                        hint="check which of the files are the masks",
                    )
        coloured = any(
            as_colours(path) and any(grey_of_colour(code) is None for code in result.counts)
            for path, result in results.items()
        )
        again = [path for path in results if coloured and indirect(path)]
        results |= dict(read_pictures(again, self._by_colour, self.root, self.findings, self.readers))
        for path, result in results.items():
            if coloured and not as_colours(path) and not indirect(path):
                results[path] = _recoded(result, lambda value: value * 0x010101)
            elif as_colours(path) and not coloured:
                results[path] = _recoded(result, lambda value: value & 255)
        return list(results.values()), RGB if coloured else GRAY


def _recoded(facts: MaskFacts, code: Any) -> MaskFacts:
    return replace(
        facts,
        counts={code(value): number for value, number in facts.counts.items()},
        border={code(value): number for value, number in facts.border.items()},
    )


def _judge(facts: Sequence[MaskFacts], coding: str, masks: _Masks) -> None:
    """Judge the coding of masks that nobody declared."""
    indexed = {shown(path, masks.root) for path in masks.with_palettes()} if coding == GRAY else set()
    palettes = [mask for mask in facts if mask.file in indexed]
    refuse_other_palettes(palettes)
    masks.findings.extend(judge_polarity(masks.white_is_zero(palettes), "mask"))


def _judge_undeclared(facts: Sequence[MaskFacts], coding: str, masks: _Masks, options: ConvertOptions) -> int | None:
    """Judge the values of masks that nobody declared; of colours, return the one that most of the border has."""
    whole = {shown(path, masks.root): path for path, form in masks.forms.items() if form is None}
    labels = [mask for mask in facts if mask.file in whole]
    if coding != GRAY:
        return ground_of(labels)

    def pieces_of(void: int) -> int:
        return masks.pieces([whole[mask.file] for mask in labels], void)

    judge_guess(labels, pieces_of, mapped_values(options), accepted=options.accept_labels)
    return None


def _judge_needed(declared: Declared, facts: Sequence[MaskFacts], coding: str, options: ConvertOptions) -> None:
    """Judge what was declared as ranges of values, or with a background that is not 0."""
    if coding != GRAY:
        raise SegconvError(
            "the labels are declared as values, the masks hold colours",
            code="SC074",
            hint=f"--labels '{BACKGROUND}=#000000,NAME=#ff0000' declares colours",
        )
    refuse_declared_ground(facts, declared.ground(options))


def _judge_declared(coding: str, masks: _Masks, options: ConvertOptions) -> None:
    """Judge the coding of masks whose labels are declared; by index, that says nothing of their palettes."""
    palettes = masks.of_palettes() if coding == GRAY else []
    if options.labels is not None and options.accept_labels:
        masks.findings.extend(warn_of_other_palettes(palettes))
    else:
        refuse_other_palettes(palettes)
    masks.findings.extend(judge_polarity(masks.white_is_zero(palettes), "mask"))


@dataclass(frozen=True)
class _Seen:
    """How often a value occurs in all masks, and the first file that holds it."""

    pixels: int
    file: str

    def __add__(self, other: _Seen) -> _Seen:
        return _Seen(self.pixels + other.pixels, self.file)


def _seen(masks: Sequence[MaskFacts]) -> dict[int, _Seen]:
    found: dict[int, _Seen] = {}
    for mask in masks:
        for value, pixels in mask.counts.items():
            own = _Seen(pixels, mask.file)
            found[value] = found[value] + own if value in found else own
    return found


def _name_rarest(error: SegconvError, found: Mapping[int, _Seen], coding: str, masks: Sequence[MaskFacts]) -> None:
    """Say of values that nobody declared which is the rarest: it is the one most likely to be a mistake."""
    rarest = min(found, key=lambda value: found[value].pixels)
    seen = found[rarest]
    error.file = seen.file
    error.message += (
        f"; the rarest is {value_text(rarest, coding)}, {count_of(seen.pixels, 'pixel')} in all, first here"
    )
    if coding != GRAY:
        return
    if (ink := _smoothed(found)) is not None:
        error.message += f"; nearly all pixels are 0 or {ink}, as in a mask that was smoothed or resized"
        error.hint = (
            "export the masks without smoothing;"
            f" or --labels {BACKGROUND}=0,foreground={ink} --snap {ink // 2} takes the nearest"
        )
        return
    classes = sorted(found)[:-1]
    drawn = sum(found[value].pixels for value in classes[1:])
    if max(found) != VOID or classes != list(range(len(classes))) or is_alone(VOID, masks):
        return
    if found[VOID].pixels < drawn:  # as an edge that nobody is sure of; what is drawn larger may well be a class
        names = ",".join([f"{BACKGROUND}=0", *(f"class_{value}={value}" for value in classes[1:])])
        error.hint = (
            f"{VOID} often says that nobody knows: --labels {names},{IGNORE}={VOID} leaves it out of training;"
            f" --labels {names},class_{VOID}={VOID} if it is a class"
        )


def _smoothed(found: Mapping[int, _Seen]) -> int | None:
    """Return the value of what was drawn, if masks hold many values and nearly all pixels are 0 or that one."""
    if len(found) <= FEW_VALUES:
        return None
    often = sorted(found, key=lambda value: found[value].pixels, reverse=True)[:2]
    shared = sum(found[value].pixels for value in often) / sum(seen.pixels for seen in found.values())
    return max(often) if min(often) == 0 and shared > BLURRED else None


def _in_colours(header: PictureHeader) -> bool:
    """Return whether the pixels of a mask may well be colours, or transparent."""
    return header.kind in ("RGB", *WITH_ALPHA) and header.depth == 8


def _opened(path: str) -> Opened:
    return open_picture(read_source(path))


def _counted(values: NDArray[Any]) -> dict[int, int]:
    if values.dtype == np.uint8:
        return label_values(values)  # a tenth of the time of sorting
    return tally(values, what="colours")
