"""Labels of volumes that nobody declared: found in the values of all files, before the first case is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..dataset.labels import BACKGROUND, LabelMap, dense
from ..errors import Finding, SegconvError, naming
from ..image import volumes
from ..image.voxels import MOST_VALUES, label_values
from ..work.readers import Readers
from .frames import frame_of
from .labelling import Declared, in_values, settle
from .pictures import mask_codes, open_picture
from .read_ahead import read_labels
from .source import FRAME, SERIES, STACK, ConvertOptions, SourceCase, collect, read_source, shown
from .tool_tables import MANY, in_use, tables_beside


def label_map_of(
    cases: Sequence[SourceCase], root: Path, findings: list[Finding], options: ConvertOptions, readers: Readers
) -> LabelMap:
    """Return the label map; what cannot be settled becomes a finding, so that all are told at once."""
    found: set[int] | None = None
    try:
        table = None if options.labels is not None else tables_beside(cases, root)
        long = options.labels is not None and len(options.labels) > MANY
        if (options.labels is None or long) and not any(f.severity == "error" for f in findings):
            found = _values(cases, root, findings, options, readers)
        if found is not None and (long or table is not None):
            names, where = table if table is not None else (options.labels or {}, ["--labels"])
            told = f"{' and '.join(where)}, of which the values count that occur"
            options = replace(options, labels=in_use(names, found))
            return replace(in_values(settle(options, None, None)), guessed=told)
        if not any(f.severity == "error" for f in findings):
            label_map = settle(options, None, found)
            stacks = any(case.form(case.label) == STACK for case in cases if case.label is not None)
            return label_map if stacks else in_values(label_map)
        if options.labels is not None:
            return settle(options, Declared.of(options.labels), None)
    except SegconvError as error:
        collect(findings, error)
    return dense({BACKGROUND: 0, "foreground": 1})


def _values(
    cases: Sequence[SourceCase], root: Path, findings: list[Finding], options: ConvertOptions, readers: Readers
) -> set[int]:
    """Return all values of all labels: a guess of the labels needs them before the first case is written."""

    def values_of(case: SourceCase) -> tuple[str, set[int]]:
        path = str(case.label)
        with naming(shown(path, root)):
            return shown(path, root), _values_of(case, path, options)

    found: set[int] = set()
    for file, values in read_labels(cases, values_of, root, findings, options, readers):
        found |= values
        if len(found) > MOST_VALUES:
            raise SegconvError(
                f"up to here the labels hold more than {MOST_VALUES} different values, as images or numbered objects"
                " do, expected one a class",
                code="SC078",
                file=file,
                hint="check which of the files are the labels",
            )
    return found


def _values_of(case: SourceCase, path: str, options: ConvertOptions) -> set[int]:
    """Return the values of one label."""
    files = case.files_of(path)
    if case.form(path) == STACK:
        found: set[int] = set()
        for file in files:
            opened = open_picture(read_source(file))
            codes = opened.decoded if opened.header.pages > 1 else mask_codes(opened, "gray")
            found |= set(label_values(codes))
        return found
    if case.form(path) == SERIES:
        from ..image import dicom

        return set(label_values(dicom.read_series(files).values))
    companion = read_source(files[1]) if len(files) > 1 else None
    ending = volumes.ending_of(path) or ""
    with options.mending.reading():
        label = volumes.decode(read_source(files[0]), ending, companion, options.max_volume)
    if case.form(path) == FRAME:
        label = frame_of(label, case.parts[path])
    return set(label_values(label.values))
