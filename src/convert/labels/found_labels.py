"""Undeclared labels of volumes, found in the values of all files before the first case is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.labels import BACKGROUND
from ...dataset.numbering import Numbering
from ...errors import Cure, SegconvError, naming
from ...image import volumes
from ...image.pieces import Extent, count_pieces, extents
from ...image.voxels import MOST_VALUES, border_counts, label_values
from ..model import DETACHED, FRAME, INSTANCES, SERIES, STACK, ConvertOptions, SourceCase
from ..source_files import read_source
from ..survey import Survey
from ..volumes.frames import frame_of
from .apart import settled_apart
from .choices import declaring
from .coding import MOST_SNAPPED
from .declared import Declared, Found
from .labelling import in_values, mapped_values, settle
from .mask_facts import MaskFacts, values_of
from .numbered_objects import Look
from .picture_file import mask_codes, open_picture
from .read_ahead import read_labels
from .self_named import IN_HEADERS, names_in_files, names_of, proved, refuse_unnamed
from .set_values import judge_guess, refuse_declared_ground, refuse_listed_ground
from .tool_tables import in_use, tables_beside
from .united_volumes import parts_united

R = TypeVar("R")

MANY_CLASSES = 12
"""Label maps with more values are probably those of a tool that segments everything it knows."""

NAMELESS: Mapping[int, str] = {}
"""Of a file that names no values."""


def table_of_volumes(survey: Survey, cases: Sequence[SourceCase]) -> LabelTable:
    """Return the labels of volumes; report everything unsettled as findings, so that all appear at once."""
    return settled_apart(survey, cases, _table, UNSETTLED)


def _table(survey: Survey, cases: Sequence[SourceCase]) -> LabelTable:
    labels = _Labels(survey, cases)
    settled: LabelTable | None = None
    with survey.judging():
        if survey.options.numbering is not None:
            settled = _of_tool(survey.options.numbering, labels)
        elif survey.options.labels is not None:
            settled = _of_options(Declared.of(survey.options.labels), labels)
        elif (table := tables_beside(survey, cases)) is not None:
            settled = _of_tables(*table, labels)
        elif not survey.failed:
            settled = _of_values(labels)
    return settled if settled is not None else UNSETTLED


def _of_options(declared: Declared, labels: _Labels) -> LabelTable | None:
    """Return the labels that the user declared; None if a label file was refused."""
    survey = labels.survey
    options, needed = survey.options, declared.needs_values(survey.options)
    found: set[int] | None = None
    if declared.needs_files(options) and not survey.failed:
        facts = labels.facts(MOST_SNAPPED)
        found = values_of(facts)
        if not survey.failed:
            refuse_declared_ground(facts, declared.ground(options))
    if survey.failed:
        return None if needed else settle(options, None, None)
    if declared.long and found is not None:
        return _of_those_in_use(options.labels or {}, ["the labels declared"], found, options)
    return labels.in_values(settle(options, None, Found(found) if found is not None else None))


def _of_tables(names: Mapping[str, int | str], where: Sequence[str], labels: _Labels) -> LabelTable | None:
    """Return the labels that tables next to the files declare; None if a label file was refused."""
    survey = labels.survey
    facts = labels.facts(MOST_VALUES) if not survey.failed else []
    if survey.failed:
        return None
    found = values_of(facts)
    refuse_listed_ground(facts, Declared.of(in_use(names, found)), where[0], survey.options)
    return _of_those_in_use(names, where, found, survey.options)


def _of_those_in_use(
    names: Mapping[str, int | str], where: Sequence[str], found: set[int], options: ConvertOptions
) -> LabelTable:
    used = in_use(names, found)
    settled = in_values(settle(replace(options, labels=used), None, Found(found)))
    guessed = f"{' and '.join(where)}, of which the values count that occur"
    return replace(settled, guessed=guessed, absent=tuple(name for name in names if name not in used))


def _of_tool(numbering: Numbering, labels: _Labels) -> LabelTable | None:
    """Return the labels of a tool whose numbering the user names; None if a label file was refused."""
    survey = labels.survey
    facts = labels.facts(MOST_VALUES) if not survey.failed else []
    if survey.failed:
        return None
    survey.note(proved(facts, numbering))
    return _of_names(names_of(numbering), numbering.of, facts, survey.options)


def _of_names(
    names: Mapping[str, int | str], where: str, facts: Sequence[MaskFacts], options: ConvertOptions
) -> LabelTable:
    """Return the labels that files or tools name, of which the values count that occur."""
    found = values_of(facts)
    named = set(names.values()) | mapped_values(options)
    if options.accept_labels:
        names = {**names, **{f"class_{value}": value for value in sorted(found - named)}}
    else:
        refuse_unnamed(facts, named, where)
    refuse_listed_ground(facts, Declared.of(in_use(names, found)), where, options)
    return replace(_of_those_in_use(names, [where], found, options), guessed="")


def _of_values(labels: _Labels) -> LabelTable | None:
    """Return undeclared labels from the values in all files; None if a file was refused."""
    survey = labels.survey
    facts = labels.facts(MOST_VALUES)
    if survey.failed:
        return None
    names = names_in_files(facts)
    if names is not None:
        survey.note(f"labels are declared by {IN_HEADERS}, of which the values count that occur")
        return _of_names(names, IN_HEADERS, facts, survey.options)
    look = Look(labels.pieces, labels.extents)
    judge_guess(facts, look, mapped_values(survey.options), accepted=survey.options.accept_labels)
    found = values_of(facts)
    try:
        return labels.in_values(settle(survey.options, None, Found(found)))
    except SegconvError as error:
        if error.code == "SC074" and len(found) > MANY_CLASSES:
            error.advise(error.hint, (Cure("declare_numbering"), *error.cures))
        raise


@dataclass(frozen=True)
class _Labels:
    """All labels of a set of volumes."""

    survey: Survey
    cases: Sequence[SourceCase]

    def in_values(self, table: LabelTable) -> LabelTable:
        """Return the table unchanged; refuse one of colours unless some labels are pictures, which can hold them."""
        stacks = any(case.form(case.label) == STACK for case in self.cases if case.label is not None)
        return table if stacks else in_values(table)

    def facts(self, most: int) -> list[MaskFacts]:
        """Read all labels: a guess needs the values of every case before the first is written."""
        found: list[MaskFacts] = []
        values: set[int] = set()
        for facts in self._read(self._facts_of):
            # Tables of a tool are long and equal: keep one of them.
            same = found[-1].names if found and found[-1].names == facts.names else facts.names
            found.append(replace(facts, names=same))
            values.update(facts.counts)
            if len(values) > most:
                raise SegconvError(
                    f"up to here the labels hold more than {most} different values, as images or numbered objects do,"
                    " expected one per class",
                    code="SC078",
                    file=facts.file,
                    hint="check which of the files are the labels",
                    cures=(declaring({BACKGROUND: 0, "object": "1-"}, "they are numbered objects of one class"),),
                )
        return found

    def _facts_of(self, case: SourceCase) -> MaskFacts:
        path = str(case.label)
        file = self.survey.shown(path)
        if case.form(path) in (None, DETACHED):
            volume = self._volume(case, path)
            return _facts_of(file, [volume.values], volume.label_names)
        return _facts_of(file, self._parts(case))

    def pieces(self, void: int) -> int:
        """Return the number of connected pieces of a single value in all labels."""
        return sum(self._read(lambda case: sum(count_pieces(part, void) for part in self._parts(case))))

    def extents(self, files: Sequence[str], void: int) -> Iterator[Mapping[int, Extent]]:
        """Yield the location of each value in some labels."""
        wanted = set(files)

        def extents_of(case: SourceCase) -> Mapping[int, Extent]:
            parts = list(self._parts(case))
            return extents(parts[0] if len(parts) == 1 else np.stack(parts), void)

        cases = [case for case in self.cases if self.survey.shown(str(case.label)) in wanted]
        yield from self._read(extents_of, cases)

    def _read(self, read: Callable[[SourceCase], R], cases: Sequence[SourceCase] | None = None) -> Iterator[R]:
        def named(case: SourceCase) -> R:
            with naming(self.survey.shown(str(case.label))):
                return read(case)

        return (found for _, found in read_labels(self.survey, self.cases if cases is None else cases, named))

    def _parts(self, case: SourceCase) -> Iterator[NDArray[Any]]:
        """Yield the values of a label: a stack slice by slice, any other label at once."""
        path = str(case.label)
        if case.form(path) == INSTANCES:
            masks = case.parts[path].files
            read = (part for file in masks for part in self._parts_of(case, file))
            yield from parts_united(read, [self.survey.shown(file) for file in masks])
        else:
            yield from self._parts_of(case, path)

    def _parts_of(self, case: SourceCase, path: str) -> Iterator[NDArray[Any]]:
        files = case.files_of(path)
        if case.form(path) == STACK:
            for file in files:
                opened = open_picture(read_source(file))
                yield opened.stored if opened.header.pages > 1 else mask_codes(opened, "gray")
        elif case.form(path) == SERIES:
            from ...image.formats import dicom

            yield dicom.read_series(files).values
        else:
            label = self._volume(case, path)
            if case.form(path) == FRAME:
                label = frame_of(label, case.parts[path])
            yield label.values

    def _volume(self, case: SourceCase, path: str) -> volumes.DecodedVolume:
        """Return a label that is one volume, in one file or two."""
        file, *companion = case.files_of(path)
        data = read_source(companion[0]) if companion else None
        return volumes.decode(read_source(file), path, data, self.survey.options.read_options)


def _facts_of(file: str, parts: Iterable[NDArray[Any]], names: Mapping[int, str] = NAMELESS) -> MaskFacts:
    counts: Counter[int] = Counter()
    border: Counter[int] = Counter()
    for part in parts:
        counts.update(label_values(part))
        border.update(border_counts(part))
    return MaskFacts(file, counts, border, names=names)
