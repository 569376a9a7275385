"""Labels of volumes that nobody declared: found in the values of all files, before the first case is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.labels import BACKGROUND
from ...errors import Finding, SegconvError, naming
from ...image import volumes
from ...image.pieces import Extent, count_pieces, extents
from ...image.voxels import MOST_VALUES, border_counts, label_values
from ...work.readers import Readers
from ..model import FRAME, INSTANCES, SERIES, STACK, ConvertOptions, SourceCase, collect
from ..source_files import read_source, shown
from ..volumes.frames import frame_of
from .coding import MOST_SNAPPED
from .labelling import Declared, in_values, mapped_values, settle
from .mask_facts import MaskFacts
from .numbered_objects import Look
from .picture_file import mask_codes, open_picture
from .read_ahead import read_labels
from .set_values import judge_guess, refuse_declared_ground, refuse_listed_ground
from .tool_tables import MANY, in_use, tables_beside
from .united_volumes import parts_united

R = TypeVar("R")


def label_map_of(
    cases: Sequence[SourceCase],
    root: Path,
    findings: list[Finding],
    notes: list[str],
    options: ConvertOptions,
    readers: Readers,
) -> LabelTable:
    """Return the label map; what cannot be settled becomes a finding, so that all are reported at once."""
    labels = _Labels(cases, root, findings, options, readers)
    found: set[int] | None = None
    try:
        declared = Declared.of(options.labels) if options.labels is not None else None
        table = tables_beside(cases, root, notes) if declared is None else None
        long = declared is not None and len(declared.names) > MANY and not declared.ranges
        if (declared is None or long or declared.needs_values(options)) and labels.usable:
            facts = labels.facts(MOST_SNAPPED if declared is not None else MOST_VALUES)
            found = {value for label in facts for value in label.counts}
            if labels.usable and table is None:
                _judge(declared, facts, labels, options)
            elif labels.usable and table is not None:
                refuse_listed_ground(facts, Declared.of(in_use(table[0], found)), table[1][0], options)
        if labels.usable and found is not None and (long or table is not None):
            names, where = table if table is not None else (options.labels or {}, ["--labels"])
            used = replace(options, labels=in_use(names, found))
            guessed = f"{' and '.join(where)}, of which the values count that occur"
            return replace(in_values(settle(used, None, found)), guessed=guessed)
        if labels.usable:
            label_map = settle(options, None, found)
            stacks = any(case.form(case.label) == STACK for case in cases if case.label is not None)
            return label_map if stacks else in_values(label_map)
        if declared is not None and not declared.needs_values(options):
            return settle(options, None, None)
    except SegconvError as error:
        collect(findings, error)
    return UNSETTLED


def _judge(declared: Declared | None, facts: Sequence[MaskFacts], labels: _Labels, options: ConvertOptions) -> None:
    if declared is not None:
        refuse_declared_ground(facts, declared.ground(options))
        return
    judge_guess(facts, Look(labels.pieces, labels.extents), mapped_values(options), accepted=options.accept_labels)


@dataclass(frozen=True)
class _Labels:
    """All labels of a set of volumes."""

    cases: Sequence[SourceCase]
    root: Path
    findings: list[Finding]
    options: ConvertOptions
    readers: Readers

    @property
    def usable(self) -> bool:
        """Whether nothing was refused yet."""
        return not any(finding.severity == "error" for finding in self.findings)

    def facts(self, most: int) -> list[MaskFacts]:
        """Read all labels: a guess needs the values of all before the first case is written."""

        def facts_of(case: SourceCase) -> MaskFacts:
            return _facts_of(shown(str(case.label), self.root), self._parts(case))

        found: list[MaskFacts] = []
        values: set[int] = set()
        for facts in self._read(facts_of):
            found.append(facts)
            values.update(facts.counts)
            if len(values) > most:
                raise SegconvError(
                    f"up to here the labels hold more than {most} different values, as images or numbered objects do,"
                    " expected one a class",
                    code="SC078",
                    file=facts.file,
                    hint="check which of the files are the labels;"
                    f" --labels {BACKGROUND}=0,object=1- makes one class of numbered objects",
                )
        return found

    def pieces(self, void: int) -> int:
        """Return how many connected pieces of one value all labels hold."""
        return sum(self._read(lambda case: sum(count_pieces(part, void) for part in self._parts(case))))

    def extents(self, files: Sequence[str], void: int) -> Iterator[Mapping[int, Extent]]:
        """Yield where each value of some labels lies."""
        wanted = set(files)

        def extents_of(case: SourceCase) -> Mapping[int, Extent]:
            parts = list(self._parts(case))
            return extents(parts[0] if len(parts) == 1 else np.stack(parts), void)

        cases = [case for case in self.cases if shown(str(case.label), self.root) in wanted]
        yield from self._read(extents_of, cases)

    def _read(self, read: Callable[[SourceCase], R], cases: Sequence[SourceCase] | None = None) -> Iterator[R]:
        def named(case: SourceCase) -> R:
            with naming(shown(str(case.label), self.root)):
                return read(case)

        return read_labels(
            self.cases if cases is None else cases, named, self.root, self.findings, self.options, self.readers
        )

    def _parts(self, case: SourceCase) -> Iterator[NDArray[Any]]:
        """Yield the values of a label: of a stack a slice after the other, of all others the whole."""
        path = str(case.label)
        if case.form(path) == INSTANCES:
            masks = case.parts[path].files
            read = (part for file in masks for part in self._parts_of(case, file))
            yield from parts_united(read, [shown(file, self.root) for file in masks])
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
            companion = read_source(files[1]) if len(files) > 1 else None
            ending = volumes.ending_of(path) or ""
            label = volumes.decode(read_source(files[0]), ending, companion, self.options.read_options)
            if case.form(path) == FRAME:
                label = frame_of(label, case.parts[path])
            yield label.values


def _facts_of(file: str, parts: Iterable[NDArray[Any]]) -> MaskFacts:
    counts: dict[int, int] = {}
    border: dict[int, int] = {}
    for part in parts:
        for total, own in ((counts, label_values(part)), (border, border_counts(part))):
            for value, number in own.items():
                total[value] = total.get(value, 0) + number
    return MaskFacts(file, counts, border)
