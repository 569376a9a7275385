"""Plan and run the combination of classes, for any number of cases."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...dataset.lineage import CaseRecord
from ...dataset.runs import NewRun
from ...errors import Finding, SegconvError, naming, refuse_if_any, warning
from ...image import opened, volumes
from ...image.geometry import Geometry
from ...words import some_of
from ...work.plan import Item, Plan, Target
from ...work.readers import ONE, Readers
from ...work.run import Outcome, Result, execute
from ...work.run_options import USUAL, RunOptions
from ...work.single import write_single
from ...work.staging import Staged
from ..source_files import read_source, shown
from .case import NOTHING, CombineTask, Source, combine_case, combined, refuse_other_grid
from .find import Found

COMMAND = "combine"
EMPTY = "empty"
"""A class without a mask counts as empty."""


@dataclass(frozen=True)
class Wanted:
    """What is made of each case.

    Parameters
    ----------
    classes
        Group → its classes; the groups have the values 1, 2, … in their order.
    values
        Class → its value in the result, in the order in which masks win.
    missing_masks
        `EMPTY`, or None: a case that lacks a class is refused.
    """

    classes: Mapping[str, Sequence[str]]
    values: Mapping[str, int]
    missing_masks: str | None = None

    @property
    def names(self) -> dict[int, str]:
        """Value in the result → group."""
        return dict(enumerate(self.classes, 1))


@dataclass(frozen=True)
class Combination:
    """A planned combination; nothing has been written.

    Parameters
    ----------
    wanted
        What is made.
    plan
        How.
    notes
        What was guessed or left out, in words.
    """

    wanted: Wanted
    plan: Plan
    notes: tuple[str, ...] = ()


def is_file_name(out: Path) -> bool:
    """Return whether an output is a file, by its ending."""
    return volumes.ending_of(out.name) in volumes.WRITABLE


def combination_of(
    root: Path,
    cases: Sequence[Found],
    names: Mapping[str, Mapping[int, str]],
    wanted: Wanted,
    out: Path,
    *,
    readers: Readers = ONE,
    warnings: Sequence[Finding] = (),
) -> Combination:
    """Plan the combination of cases, after judging the headers of all their files.

    Parameters
    ----------
    root, cases
        From `find_cases`.
    names
        File that holds all classes → value → name of the class.
    out
        Folder to make, or a file if it has the ending of one and there is one case.
    readers
        Who reads headers.
    warnings
        Of what led here.

    Raises
    ------
    Refused
        ``SC193`` if a case lacks a class, ``SC082`` or ``SC083`` if its files are on different grids, for all cases.
    SegconvError
        ``SC001`` if several cases are to become one file.
    """
    if is_file_name(out) and len(cases) != 1:
        raise SegconvError(f"{out} is a file, but there are {len(cases)} cases", hint="name a folder to make")
    planned = partial(_task, root=str(root), names=names, wanted=wanted, ending=_ending_of(out))
    findings: list[Finding] = []
    items: list[Item] = []
    for case, task in readers.over(cases, planned, files=_files, decoded=_no_voxels):
        if isinstance(task, SegconvError):
            findings += task.findings
        else:
            items.append(_item(case, task, out))
    refuse_if_any(findings)
    key = {"command": COMMAND, "classes": list(map(list, wanted.classes.items())), "missing": wanted.missing_masks}
    target = Target(out, out.absolute().name, lineage.manifest(COMMAND))
    return Combination(wanted, Plan(target, root, tuple(items), key, tuple(warnings)))


def _ending_of(out: Path) -> str:
    return (volumes.ending_of(out.name) or "") if is_file_name(out) else ""


def _files(case: Found) -> Sequence[str]:
    return case.files


def _no_voxels(_: Found) -> int:
    """Only headers are read."""
    return 0


def _item(case: Found, task: CombineTask, out: Path) -> Item:
    sources = [source for source, _ in task.masks] + ([task.label] if task.label else [])
    paths = tuple(path for source in sources for path in (source.path, source.companion) if path)
    output = out.name if is_file_name(out) else f"{case.case}{task.ending}"
    return Item(case.case, paths, (output,), task, sum(map(reading.size_if_there, paths)))


def _task(
    case: Found, *, root: str, names: Mapping[str, Mapping[int, str]], wanted: Wanted, ending: str
) -> CombineTask:
    """Return the work on a case, after judging the headers of its files."""
    if case.label:
        source = _source(case.label, root)
        with naming(source.shown):
            volumes.probe_file(case.label)
        merged = {value: wanted.values.get(name, 0) for value, name in names[case.label].items()}
        _refuse_missing(case, set(names[case.label].values()), wanted)
        return CombineTask(case.case, wanted.names, ending or _own_ending(case.label), label=source, merged=merged)
    _refuse_missing(case, case.masks.keys(), wanted)
    masks = [(_source(case.masks[name], root), value) for name, value in wanted.values.items() if name in case.masks]
    if not masks:  # another mask has the grid
        masks = [(_source(next(iter(case.masks.values())), root), NOTHING)]
    _refuse_other_grids([source for source, _ in masks])
    return CombineTask(case.case, wanted.names, ending or _own_ending(masks[0][0].path), tuple(masks))


def _refuse_missing(case: Found, held: Collection[str], wanted: Wanted) -> None:
    missing = [name for name in wanted.values if name not in held]
    if missing and wanted.missing_masks != EMPTY:
        raise SegconvError(f"has no {some_of(missing)}", code="SC193", file=case.place)


def _refuse_other_grids(sources: Sequence[Source]) -> None:
    findings: list[Finding] = []
    reference: tuple[Geometry, str] | None = None
    for source in sources:
        try:
            with naming(source.shown):
                grid = volumes.probe_file(source.path).geometry
                reference = reference or (grid, source.shown)
                refuse_other_grid(grid, *reference)
        except SegconvError as error:
            findings += error.findings
    refuse_if_any(findings)


def _source(path: str, root: str) -> Source:
    name = shown(path, root)
    with naming(name):
        (companion,) = volumes.companions(path) or ("",)
    return Source(path, name, companion)


def _own_ending(path: str) -> str:
    """Return the ending of the result: that of the file if such files are written."""
    ending = volumes.ending_of(path) or ""
    return ending if ending in volumes.WRITABLE else ".nii.gz"


def run_combination(combination: Combination, how: RunOptions = USUAL) -> Outcome:
    """Run a planned combination; the output appears complete or not at all, and an interrupted run is resumed.

    Raises
    ------
    SegconvError
        As `execute`; ``SC020`` if the output exists, and a file is never replaced.
    """
    plan, wanted = combination.plan, combination.wanted
    totals: Counter[str] = Counter()
    if is_file_name(plan.target.path):
        return _write_file(combination)

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        def lines() -> Iterator[bytes]:
            for result in results:
                record = CaseRecord.of_result(result)
                totals.update({wanted.names[int(value)]: number for value, number in record.label_voxels.items()})
                yield record.to_line()

        totals.clear()
        staged.write_lines(lineage.CASES, lines())
        options = {"classes": {name: list(own) for name, own in wanted.classes.items()}}
        source = {"kind": "masks", "name": plan.source_root.name}
        run = NewRun(command=COMMAND, options=options, source=source, files=staged.targets)
        staged.write(lineage.RUN, run.to_bytes())
        return _empty(totals)

    return execute(plan, combine_case, finish, how, decoded=_decoded)


def _empty(totals: Mapping[str, int]) -> list[Finding]:
    hint = "check that the images show it"
    return [
        warning("SC076", f"{name} is empty in every case", hint=hint) for name, number in totals.items() if not number
    ]


def _decoded(item: Item) -> int:
    task: CombineTask = item.payload
    source = task.label or task.masks[0][0]
    return opened.decoded_bytes(source.path)


def _write_file(combination: Combination) -> Outcome:
    """Write the only case as one file."""
    (item,) = combination.plan.items
    path = combination.plan.target.path
    made = combined(item.payload, lambda source: read_source(str(source)))

    def refuse() -> None:
        if os.path.lexists(path):
            raise SegconvError("already exists", code="SC020", file=str(path), hint="choose another name")

    write_single(path, made.data, refuse)
    warnings = [*combination.plan.warnings, *made.findings, *_empty(made.counts)]
    return Outcome(path, 1, 0, warnings)
