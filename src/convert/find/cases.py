"""Turn pairs of files into cases: names, patients, images without a label, and links that leave the source."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...dataset.lineage import TRAIN
from ...dataset.names import CASE_IDENTIFIER, case_identifier, case_identifiers, may_have_twins, twin_findings
from ...errors import Cure, SegconvError, naming
from ...words import count_of, some_of
from ...work.differing import surely_differ
from ..blocks import Chained
from ..case_list import FolderCases, Identifiers, original_names, parts_of, training_first
from ..model import DETACHED, INSTANCES, NO_PARTS, Parts, SourceCase
from ..survey import Survey
from ..tree import Unit

if TYPE_CHECKING:
    from .pairs import FolderPairs, Pair


T = TypeVar("T")

FEW_MEETING = 5
"""If more cases than this share an identifier, one finding reports them all, since they have one reason."""


class CaseFiles:
    """The resolved files of one case; an image or a label made of several files is recorded in `parts`.

    Attributes
    ----------
    parts
        As in `SourceCase`.
    """

    def __init__(self, survey: Survey) -> None:
        from ..volumes.volume_units import companions_of

        self._companions_of = companions_of
        self.parts: dict[str, Parts] = {}
        self._survey = survey

    def path(self, unit: Unit) -> str:
        """Return the real path of an image or a label."""
        if unit.parts is not None:
            external = unit.folder.startswith("/")  # a list that the user names may refer to files anywhere
            path = str(self._survey.root / unit.path)
            files = tuple(self._survey.resolve(Path(file), external=external) for file in unit.parts.files)
            self.parts[path] = replace(unit.parts, files=files)
            return path
        real = self._survey.resolve_unit(unit)
        if more := self._companions_of(real):
            self.parts[real] = Parts(DETACHED, (real, *more))
        return real


def cases_of(survey: Survey, pairs: Sequence[Pair]) -> Sequence[SourceCase]:
    """Return the cases, training cases first; errors in one go to the survey."""
    return cases_instead_of(survey, Chained(tuple(pairs)))


def cases_instead_of(survey: Survey, pairs: Chained[Pair]) -> Sequence[SourceCase]:
    """Do what `cases_of` does, and empty the pairs on the way: 100,000 may take much memory."""
    from .pairs import FolderPairs

    shared = _shared_label_names(survey, pairs)
    files = CaseFiles(survey)
    cases: Chained[SourceCase] = Chained()
    for part in _drained(pairs):
        if isinstance(part, FolderPairs) and not shared and (own := _of_folders(survey, part)) is not None:
            cases.extend(own)
        else:
            cases.extend(_cases_of(survey, files, part, shared))
    if survey.skipped:
        what = f"holds {count_of(len(survey.skipped), 'image')} and no label, so that nothing is left to convert"
        survey.refuse_no_case(cases, what, cures=(Cure("name_images_and_masks"), Cure("take_as_test_images")))
    return training_first(cases)


def _drained(pairs: Chained[Pair]) -> Iterator[Iterable[Pair]]:
    parts = pairs.parts[::-1]
    pairs.clear()
    while parts:
        part = parts.pop()
        yield _emptied(part) if isinstance(part, list) else part


def _emptied(pairs: list[Pair]) -> Iterator[Pair]:
    pairs.reverse()
    while pairs:
        yield pairs.pop()


def _of_folders(survey: Survey, pairs: FolderPairs) -> FolderCases | None:
    """Return the cases of two folders if nothing but their names distinguishes them; otherwise None."""
    from ..volumes.volume_units import may_have_companions

    images, labels = pairs.images, pairs.labels
    folders = survey.real_folder(images.folder), survey.real_folder(labels.folder)
    plain = survey.options.case_names != "path" and not any(map(may_have_companions, (images.ending, labels.ending)))
    if not (plain and all(folders) and all(map(CASE_IDENTIFIER.fullmatch, images.all_stems()))):
        return None
    return FolderCases(images, labels, *folders, pairs.first.split)


def _cases_of(survey: Survey, files: CaseFiles, pairs: Iterable[Pair], shared: Container[str]) -> list[SourceCase]:
    """Return the cases, in the order of their pairs.

    Parameters
    ----------
    shared
        Names that labels of several cases in separate folders have; such labels are named by their folders.
    """
    cases = []
    by_path = survey.options.case_names == "path"
    for pair in pairs:
        split = _split_of(survey, pair)
        if split is None:
            continue
        name = pair.path_name if by_path else pair.name
        try:
            case = _case(survey, files, pair, name, split)
        except SegconvError as error:
            survey.collect(error)
            continue
        if shared and len(pair.labels) == 1 and (case.label_name or name) in shared:
            case = case._replace(label_name=_place(pair.labels[0], name))
        cases.append(case)
    return cases


def _shared_label_names(survey: Survey, pairs: Chained[Pair]) -> set[str]:
    """Return the names that labels of several cases have."""
    if surely_differ(_label_names(survey, pairs)):
        return set()
    return {name for name, number in Counter(_label_names(survey, pairs)).items() if number > 1}


def _label_names(survey: Survey, pairs: Chained[Pair]) -> Iterator[str]:
    """Yield the name of each label."""
    from .pairs import FolderPairs

    by_path = survey.options.case_names == "path"
    for part in pairs.parts:
        if isinstance(part, FolderPairs) and not by_path:
            yield from part.images.all_stems()
            continue
        for pair in part:
            if pair.labels:
                name = pair.path_name if by_path else pair.name
                yield _name_of_label(pair, name) or name


def _split_of(survey: Survey, pair: Pair) -> str | None:
    if pair.labels or pair.split != TRAIN:
        return pair.split
    return survey.split_without_label(pair.first_image.path, f"has no label{pair.first_image.slices}")


def _place(label: Unit, name: str) -> str:
    """Return a label's path in the source, without its ending; one from outside has its case's name as folder."""
    return f"{name if label.folder.startswith('/') else label.folder}/{label.stem}".lstrip("/")


def _case(survey: Survey, files: CaseFiles, pair: Pair, name: str, split: str) -> SourceCase:
    if files.parts:
        files.parts = {}
    images = tuple([files.path(pair.images[channel]) for channel in sorted(pair.images)])
    label: str | None = None
    if len(pair.labels) == 1:
        label = files.path(pair.labels[0])
    elif pair.labels:
        masks = tuple(map(files.path, pair.labels))
        label = str(survey.root / pair.labels[0].folder)
        files.parts[label] = Parts(INSTANCES, masks)
    parts = files.parts or NO_PARTS
    label_name = _name_of_label(pair, name) if pair.labels else None
    return SourceCase(case_identifier(name), name, images, label, split, pair.patient, label_name, parts)


def _name_of_label(pair: Pair, name: str) -> str | None:
    """Return what `_label_name` returns; None for masks of one object each, unless there is one image by their name."""
    one = len(pair.labels) == 1 or (pair.stem and len(pair.images) == 1)
    return _label_name(pair, name, pair.labels[0]) if one else None


def _label_name(pair: Pair, name: str, label: Unit) -> str | None:
    """Return the label's name within the folder of the case, or None if it is the name of the case."""
    if pair.stem:
        folder, separator, _ = name.rpartition("/") if name == pair.path_name else ("", "", "")
        own = folder + separator + label.stem
    elif len(pair.images) == 1 and pair.first_image.stem == label.stem:
        own = name
    else:
        own = f"{name}/{label.stem}"  # image.png and mask.png in one folder per case
    return own if own != name else None


