"""The labels of masks stored as pictures: declared, or found in all of them before the first case is written."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.labels import BACKGROUND, GRAY, IGNORE, RGB, value_text
from ...errors import Finding, SegconvError
from ...image.picture import PictureHeader
from ...words import count_of
from ...work.readers import Readers
from ..model import ConvertOptions, SourceCase, collect
from ..source_files import shown
from .declared_beside import Beside, declared_beside
from .labelling import Declared, mapped_values, settle
from .mask_facts import VOID, MaskFacts, in_words
from .mask_set import MaskSet, refuse_colours
from .numbered_objects import Look
from .set_coding import judge_polarity, refuse_ground_elsewhere, refuse_other_palettes, warn_of_other_palettes
from .set_values import ground_of, is_alone, judge_guess, refuse_declared_ground, refuse_listed_ground
from .tool_tables import MANY, in_use

FEW_VALUES = 8
BLURRED = 0.9
"""Masks with more than `FEW_VALUES` values, two of which make up more than this, have smoothed edges."""
MOST_OBJECTS = 40
"""Colours that a hint unites."""
A_PLATEAU = 8
"""So many times as often as values usually are is one which is no edge."""
MOSTLY_SOLID = 0.6
"""Part of all pixels that such values take together, where the others are edges."""


def label_map_of(
    cases: list[SourceCase],
    headers: dict[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    notes: list[str],
    options: ConvertOptions,
    readers: Readers,
) -> LabelTable:
    """Return the label map; what cannot be settled becomes a finding, so that all are reported at once."""
    masks = MaskSet(cases, headers, root, findings, readers)
    settled: LabelTable | None = None
    try:
        if options.labels is not None:
            settled = _of_options(Declared.of(options.labels), masks, options)
        elif (beside := declared_beside(cases, root, notes, options, in_colours=masks.in_colours)) is not None:
            settled = _of_tables(beside, masks, options)
        elif cases and all(case.label is None for case in cases):
            raise SegconvError(
                "no case has a label, and nothing else tells which labels there are",
                code="SC074",
                hint=f"--labels {BACKGROUND}=0,NAME=1, as the model has them that is to predict the cases",
            )
        elif masks.usable:
            settled = _of_masks(masks, notes, options)
    except SegconvError as error:
        collect(findings, error)
    return settled if settled is not None else UNSETTLED


def _of_options(declared: Declared, masks: MaskSet, options: ConvertOptions) -> LabelTable | None:
    """Return the labels that the user declared; None if a mask was refused."""
    _judge_declared(declared.coding, masks, options)
    long = declared.coding == GRAY and len(declared.names) > MANY and not declared.ranges
    found: set[int] | None = None
    if masks.usable and (long or declared.needs_values(options)):
        facts, coding = masks.facts()
        refuse_colours(coding)
        refuse_declared_ground(facts, declared.ground(options))
        found = {value for mask in facts for value in mask.counts}
    if long and found is not None:
        options = replace(options, labels=in_use(options.labels or {}, found))
    return settle(options, None, found if declared.needs_values(options) else None) if masks.usable else None


def _of_tables(beside: Beside, masks: MaskSet, options: ConvertOptions) -> LabelTable | None:
    """Return the labels that tables beside masks declare, judged by what the masks hold; None if one was refused."""
    declared = beside.declared
    _judge_declared(declared.coding, masks, options)
    facts = masks.facts_in(declared.coding) if masks.usable else []
    if not masks.usable:
        return None
    found = {value for mask in facts for value in mask.counts}
    refuse_listed_ground(facts, declared, beside.where, options)
    if declared.coding == GRAY:
        refuse_declared_ground(facts, declared.ground(options))
        declared = replace(declared, other_ground=bool(facts))
    if beside.occurring:
        declared = replace(declared, names={n: v for n, v in declared.names.items() if v in {*found, 0}})
    return settle(options, declared, found)


def _of_masks(masks: MaskSet, notes: list[str], options: ConvertOptions) -> LabelTable | None:
    """Return the labels that nobody declared, as all masks have them; None if one was refused."""
    facts, coding = masks.facts()
    found = _seen(facts)
    if coding == GRAY and masks.in_colours:  # as it seemed by the headers; a list of classes counts after all
        beside = declared_beside(masks.cases, masks.root, notes, options, in_colours=False)
        if beside is not None:
            return _of_tables(beside, masks, options)
    try:
        _judge(facts, coding, masks)
        ground = _judge_undeclared(facts, coding, masks, options) if masks.usable else None
        if not masks.usable:
            return None
        settled = settle(options, None, found, coding, ground, _in_one_mask(facts) if coding == RGB else ())
        if found and coding == GRAY and not options.accept_labels and _smoothed(found) == max(found):
            # Smooth enough, a mask holds every value up to 255, and would pass for one of as many classes.
            raise SegconvError(f"the label files hold {len(found)} values, which nobody declared", code="SC074")
    except SegconvError as error:
        if found and not error.file and error.code in ("SC074", "SC078"):
            _name_rarest(error, found, coding, facts)
        raise
    return settled


def _in_one_mask(masks: Sequence[MaskFacts]) -> set[int]:
    """Return the colours that stand in one mask each, if they are at least two a mask; nothing if others do not."""
    times = Counter(value for mask in masks for value in mask.counts)
    once = {value for value, number in times.items() if number == 1}
    return once if len(masks) > 1 and 2 * len(masks) <= len(once) <= MOST_OBJECTS else set()


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
        _judge_declared(coding, MaskSet(cases, headers, root, findings, readers), options)
    except SegconvError as error:
        collect(findings, error)


def _judge(facts: Sequence[MaskFacts], coding: str, masks: MaskSet) -> None:
    """Judge the coding of masks that nobody declared."""
    indexed = {shown(path, masks.root) for path in masks.with_palettes()} if coding == GRAY else set()
    palettes = [mask for mask in facts if mask.file in indexed]
    refuse_other_palettes(palettes)
    masks.findings.extend(judge_polarity(masks.white_is_zero(palettes), "mask"))


def _judge_undeclared(facts: Sequence[MaskFacts], coding: str, masks: MaskSet, options: ConvertOptions) -> int | None:
    """Judge the values of masks that nobody declared; of colours, return the one that most of the border has."""
    whole = masks.whole()
    labels = [mask for mask in facts if mask.file in whole]
    if coding != GRAY:
        return ground_of(labels)

    if not options.accept_labels:
        indexed = {shown(path, masks.root) for path in masks.with_palettes()}
        refuse_ground_elsewhere([mask for mask in labels if mask.file in indexed], ground_of(labels))
    look = Look(
        lambda void: masks.pieces([whole[mask.file] for mask in labels], void),
        lambda files, void: masks.extents([whole[file] for file in files], void),
    )
    judge_guess(labels, look, mapped_values(options), accepted=options.accept_labels)
    return None


def _judge_declared(coding: str, masks: MaskSet, options: ConvertOptions) -> None:
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
    if plateaus := _plateaus(found):
        error.message += f"; most pixels are {in_words(plateaus)}, as in masks that were smoothed or resized"
        error.hint = (
            f"export the masks without smoothing: an edge between {plateaus[0]} and {plateaus[-1]} passes through"
            f" {plateaus[1]}, so that no --snap takes it for what it is"
        )
        return
    *classes, last = sorted(found)
    drawn = sum(found[value].pixels for value in classes[1:])
    if last != VOID or classes[:1] != [0] or len(classes) < 2 or classes[-1] >= VOID // 2 or is_alone(VOID, masks):
        return
    if found[VOID].pixels < drawn:  # as an edge that nobody is sure of; what is drawn larger may well be a class
        names = ",".join([f"{BACKGROUND}=0", *(f"class_{value}={value}" for value in classes[1:])])
        error.hint = (
            f"{VOID} often says that nobody knows: --labels {names},{IGNORE}={VOID} leaves it out of training;"
            f" --labels {names},class_{VOID}={VOID} if it is a class"
        )


def _plateaus(found: Mapping[int, _Seen]) -> list[int]:
    """Return the few values that nearly all pixels have, if masks hold many more between them; otherwise nothing."""
    total = sum(seen.pixels for seen in found.values())
    usual = statistics.median(seen.pixels for seen in found.values())
    often = sorted(value for value, seen in found.items() if seen.pixels >= A_PLATEAU * usual)
    between = [value for value in found if often and often[0] < value < often[-1] and value not in often]
    shared = sum(found[value].pixels for value in often) / total
    return often if 3 <= len(often) <= FEW_VALUES < len(between) and shared > MOSTLY_SOLID else []


def _smoothed(found: Mapping[int, _Seen]) -> int | None:
    """Return the value of what was drawn, if masks hold many values and nearly all pixels are 0 or that one."""
    if len(found) <= FEW_VALUES:
        return None
    often = sorted(found, key=lambda value: found[value].pixels, reverse=True)[:2]
    shared = sum(found[value].pixels for value in often) / sum(seen.pixels for seen in found.values())
    return max(often) if min(often) == 0 and shared > BLURRED else None
