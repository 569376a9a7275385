"""Labels that are segmentations of 3D Slicer, by their headers and whatever their names end in: their classes by name.

The value of a segment may be another one in each case; its name decides.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import Finding, SegconvError, naming
from ...image.formats import nrrd, segmentation
from ...image.read_options import ANY_AXES
from ..find.mask_folders import is_segmentation, wanted_name
from ..find.raters import raters_in
from ..model import SEGMENTS, ConvertOptions, Parts, SourceCase
from ..source_files import read_head, shown
from ..survey import Survey
from ..write.segments import segment_names

_BETWEEN = re.compile(r"[\s_-]+")
_UNNAMED = re.compile(r"segment(ation)?[ _-]?\d*", re.IGNORECASE)
"""What 3D Slicer calls a segment until somebody does."""


def describes_segments(path: str) -> bool:
    """Return whether a file is a segmentation of 3D Slicer by its header; one that cannot be read by its name."""
    if not path.lower().endswith(".nrrd"):
        return False
    try:
        # Where its segments lie is judged when they are read.
        return segmentation.is_segmentation(nrrd.read_header(read_head(path, nrrd.HEAD_LIMIT + 1), ANY_AXES))
    except SegconvError:
        return is_segmentation(path)


def with_segments(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase] | None:
    """Return the cases of a source whose labels are segmentations, one file each; None if they are not.

    What is wrong with one becomes a finding, such as a label map among segmentations.
    """
    labels = {case.case: str(case.label) for case in cases if case.label is not None and case.form(case.label) is None}
    segmented = {name for name, label in labels.items() if describes_segments(label)}
    if not segmented:
        return None
    found = []
    for case in cases:
        if case.label is None:
            found.append(case)
        elif case.case not in segmented:
            what = "names no segments, which other labels of the source do: values alone say nothing of names"
            hint = "save it as a segmentation in 3D Slicer, or all labels as label maps"
            survey.error("SC074", what, file=survey.shown(case.label), hint=hint)
        else:
            try:
                parts = {**case.parts, **parts_of([case.label], case.label)}
                found.append(
                    replace(case, label_name=None, parts=parts)
                )  # its file keeps its name, in the case's folder
            except SegconvError as error:
                survey.collect(error, survey.shown(case.label))
    survey.add(refused_raters(found, survey.root, survey.options))
    return found


def parts_of(files: Sequence[str], label: str, wanted: str | None = None) -> dict[str, Parts]:
    """Return the segmentations of a case as parts of its label.

    Parameters
    ----------
    wanted
        ``--masks``: the classes to take.

    Raises
    ------
    SegconvError
        ``SC085`` if two files hold a segment of the same name; what `segment_names` raises.
    """
    own: list[list[str]] = []
    for file in files:
        with naming(file):
            own.append(segment_names(read_head(file, nrrd.HEAD_LIMIT + 1)))
    names = [name for of_file in own for name in of_file]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        stems = [_stem(file) for file in files]
        if not all(len(of_file) == 1 and _UNNAMED.fullmatch(of_file[0]) for of_file in own) or raters_in(stems):
            second = [file for file, of_file in zip(files, own, strict=True) if twice in of_file][1]
            raise SegconvError(
                f"holds the segment {twice!r}, as another segmentation of the case does",
                code="SC085",
                file=second,
                hint=f"--images GLOB --masks '**/{_name(files[0])}' takes one of them; give them names of their own in"
                " 3D Slicer, if they are two classes",
            )
        names = stems  # nobody gave them a name but that of the file
    taken = tuple(name if wanted_name(name, wanted) else "" for name in names)
    return {label: Parts(SEGMENTS, tuple(files), taken)}


def refused_raters(cases: Iterable[SourceCase], root: Path, options: ConvertOptions) -> list[Finding]:
    """Return an error if segments are by their names what several people drew, and no option makes them classes."""
    if options.masks is not None and not options.images:
        return []
    for case in cases:
        if case.label is None or case.form(case.label) != SEGMENTS:
            continue
        names = [name for name in case.parts[case.label].names if name]
        if found := raters_in(names):
            listed = ",".join(found)
            return [
                Finding(
                    "SC003",
                    f"holds the segments {', '.join(found[:4])}, which by their names are one label as several people"
                    " drew it: which of them is it?",
                    file=shown(case.label, root),
                    hint=f"--from masks --masks {found[0]} takes one of them; or --from masks --masks {listed} takes"
                    " them as classes"
                    if is_segmentation(case.label)
                    else "delete all but one of them in 3D Slicer",
                )
            ]
    return []


def refused_spellings(cases: Iterable[SourceCase], root: Path, options: ConvertOptions) -> list[Finding]:
    """Return an error if names of segments differ in case, blanks or hyphens only, and no case has two of them.

    ``--masks`` declares that each is a class.
    """
    if options.masks is not None and not options.images:
        return []
    spelled: dict[str, dict[str, SourceCase]] = {}
    together: set[str] = set()
    for case in cases:
        if case.label is None or case.form(case.label) != SEGMENTS:
            continue
        own: set[str] = set()
        for name in filter(None, case.parts[case.label].names):
            plain = _BETWEEN.sub(" ", name).strip().casefold()
            together |= {plain} & own
            own.add(plain)
            spelled.setdefault(plain, {}).setdefault(name, case)
    for plain, names in spelled.items():
        if len(names) > 1 and plain not in together:
            (one, first), (other, second) = list(names.items())[:2]
            where = shown(str(first.label), root)
            every = ",".join(name for found in spelled.values() for name in found)
            return [
                Finding(
                    "SC003",
                    f"holds the segment {other!r}, {where} {one!r}: are they one class?",
                    file=shown(str(second.label), root),
                    hint=f"if so, rename them alike in 3D Slicer; --from masks --masks {shlex.quote(every)} takes each"
                    " for a class",
                )
            ]
    return []


def _name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


def _stem(file: str) -> str:
    name = _name(file)
    return name[: -len(segmentation.ENDING)] if is_segmentation(name) else name.rsplit(".", 1)[0]