def finished(
    survey: Survey, cases: Sequence[SourceCase], apart: tuple[Cure, ...] = (Cure("name_cases_by_path"),)
) -> Sequence[SourceCase]:
    """Return the cases that the user wants, with the wanted names and their patients; names are judged.

    Parameters
    ----------
    apart
        What keeps names apart that meet, unless cases are named by their paths already.
    """
    survey.chosen_after = len(survey.findings)
    chosen = _with_safe_names(cases)
    if survey.options.cases is not None:
        chosen = _selected(survey, chosen, survey.options.cases)
    if survey.options.without:
        chosen = _without(survey, chosen, survey.options.without)
    if may_have_twins(original_names(chosen)):
        survey.add(twin_findings({case.original_name: survey.shown(case.images[0]) for case in chosen}))
    _judge_meeting(survey, chosen, () if survey.options.case_names is not None else apart)
    return _with_patients(survey, chosen)


def _with_safe_names(cases: Sequence[SourceCase]) -> Sequence[SourceCase]:
    """Return the cases with identifiers made from their names."""
    if not all(map(CASE_IDENTIFIER.fullmatch, original_names(cases))):
        return _named(cases, [case.original_name for case in cases])
    parts = parts_of(cases)
    named = (p if isinstance(p, FolderCases) else _named(p, [case.original_name for case in p]) for p in parts)
    return Chained(*named)


