"""Check that a label is on its image's grid and holds declared values that nnU-Net reads unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from ...errors import Cure, Finding, SegconvError, warning
from ...image.opened import Header
from ...image.voxels import label_values, position
from ...words import count_of, some_of
from .case_report import CaseReport, Rules
from .grid_check import IMAGE, judge_place
from .looked import Looked
from .readers import judge_dimensions

_NAMED_VALUES = 5


def judge_label(name: str, looked: Looked, first: Header | None, rules: Rules, report: CaseReport) -> Iterator[Finding]:
    """Yield the findings on a label, and add its facts to the report.

    Parameters
    ----------
    name, looked
        The file.
    first
        The header of the first image of the case, if it can be read.

    Raises
    ------
    SegconvError
        ``SC073`` and ``SC078`` for masks whose stored values nnU-Net's readers do not return; what
        `label_values` raises.
    """
    header, opened = looked.header, looked.opened
    if first is not None:
        yield from judge_place(name, header, first, IMAGE)
    _refuse_unfit(header)
    yield from judge_dimensions(name, header, rules.readers, rules.ending)
    if opened is None:
        return
    values = opened.label().array
    counts = label_values(values)
    report.coded.add_label(header, values, counts, opened.palette)
    yield from _judge_values(name, values, counts, rules, report)


def _judge_values(
    name: str, values: NDArray[Any], counts: Mapping[int, int], rules: Rules, report: CaseReport
) -> Iterator[Finding]:
    """Yield the findings on the values of a label of any shape; count how often each occurs."""
    report.label_voxels = {value: number for value, number in counts.items() if rules.declares(value)}
    if undeclared := [value for value in counts if value not in report.label_voxels]:
        yield _undeclared(name, undeclared, counts, values)
    elif rules.learned.isdisjoint(counts) and (rules.values is not None or set(counts) == {0}):
        what = "background" if set(counts) == {0} else "background and ignore"
        yield warning("SC075", f"holds only {what}", file=name)


def _undeclared(name: str, undeclared: list[int], counts: Mapping[int, int], values: NDArray[Any]) -> Finding:
    found = some_of((f"{value} ({count_of(counts[value], 'voxel')})" for value in undeclared), _NAMED_VALUES)
    return Finding(
        "SC070",
        f"holds undeclared values: {found}, the first at {position(values == undeclared[0])}",
        file=name,
        hint="declare them in dataset.json",
        cures=(Cure.of("rewrite_mapped"),),
    )


def _refuse_unfit(header: Header) -> None:
    """Refuse labels whose stored values nnU-Net's readers change."""
    code, hint = "SC078", "export one grey value per class"
    if not header.scalar:
        code, problem = "SC073", ", expected a label of one value per voxel"
        hint = "merge the channels into one label map" if header.placed else hint
    elif header.kind == "palette" and header.format != "TIFF":
        problem = ": nnU-Net's reader makes three channels of colour of it"
    elif header.depth in (2, 4):
        problem = ": nnU-Net's reader scales its values to 0…255"
    else:
        return
    cures = () if header.placed else (Cure.of("rewrite"),)
    raise SegconvError(f"is {header}{problem}", code=code, hint=hint, cures=cures)
