"""Labels of masks stored as pictures: declared, or found in all masks before the first case is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.labels import BACKGROUND, GRAY, RGB
from ...errors import SegconvError
from ...image.picture import PictureHeader
from ...image.picture_headers import PictureHeaders
from ..model import SourceCase
from ..survey import Survey
from .apart import settled_apart
from .choices import declaring
from .declared import Declared, Found
from .declared_beside import Beside, declared_beside
from .labelling import mapped_values, settle
from .mask_facts import MaskFacts, values_of
from .mask_set import MaskSet, refuse_colours
from .numbered_objects import Look
from .rarest import name_rarest, refuse_smoothed
from .set_coding import judge_polarity, refuse_ground_elsewhere, refuse_other_palettes, warn_of_other_palettes
from .set_values import ground_of, judge_guess, refuse_declared_ground, refuse_listed_ground
from .tool_tables import in_use

MOST_OBJECTS = 40
"""Colours that a hint unites, at most."""


def table_of_pictures(survey: Survey, cases: Sequence[SourceCase], headers: Mapping[str, PictureHeader]) -> LabelTable:
    """Return the labels of masks; report everything unsettled as findings, so that all appear at once."""

    def settle_read(own: Survey, some: Sequence[SourceCase]) -> LabelTable:
        complete = isinstance(headers, PictureHeaders) and headers.complete
        read = some if complete else [case for case in some if all(file in headers for file in case.label_files)]
        return _table(own, read, headers) if read or not some else UNSETTLED

    return settled_apart(survey, cases, settle_read, UNSETTLED)


def _table(survey: Survey, cases: Sequence[SourceCase], headers: Mapping[str, PictureHeader]) -> LabelTable:
    masks = MaskSet(survey, cases, headers)
    settled: LabelTable | None = None
    with survey.judging():
        if survey.options.labels is not None:
            settled = _of_options(Declared.of(survey.options.labels), masks)
        elif (beside := declared_beside(survey, cases, in_colours=masks.in_colours)) is not None:
            settled = _of_tables(beside, masks)
        elif cases and all(case.label is None for case in cases):
            raise SegconvError(
                "no case has a label, and nothing else tells which labels there are",
                code="SC074",
                hint="declare them as the model has them that is to predict the cases",
                cures=(declaring({BACKGROUND: 0, "NAME": 1}),),
            )
        elif not survey.failed:
            settled = _of_masks(masks)
    return settled if settled is not None else UNSETTLED


def _of_options(declared: Declared, masks: MaskSet) -> LabelTable | None:
    """Return the labels that the user declared; None if a mask was refused."""
    options = masks.survey.options
    judge_declared(declared.coding, masks)
    found: set[int] | None = None
    if declared.needs_files(options) and not masks.survey.failed:
        facts, coding = masks.facts()
        refuse_colours(coding)
        refuse_declared_ground(facts, declared.ground(options))
        found = values_of(facts)
    if masks.survey.failed:
        return None
    if declared.long and found is not None:
        options = replace(options, labels=in_use(options.labels or {}, found))
    needed = found is not None and declared.needs_values(options)
    return settle(options, None, Found(found or ()) if needed else None)


def _of_tables(beside: Beside, masks: MaskSet) -> LabelTable | None:
    """Return the labels that tables next to masks declare, checked against the masks; None if one was refused."""
    declared, options = beside.declared, masks.survey.options
    judge_declared(declared.coding, masks)
    facts = masks.facts_in(declared.coding) if not masks.survey.failed else []
    if masks.survey.failed:
        return None
    found = values_of(facts)
    refuse_listed_ground(facts, declared, beside.where, options)
    if declared.coding == GRAY:
        refuse_declared_ground(facts, declared.ground(options))
        declared = replace(declared, other_ground=bool(facts))
    if beside.occurring:
        declared = replace(declared, names={n: v for n, v in declared.names.items() if v in {*found, 0}})
    return settle(options, declared, Found(found))


def _of_masks(masks: MaskSet) -> LabelTable | None:
    """Return undeclared labels from the values in all masks; None if a mask was refused."""
    survey = masks.survey
    facts, coding = masks.facts()
    if coding == GRAY and masks.in_colours:  # only the headers suggested colours; a list of classes counts after all
        beside = declared_beside(survey, masks.cases, in_colours=False)
        if beside is not None:
            return _of_tables(beside, masks)
    try:
        return _settled(facts, coding, masks)
    except SegconvError as error:
        if not error.file and error.code in ("SC074", "SC078"):
            name_rarest(error, facts, coding)
        raise


def _settled(facts: Sequence[MaskFacts], coding: str, masks: MaskSet) -> LabelTable | None:
    """Judge the coding and values of masks and return their labels; None if a mask was refused."""
    survey = masks.survey
    _judge_coding(facts, coding, masks)
    ground = _judge_values(facts, coding, masks) if not survey.failed else None
    if survey.failed:
        return None
    once = _in_one_mask(facts) if coding == RGB else ()
    settled = settle(survey.options, None, Found(values_of(facts), coding, ground, once))
    if coding == GRAY and not survey.options.accept_labels:
        refuse_smoothed(facts)
    return settled


def _in_one_mask(masks: Sequence[MaskFacts]) -> set[int]:
    """Return the colours that occur in only one mask each, if they average at least two per mask; otherwise nothing."""
    times = Counter(value for mask in masks for value in mask.counts)
    once = {value for value, number in times.items() if number == 1}
    return once if len(masks) > 1 and 2 * len(masks) <= len(once) <= MOST_OBJECTS else set()


def _judge_coding(facts: Sequence[MaskFacts], coding: str, masks: MaskSet) -> None:
    """Judge the coding of undeclared masks."""
    palettes = masks.indexed(facts) if coding == GRAY else []
    refuse_other_palettes(palettes)
    masks.survey.add(judge_polarity(masks.white_is_zero(palettes), "mask"))


def _judge_values(facts: Sequence[MaskFacts], coding: str, masks: MaskSet) -> int | None:
    """Judge the values of undeclared masks; for colours, return the one on most of the border."""
    labels = masks.complete(facts)
    if coding != GRAY:
        return ground_of(labels)
    options = masks.survey.options
    if not options.accept_labels:
        refuse_ground_elsewhere(masks.indexed(labels), ground_of(labels))
    look = Look(lambda void: masks.pieces(labels, void), masks.extents)
    judge_guess(labels, look, mapped_values(options), accepted=options.accept_labels)
    return None


def judge_declared(coding: str, masks: MaskSet) -> None:
    """Judge the coding of masks with declared labels; a declaration by index says nothing about their palettes."""
    palettes = masks.of_palettes() if coding == GRAY else []
    if masks.survey.options.labels is not None and masks.survey.options.accept_labels:
        masks.survey.add(warn_of_other_palettes(palettes))
    else:
        refuse_other_palettes(palettes)
    masks.survey.add(judge_polarity(masks.white_is_zero(palettes), "mask"))
