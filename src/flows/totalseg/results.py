"""The files that go with results: their lineage and a list of images and labels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...convert.model import SERIES, SourceCase
from ...dataset import lineage
from ...dataset.lineage import SEGMENTED, CaseRecord
from ...dataset.runs import NewRun
from ...errors import Finding
from ...train.totalsegmentator.weights import spacing_mm
from ...work import fsops
from ...work.run import Finish, Result
from ...work.staging import Staged
from ...work.writing import writing
from .case import MADE_BY
from .earlier import REQUEST
from .plan import Segmentation

PAIRS = "pairs.csv"
"""Image and label of each case, relative to this file: the list that a conversion takes."""
LOG = f"{lineage.FOLDER}/totalsegmentator.log"
"""What TotalSegmentator wrote."""


def finishing(planned: Segmentation, logs: Sequence[Path]) -> Finish:
    """Return the function that writes everything but the results themselves.

    Parameters
    ----------
    logs
        The files of what the processes wrote; those that exist are kept.
    """
    images = _images(planned)

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        rows: list[tuple[str, str, str]] = []
        made_by: list[Mapping[str, Any]] = []

        def lines() -> Iterator[bytes]:
            for result in results:
                record = CaseRecord.of_result(result)
                rows.append(_row(images, record))
                made_by.extend(said for said in result.record[MADE_BY] if said not in made_by)
                yield record.to_line()

        staged.write_lines(lineage.CASES, lines())
        if not planned.masks:
            staged.write(PAIRS, _table(rows))
        if log := b"".join(path.read_bytes() for path in logs if path.is_file()):
            staged.write(LOG, log)
        staged.write(lineage.RUN, _run(planned, made_by, staged).to_bytes())
        return []

    return finish


def restore_pairs(planned: Segmentation, records: Mapping[str, CaseRecord]) -> None:
    """Write the list of images and labels of a finished run again, if someone removed it."""
    path = planned.plan.target.path / PAIRS
    if planned.masks or os.path.lexists(path):
        return
    images = _images(planned)
    rows = [_row(images, records[case]) for case in images if case in records]
    with writing(path):
        fsops.write_atomic(path, _table(rows))


def _images(planned: Segmentation) -> dict[str, str]:
    """Return case → its image, relative to the output, in the order of the plan."""
    output = planned.plan.target.path
    return {item.case: os.path.relpath(_image(item.payload.image.source), output) for item in planned.plan.items}


def _row(images: Mapping[str, str], record: CaseRecord) -> tuple[str, str, str]:
    return images[record.case], record.targets[0]["path"], record.original_name


def _image(case: SourceCase) -> str:
    """Return the path of the image of a case; of a series, that of its folder."""
    image = case.images[0]
    return os.path.dirname(case.files_of(image)[0]) if case.form(image) == SERIES else image


def _table(rows: Iterable[tuple[str, str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("image", "label", "case"), *rows])
    return text.getvalue().encode("utf-8", "surrogateescape")


def _run(planned: Segmentation, made_by: Sequence[Mapping[str, Any]], staged: Staged) -> NewRun:
    request = planned.request
    return NewRun(
        command=SEGMENTED,
        options={
            REQUEST: planned.plan.key,
            MADE_BY: made_by,
            "models": [model.name for model in planned.models],
            "resampled_to_mm": spacing_mm(request.task, request.mode),
            "modality": planned.why,
        },
        source={"kind": SEGMENTED, "name": planned.plan.source_root.name},
        label_map={str(value): value for value in (0, *request.classes)},
        label_file=planned.plan.items[0].payload.result.stored,
        findings=[finding.as_json() for finding in planned.plan.warnings],
        files=staged.targets,
    )
