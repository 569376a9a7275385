"""Check that picture slices are coded alike: the meaning of an index, and of black, in each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...dataset.labels import GRAY
from ...errors import SegconvError
from ...image import raster
from ...image.picture import PictureHeader
from ..model import STACK, SourceCase
from ..survey import Survey
from .declared import Declared
from .set_coding import judge_polarity


def judge_slices(survey: Survey, cases: Sequence[SourceCase]) -> None:
    """Report image or label slices that are not coded alike over all cases, and white stored as 0."""
    images = _headers((case, path) for case in cases for path in case.images)
    greys = {survey.shown(path): head.white_is_zero for path, head in images.items() if head.kind == "gray"}
    survey.add(judge_polarity(greys, "picture"))
    labels = _headers((case, case.label) for case in cases if case.label is not None)
    if labels:
        _judge_labels(survey, cases, labels)


def _judge_labels(survey: Survey, cases: Sequence[SourceCase], labels: Mapping[str, PictureHeader]) -> None:
    from .lossy import judge_lossy
    from .mask_set import MaskSet
    from .picture_labels import judge_declared

    judge_lossy(survey, labels)
    slices = [cases[0]._replace(images=(), label=path, parts={}) for path in labels]
    declared = Declared.of(survey.options.labels) if survey.options.labels is not None else None
    with survey.judging():
        judge_declared(declared.coding if declared is not None else GRAY, MaskSet(survey, slices, labels))


def _headers(units: Iterable[tuple[SourceCase, str]]) -> Mapping[str, PictureHeader]:
    """Return the headers of all slices; unreadable ones are reported where all headers are judged."""
    found: dict[str, PictureHeader] = {}
    for case, unit in units:
        for path in case.files_of(unit) if case.form(unit) == STACK else ():
            try:
                found[path] = raster.probe_file(path)
            except SegconvError:
                continue
    return found
