"""Labels that are 3D Slicer segmentations, by their headers, whatever the ending: classes by name.

The value of a segment may differ from case to case; its name decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ...errors import Cure, SegconvError, naming
from ...image.read_options import ANY_AXES
from ...image.segment import ENDING as SEGMENTATION
from ...image.segment import is_segmentation
from ..find.mask_folders import wanted_name
from ..model import SEGMENTS, Parts, SourceCase
from ..source_files import read_head
from ..survey import Survey

_BETWEEN = re.compile(r"[\s_-]+")
_UNNAMED = re.compile(r"segment(ation)?[ _-]?\d*", re.IGNORECASE)
"""Names that 3D Slicer gives to segments that the user has not named."""


def describes_segments(path: str) -> bool:
    """Return whether a file is a 3D Slicer segmentation by its header, or by its name if it cannot be read."""
    if not path.lower().endswith(".nrrd"):
        return False
    from ...image.formats import nrrd, segmentation

    try:
        # The positions of its segments are judged when they are read.
        return segmentation.is_segmentation(nrrd.read_header(read_head(path, nrrd.HEAD_LIMIT + 1), ANY_AXES))
    except SegconvError:
        return is_segmentation(path)


def _is_segmented(case: SourceCase) -> bool:
    """Return whether a label is a segmentation in one file."""
    return case.label is not None and case.label not in case.parts and describes_segments(case.label)


def with_segments(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase] | None:
    """Return the cases of a source whose labels are segmentations, one file each; None if they are not.

    An error in one, such as a label map among segmentations, becomes a finding.
    """
    segmented = {case.case for case in cases if _is_segmented(case)}
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
            with survey.judging(case.label):
                parts = {**case.parts, **parts_of([case.label], case.label)}
                # Its file keeps its name, in the case's folder.
                found.append(case._replace(label_name=None, parts=parts))
    judge_raters(survey, found)
    return found


def parts_of(files: Sequence[str], label: str, wanted: str | None = None) -> dict[str, Parts]:
    """Return the segmentations of a case as parts of its label.

    Parameters
    ----------
    wanted
        The names of the classes that the user takes; see `wanted_name`.

    Raises
    ------
    SegconvError
        ``SC085`` if two files hold a segment of the same name; and the errors of `segment_names`.
    """
    from ...image.formats import nrrd
    from ..write.segments import segment_names

    own: list[list[str]] = []
    for file in files:
        with naming(file):
            own.append(segment_names(read_head(file, nrrd.HEAD_LIMIT + 1)))
    names = [name for of_file in own for name in of_file]
    if len(set(names)) < len(names):
        if not _unnamed(files, own):
            raise _twin(files, own)
        names = [_stem(file) for file in files]
    taken = tuple(name if wanted_name(name, wanted) else "" for name in names)
    return {label: Parts(SEGMENTS, tuple(files), taken)}


def _twin(files: Sequence[str], names: Sequence[Sequence[str]]) -> SegconvError:
    """Return the error for the first name that segments of two files share."""
    counts = Counter(chain.from_iterable(names))
    twice = next(name for name, count in counts.items() if count > 1)
    second = [file for file, own in zip(files, names, strict=True) if twice in own][1]
    return SegconvError(
        f"holds the segment {twice!r}, as another segmentation of the case does",
        code="SC085",
        file=second,
        hint="give them names of their own in 3D Slicer, if they are two classes",
        cures=(Cure.of("name_images_and_masks", masks=f"**/{_name(files[0])}"),),
    )


def _unnamed(files: Sequence[str], names: Sequence[Sequence[str]]) -> bool:
    """Return whether only the names of files say what their segments are."""
    from ..find.raters import raters_in

    plain = all(len(own) == 1 and _UNNAMED.fullmatch(own[0]) for own in names)
    return plain and not raters_in(map(_stem, files))


def _segmented(survey: Survey, cases: Iterable[SourceCase]) -> Iterator[tuple[SourceCase, list[str]]]:
    """Yield the cases whose labels are segmentations, with the names of their segments.

    Yield nothing if the user says which names are classes.
    """
    if survey.options.masks is not None and not survey.options.images:
        return
    for case in cases:
        if (parts := case.label_as(SEGMENTS)) is not None:
            yield case, list(filter(None, parts.names))


def judge_raters(survey: Survey, cases: Iterable[SourceCase]) -> None:
    """Add an error if the names of segments mean several people and no option makes them classes."""
    from ..find.raters import raters_in

    for case, names in _segmented(survey, cases):
        if found := raters_in(names):
            by_name = is_segmentation(str(case.label))
            survey.error(
                "SC003",
                f"holds the segments {', '.join(found[:4])}, which by their names are one label as several people"
                " drew it: which of them is it?",
                file=survey.shown(str(case.label)),
                hint="" if by_name else "delete all but one of them in 3D Slicer",
                cures=(Cure.of("take_class", name=found[0]), Cure.of("take_as_classes", names=found))
                if by_name
                else (),
            )
            return


def judge_spellings(survey: Survey, cases: Iterable[SourceCase]) -> None:
    """Add an error if names of segments differ only in letter case, blanks or hyphens, and no case has two of them."""
    spelled: dict[str, dict[str, SourceCase]] = {}
    together: set[str] = set()
    for case, names in _segmented(survey, cases):
        plain = [_BETWEEN.sub(" ", name).strip().casefold() for name in names]
        together |= {name for name in plain if plain.count(name) > 1}
        for name, own in zip(plain, names, strict=True):
            spelled.setdefault(name, {}).setdefault(own, case)
    several = (spellings for plain, spellings in spelled.items() if len(spellings) > 1 and plain not in together)
    for spellings in several:
        (one, first), (other, second) = list(spellings.items())[:2]
        survey.error(
            "SC003",
            f"holds the segment {other!r}, {survey.shown(str(first.label))} {one!r}: are they one class?",
            file=survey.shown(str(second.label)),
            hint="if so, give them one name in 3D Slicer",
            cures=(Cure.of("take_as_classes", names=list(chain.from_iterable(spelled.values()))),),
        )
        return


def _name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


def _stem(file: str) -> str:
    name = _name(file)
    return name[: -len(SEGMENTATION)] if is_segmentation(name) else name.rsplit(".", 1)[0]