def _named(cases: Sequence[SourceCase], names: Sequence[str]) -> list[SourceCase]:
    """Return the cases with identifiers made from these names."""
    return [
        case if case.case == identifier else case._replace(case=identifier)
        for case, identifier in zip(cases, case_identifiers(names), strict=True)
    ]


def _judge_meeting(survey: Survey, cases: Sequence[SourceCase], cures: tuple[Cure, ...]) -> None:
    """Add an error for each case that shares its identifier with another, in training or in testing."""
    if surely_differ(Identifiers(cases)):
        return
    seen: dict[str, SourceCase] = {}
    meeting: list[tuple[SourceCase, SourceCase]] = []
    for case in cases:
        if case.case in seen:
            meeting.append((case, seen[case.case]))
        seen[case.case] = case
    all_of_one_reason = len(meeting) > FEW_MEETING and cures
    more = f"; and so do {len(meeting) - 1} more" if all_of_one_reason else ""
    for case, other in meeting[: 1 if all_of_one_reason else None]:
        survey.error(
            "SC085",
            f"becomes the case {case.case!r}, as does {survey.shown(other.images[0])}{more}",
            file=survey.shown(case.images[0]),
            hint="" if cures else "rename one of them",
            cures=cures,
        )


def _selected(survey: Survey, cases: Sequence[SourceCase], wanted: str) -> list[SourceCase]:
    """Return the cases that the user wants: by a list of names and globs, or by a CSV of old and new names."""
    names = _wanted_names(wanted)
    matching = [(case, pattern) for case in cases if (pattern := _matching(case, names)) is not None]
    used = {pattern for _, pattern in matching}
    chosen = _named([case for case, _ in matching], [names[pattern] or case.case for case, pattern in matching])
    for name in (name for name in names if name not in used):
        survey.error("SC012", f"the case {name!r} is asked for, but does not exist", **_near(name, cases))
    return chosen


def _without(survey: Survey, cases: Sequence[SourceCase], unwanted: Sequence[str]) -> list[SourceCase]:
    """Return the cases but for those that the user leaves out by names and globs."""
    kept = [case for case in cases if _matching(case, unwanted) is None]
    for name in unwanted:
        if all(_matching(case, [name]) is None for case in cases):
            near = _near(name, cases)["hint"]
            survey.error("SC012", f"the case {name!r} is to be left out, but does not exist", hint=near)
    if len(kept) < len(cases):
        survey.note(f"left out {count_of(len(cases) - len(kept), 'case')}, as asked: {some_of(unwanted)}")
    return kept


def _near(name: str, cases: Sequence[SourceCase]) -> dict[str, Any]:
    """Return the advice on a case that does not exist: one of a similar name, or the first names."""
    import difflib  # only for this message

    names = [case.original_name for case in cases]
    near = difflib.get_close_matches(name, names, n=1)
    return {"hint": f"the cases are {some_of(names)}", "cures": [Cure.of("take_case", case=one) for one in near]}


