"""From pairs of files to cases: names, patients, what has no label, and links that lead away."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ...dataset.lineage import TEST, TRAIN
from ...dataset.names import case_identifier, twin_findings
from ...errors import Finding, SegconvError, naming
from ...words import count_of
from ..model import INSTANCES, ConvertOptions, Parts, SourceCase, meeting_cases, skipped_note
from ..source_files import resolve_inside
from ..survey import Survey
from ..tree import Unit
from .csv_text import read_text, rows_of
from .pairing import Pair

T = TypeVar("T")

FEW_MEETING = 5
Companions = Callable[[str], tuple[str, ...]]


def cases_of(survey: Survey, pairs: Iterable[Pair], companions: Companions | None = None) -> list[SourceCase]:
    """Return the cases, training first; what is wrong becomes a finding, what is left out a note.

    Parameters
    ----------
    companions
        Returns the further files that one file needs, such as the voxels of a detached header.
    """
    cases = []
    skipped = []
    places: dict[str, str] = {}
    for pair in pairs:
        name = pair.path_name if survey.options.case_names == "path" else pair.name
        split = pair.split
        if not pair.labels and split == TRAIN:
            if survey.options.unlabelled == "skip":
                skipped.append(next(iter(pair.images.values())).path)
                continue
            if survey.options.unlabelled != "test":
                image = next(iter(pair.images.values()))
                hint = "add it, or --unlabelled skip|test"
                survey.error("SC080", f"has no label{image.slices}", file=image.path, hint=hint)
                continue
            split = TEST
        try:
            case = _case(pair, name, split, survey.root, survey.options, companions)
            cases.append(case)
            if len(pair.labels) == 1:
                places[case.original_name] = _place(pair.labels[0], name)
        except SegconvError as error:
            error.file = survey.shown(error.file)
            survey.collect(error)
    survey.notes += skipped_note(skipped)
    if skipped and not cases and not survey.failed:
        what = f"holds {count_of(len(skipped), 'image')} and no label: --unlabelled skip leaves nothing"
        hint = "--images GLOB --masks GLOB says which files are labels; --unlabelled test takes all as test images"
        survey.error("SC011", what, file=str(survey.root), hint=hint)
    return sorted(_labels_apart(cases, places), key=lambda case: case.split != TRAIN)


def _labels_apart(cases: Sequence[SourceCase], places: Mapping[str, str]) -> list[SourceCase]:
    """Return the cases with labels that are called alike, in folders of their own, called with these folders."""
    called = Counter(case.label_name or case.original_name for case in cases if case.label is not None)
    return [
        replace(case, label_name=places[case.original_name])
        if case.original_name in places and called[case.label_name or case.original_name] > 1
        else case
        for case in cases
    ]


def _place(label: Unit, name: str) -> str:
    """Return where a label lies in the source, without its ending; one from elsewhere is kept by its case."""
    return f"{name if label.folder.startswith('/') else label.folder}/{label.stem}".lstrip("/")


def _case(
    pair: Pair, name: str, split: str, root: Path, options: ConvertOptions, companions: Companions | None
) -> SourceCase:
    parts: dict[str, Parts] = {}

    def resolved(unit: Unit) -> str:
        # A list that the user names may lead anywhere.
        external = options.allow_external or unit.folder.startswith("/")
        if unit.parts is None:
            path = resolve_inside(root / unit.path, root, external=external)
            more = companions(path) if companions is not None else ()
            if more:
                parts[path] = Parts("detached", (path, *more))
            return path
        files = tuple(resolve_inside(Path(file), root, external=external) for file in unit.parts.files)
        path = str(root / unit.path)
        parts[path] = replace(unit.parts, files=files)
        return path

    images = tuple(resolved(unit) for _, unit in sorted(pair.images.items()))
    label: str | None = None
    label_name: str | None = None
    if len(pair.labels) == 1:
        label = resolved(pair.labels[0])
        label_name = _label_name(pair, name, pair.labels[0])
    elif pair.labels:
        files = tuple(resolved(unit) for unit in pair.labels)
        label = str(root / pair.labels[0].folder)
        parts[label] = Parts(INSTANCES, files)
        if pair.stem and len(pair.images) == 1:
            label_name = _label_name(pair, name, pair.labels[0])
    return SourceCase(case_identifier(name), name, images, label, split, pair.patient, label_name, parts)


def _label_name(pair: Pair, name: str, label: Unit) -> str | None:
    """Return what the label is called, if that is not the name of the case: within the folder of the case."""
    if pair.stem:
        folder, separator, _ = name.rpartition("/") if name == pair.path_name else ("", "", "")
        own = folder + separator + label.stem
    elif len(pair.images) == 1 and next(iter(pair.images.values())).stem == label.stem:
        own = name
    else:
        own = f"{name}/{label.stem}"  # image.png and mask.png in a folder a case
    return own if own != name else None


def finished(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase]:
    """Return the cases that were asked for, under the names that were asked for, with their patients; names judged."""
    chosen = list(cases)
    if survey.options.cases is not None:
        chosen = _selected(survey, chosen, survey.options.cases)
    survey.add(twin_findings({case.original_name: survey.shown(case.images[0]) for case in chosen}))
    hint = "--case-names path names cases by their folders" if survey.options.case_names is None else ""
    meeting = [replace(found, hint=hint or found.hint) for found in meeting_cases(chosen, survey.root)]
    if len(meeting) > FEW_MEETING and hint:
        more = f"; and so do {len(meeting) - 1} more"
        meeting = [replace(meeting[0], message=meeting[0].message + more)]  # all for one reason
    survey.add(meeting)
    return _with_patients(survey, chosen)


def _selected(survey: Survey, cases: list[SourceCase], wanted: str) -> list[SourceCase]:
    """Return the cases that ``--cases`` names: a list of names and globs, or a CSV of old and new names."""
    names: dict[str, str | None]
    if Path(wanted).suffix.lower() in (".csv", ".tsv", ".txt"):
        rows = read_rows(Path(wanted), ("case",))
        names = _told_once(Path(wanted), [(row[0], row[1] if len(row) > 1 and row[1] else None) for row in rows])
    else:
        names = {part.strip(): None for part in wanted.split(",") if part.strip()}
    chosen = []
    used = set()
    for case in cases:
        pattern = next(
            (p for p in names if case.original_name == p or case.case == p)
            if case.original_name in names or case.case in names
            else (p for p in names if fnmatch.fnmatchcase(case.original_name, p)),
            None,
        )
        if pattern is None:
            continue
        used.add(pattern)
        new = names[pattern]
        chosen.append(case if new is None else replace(case, case=case_identifier(new)))
    survey.add(
        [
            Finding("SC012", f"--cases names {name!r}, which is not there", hint="see the names with --dry-run -v")
            for name in names
            if name not in used
        ]
    )
    return chosen


def _with_patients(survey: Survey, cases: list[SourceCase]) -> list[SourceCase]:
    """Return the cases with their patients, by list or by pattern."""
    if survey.options.patients is None and survey.options.patient_pattern is None:
        return cases
    listed: Mapping[str, str] = {}
    if survey.options.patients is not None:
        rows = read_rows(survey.options.patients, ("case", "patient"))
        listed = _told_once(survey.options.patients, [(row[0], row[1]) for row in rows if len(row) > 1])
    pattern = _pattern(survey.options.patient_pattern) if survey.options.patient_pattern is not None else None
    found = []
    unknown = []
    for case in cases:
        patient = listed.get(case.original_name, listed.get(case.case))
        if patient is None and pattern is not None and (match := pattern.search(case.original_name)):
            patient = match["patient"] if "patient" in pattern.groupindex else match[1] if pattern.groups else match[0]
        if patient is None and case.patient is None and case.split == TRAIN:
            unknown.append(case)
        found.append(replace(case, patient=patient or case.patient))
    if unknown:
        what = f"{survey.options.patient_pattern!r}" if pattern is not None else f"{survey.options.patients}"
        survey.add(
            [
                Finding(
                    "SC085",
                    f"no patient is told by {what} ({count_of(len(unknown), 'case')} in all)",
                    file=survey.shown(case.images[0]),
                    hint="mend the pattern or the list: cases of one patient must stay in one fold",
                )
                for case in unknown
            ]
        )
    return found


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise SegconvError(
            f"--patient-pattern {text!r} is no regular expression ({error})", hint="for example '(sub-[0-9]+)_'"
        ) from error


def _told_once(path: Path, pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Return the pairs of a list; what it says of one case must be one thing."""
    told: dict[str, T] = {}
    for case, what in pairs:
        if told.setdefault(case, what) != what:
            raise SegconvError(f"says {told[case]!r} and {what!r} of {case!r}", code="SC087", file=str(path))
    return told


def read_rows(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Return the rows of a CSV without its header; comma, semicolon or tab separates.

    Parameters
    ----------
    columns
        Names of columns: where the first row has one of them, it is the header, and columns are
        brought into this order.

    Raises
    ------
    SegconvError
        ``SC010`` if the file is not there, ``SC087`` if it is no table.
    """
    with naming(str(path)):
        rows = rows_of(read_text(path))
    header = [cell.casefold() for cell in rows[0]]
    if any(name in header for name in columns):
        order = [header.index(name) for name in columns if name in header]
        order += [i for i in range(len(header)) if i not in order]
        rows = [[row[i] if i < len(row) else "" for i in order] for row in rows[1:]]
    return rows
