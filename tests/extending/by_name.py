"""A kind of source in one file, see docs/extending.md: ``NAME.scan.nii.gz`` with ``NAME.mask.nii.gz``."""

from __future__ import annotations

from segconv.convert.model import Scan, SourceCase
from segconv.convert.sources.kind import Kind
from segconv.convert.survey import Survey
from segconv.dataset.label_table import LabelTable
from segconv.dataset.labels import Labels
from segconv.dataset.stored_label import StoredLabel

KIND = "by-name"
ENDING = ".nii.gz"
IMAGE, MASK = f".scan{ENDING}", f".mask{ENDING}"


def recognise(survey: Survey) -> str | None:
    """Return what speaks for such a source, or None."""
    return f"files that end in {IMAGE}" if any(survey.root.glob(f"*{IMAGE}")) else None


def scan(survey: Survey) -> Scan:
    """Find the cases; a missing mask is an error."""
    cases = []
    for image in sorted(survey.root.glob(f"*{IMAGE}")):
        name = image.name.removesuffix(IMAGE)
        with survey.judging(image):
            label = survey.resolve(image.with_name(f"{name}{MASK}"))
            cases.append(SourceCase(name, name, (survey.resolve(image),), label))
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=survey.options.channels or ("CT",),
        label_map=LabelTable.identity(Labels({"background": 0, "organ": 1})),
        file_ending=ENDING,
        label_file=StoredLabel(ENDING, "uint8"),
    )


SOURCE = Kind(
    heeds=frozenset(),
    recognise=recognise,
    scan=scan,
)