def _wanted_names(wanted: str) -> dict[str, str | None]:
    """Return name or glob of a case → its new name."""
    if Path(wanted).suffix.lower() not in (".csv", ".tsv", ".txt"):
        return {part.strip(): None for part in wanted.split(",") if part.strip()}
    rows = read_rows(Path(wanted), ("case",))
    return _agreeing(Path(wanted), [(row[0], row[1] if len(row) > 1 and row[1] else None) for row in rows])


def _matching(case: SourceCase, names: Collection[str]) -> str | None:
    """Return the name, or else the glob, that selects a case."""
    exact = next((name for name in (case.original_name, case.case) if name in names), None)
    return exact or next((name for name in names if fnmatch.fnmatchcase(case.original_name, name)), None)


def _with_patients(survey: Survey, cases: Sequence[SourceCase]) -> Sequence[SourceCase]:
    """Return the cases with their patients, by list or by pattern."""
    options = survey.options
    if options.patients is None and options.patient_pattern is None:
        return cases
    listed = listed_patients(options.patients) if options.patients is not None else {}
    pattern = patient_pattern(options.patient_pattern) if options.patient_pattern is not None else None
    found = [case._replace(patient=_patient_of(case, listed, pattern)) for case in cases]
    _refuse_unknown_patients(survey, found)
    return found


def _refuse_unknown_patients(survey: Survey, cases: Iterable[SourceCase]) -> None:
    unknown = [case for case in cases if case.patient is None and case.split == TRAIN]
    pattern = survey.options.patient_pattern
    what = repr(pattern) if pattern is not None else str(survey.options.patients)
    for case in unknown:
        survey.error(
            "SC085",
            f"{what} names no patient",
            file=survey.shown(case.images[0]),
            hint="correct the pattern or the list: cases of one patient must stay in one fold",
        )


def listed_patients(path: Path) -> dict[str, str]:
    """Return case → patient of a CSV; raises ``SC087`` if it says two things of one case."""
    return _agreeing(path, [(row[0], row[1]) for row in read_rows(path, ("case", "patient")) if len(row) > 1])


def _patient_of(case: SourceCase, listed: Mapping[str, str], pattern: re.Pattern[str] | None) -> str | None:
    by_list = listed.get(case.original_name, listed.get(case.case))
    return by_list or patient_in(case.original_name, pattern) or case.patient


def patient_in(name: str, pattern: re.Pattern[str] | None) -> str | None:
    """Return what a pattern matches in the name of a case: its group ``patient``, else its first group, else all."""
    match = pattern.search(name) if pattern is not None else None
    if pattern is None or match is None:
        return None
    return match["patient"] if "patient" in pattern.groupindex else match[1] if pattern.groups else match[0]


def patient_pattern(text: str, what: str = "patients") -> re.Pattern[str]:
    """Return a pattern of patients, or of what else names share; ``SC001`` if it is no regular expression."""
    try:
        return re.compile(text)
    except re.error as error:
        found = f"the pattern of {what}, {text!r}, is not a regular expression ({error})"
        raise SegconvError(found, hint="an example is '(sub-[0-9]+)_'") from error


def _agreeing(path: Path, pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    """Return the pairs of a list as a mapping; a list must not say two different things of one case."""
    found: dict[str, T] = {}
    for case, what in pairs:
        if found.setdefault(case, what) != what:
            raise SegconvError(f"says {found[case]!r} and {what!r} of {case!r}", code="SC087", file=str(path))
    return found


def read_rows(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Return the rows of a CSV without its header, separated by comma, semicolon or tab.

    Parameters
    ----------
    columns
        Names of columns: if the first row has one of them, it is the header, and columns are
        brought into this order.

    Raises
    ------
    SegconvError
        ``SC010`` if the file does not exist, ``SC087`` if it is not a table.
    """
    from .csv_text import read_text, rows_of

    with naming(str(path)):
        rows = rows_of(read_text(path))
    header = [cell.casefold() for cell in rows[0]]
    order = [header.index(name) for name in columns if name in header]
    if order:
        order += [i for i in range(len(header)) if i not in order]
        rows = [[row[i] if i < len(row) else "" for i in order] for row in rows[1:]]
    return rows
