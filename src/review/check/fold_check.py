"""Check that folds fit a dataset: every name is known, nothing is on both sides, every class is in each part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ... import reading
from ...dataset.lineage import CaseRecord
from ...dataset.names import DatasetName
from ...dataset.splits import DEFAULT_FOLDS, FILE, PARTS, Splits, copies_held_out, groups, leaks, parse_splits
from ...dataset.strictjson import loads, read_file
from ...errors import Cure, Finding, Refused, SegconvError, as_warning, naming, warning
from ...words import count_of, some_of
from .links import unusable
from .looked import judge_mark


@dataclass(frozen=True)
class Training:
    """The facts about training cases that folds are judged by.

    Parameters
    ----------
    cases
        Names of the training cases.
    records
        Their lineage: patients, copies, and the content of images.
    guessed, evidence
        The same with the patients that names suggest, and why, in words; empty if they suggest none.
    classes
        Value → name of the learned classes.
    present
        Case → values in its label; empty if unknown.
    """

    cases: Sequence[str]
    records: Sequence[CaseRecord] = ()
    guessed: Sequence[CaseRecord] = ()
    evidence: str = ""
    classes: Mapping[int, str] = field(default_factory=dict)
    present: Mapping[str, frozenset[int]] = field(default_factory=dict)


_OF_DATASET = ("make_splits", "plan_again")
"""Kinds of cures that need the dataset."""


@dataclass(frozen=True)
class FoldFile:
    """A file of folds.

    Parameters
    ----------
    path
        Path of the file.
    shown
        Its name in messages.
    """

    path: Path
    shown: str = FILE

    def error(self, code: str, message: str) -> Finding:
        """Return an error about it."""
        return Finding(code, message, "remove the file", self.shown, cures=(self.cure,))

    def warning(self, code: str, message: str) -> Finding:
        """Return a warning about it."""
        return as_warning(self.error(code, message))

    @property
    def cure(self) -> Cure:
        """How to get other folds: those in the preprocessed data come from the dataset."""
        return Cure.of("make_splits" if self.shown == FILE else "plan_again")

    def read(self) -> tuple[Splits, list[Finding]]:
        """Return its folds, and warnings about the file.

        Raises
        ------
        SegconvError
            ``SC099`` if they are not a list of ``{"train": […], "val": […]}``, ``SC086`` if the file is not
            JSON, ``SC030`` or ``SC061`` if it cannot be read or is not a file.
        """
        with naming(self.shown):
            try:
                data = read_file(self.path)
                folds = parse_splits(loads(data))
            except SegconvError as error:
                if error.code == "SC099":
                    raise Refused(reasons=[self.error(error.code, error.message)]) from None
                error.file = self.shown
                raise
            return folds, judge_mark(data, self.shown)


def judge_fold_files(root: Path, preprocessed: Path | None, training: Training, *, external: bool) -> Iterator[Finding]:
    """Yield the findings on the folds of a dataset and of its preprocessed data, or on nnU-Net's default folds.

    Parameters
    ----------
    root
        The dataset, resolved.
    preprocessed
        The file of folds of its preprocessed data, if any.
    external
        Follow links that leave the dataset.
    """
    name = DatasetName.of_folder(root.name)
    for finding in _judged_files(root, preprocessed, training, external=external):
        yield finding if name is None else _named(finding, name.id)


def _named(finding: Finding, dataset: int) -> Finding:
    """Return a finding whose cures name the dataset, so that they can be typed as they are."""
    cures = (Cure.of(cure.kind, dataset=dataset) if cure.kind in _OF_DATASET else cure for cure in finding.cures)
    return replace(finding, cures=tuple(cures))


def _judged_files(root: Path, preprocessed: Path | None, training: Training, *, external: bool) -> Iterator[Finding]:
    """Yield the findings of `judge_fold_files`."""
    files = [FoldFile(root / FILE), *([FoldFile(preprocessed, str(preprocessed))] if preprocessed else [])]
    existing = [file for file in files if reading.is_there(file.path, links_followed=False)]
    if not existing:
        yield from judge_default_folds(training)
    first: Splits | None = None
    for file in existing:
        folds = yield from _usable_folds(file, root, external=external or file.path == preprocessed)
        if folds is None or (first is not None and _same(first, folds)):
            continue
        if first is not None:
            yield Finding(
                "SC099",
                f"holds other folds than {FILE} of the dataset; nnU-Net does not plan with both",
                file=file.shown,
                hint="remove one of them; existing models were trained with the file of the preprocessed data",
            )
        first = first or folds
        yield from judge_folds(folds, file, training)


def _usable_folds(file: FoldFile, root: Path, *, external: bool) -> Generator[Finding, None, Splits | None]:
    """Yield the findings on a file; return its folds if they can be read."""
    unfit = unusable(str(file.path), file.shown, root, external)
    if unfit is not None:
        yield unfit
        return None
    try:
        folds, odd = file.read()
    except SegconvError as error:
        yield from error.findings
        return None
    yield from odd
    return folds


def _same(dataset: Splits, preprocessed: Splits) -> bool:
    """Return whether nnU-Net accepts both: it allows the preprocessed dataset to have more folds."""
    return len(dataset) <= len(preprocessed) and all(
        set(one[part]) == set(other[part]) for one, other in zip(dataset, preprocessed, strict=False) for part in PARTS
    )


def judge_folds(folds: Splits, file: FoldFile, training: Training) -> Iterator[Finding]:
    """Yield the findings on the folds of a file."""
    known = set(training.cases)
    for number, fold in enumerate(folds):
        yield from _judge_fold(number, fold, known, file)
    for leak in leaks(folds, training.records):
        yield file.error(leak.code, leak.message)
    yield from _judge_use(folds, known - copies_held_out(folds, training.records), file)
    if training.present:
        yield from _absent_classes(folds, file, training)
    if training.evidence:
        yield from _guessed_patients(folds, file, training)


def _judge_fold(number: int, fold: Mapping[str, list[str]], known: set[str], file: FoldFile) -> Iterator[Finding]:
    if unknown := {case for part in PARTS for case in fold[part]} - known:
        yield file.error("SC099", f"fold {number} names {_listed(unknown, 'unknown case')}")
    if both := set(fold["train"]) & set(fold["val"]):
        yield file.error("SC095", f"fold {number} both trains and validates on {_listed(both)}")
    for part in PARTS:
        if not fold[part]:
            yield file.error("SC099", f"fold {number} has no cases in {part}")
        if twice := _repeated(fold[part]):
            yield file.warning("SC099", f"fold {number} repeats {_listed(twice)} in {part}")


def _judge_use(folds: Splits, known: set[str], file: FoldFile) -> Iterator[Finding]:
    """Yield warnings about cases that no fold uses or several folds validate."""
    if unused := known - {case for fold in folds for part in PARTS for case in fold[part]}:
        yield file.warning("SC099", f"leaves out {_listed(unused)}: in no fold, never trained on")
    if twice := _repeated(case for fold in folds for case in set(fold["val"])):
        yield file.warning("SC099", f"several folds validate {_listed(twice)}; nnU-Net cannot pool their results")


def _repeated(cases: Iterable[str]) -> list[str]:
    return [case for case, number in Counter(cases).items() if number > 1]


def _listed(cases: Iterable[str], noun: str = "case") -> str:
    names = sorted(cases)
    return f"{count_of(len(names), noun)} ({some_of(names)})"


def _absent_classes(folds: Splits, file: FoldFile, training: Training) -> Iterator[Finding]:
    """Yield a warning for each part of a fold that lacks a class that occurs elsewhere."""
    everywhere = frozenset().union(*training.present.values())
    for number, fold in enumerate(folds):
        for part, what in (("train", "training"), ("val", "validation")):
            lacking = _lacking(everywhere, fold[part], training.present)
            absent = [name for value, name in training.classes.items() if value in lacking]
            if absent and fold[part]:
                yield file.warning("SC099", f"the {what} set of fold {number} has no case with {', '.join(absent)}")


def _lacking(values: frozenset[int], cases: Iterable[str], present: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """Return the values that no case has; stops at the case with the last one, as most folds soon have all."""
    for case in cases:
        if not values:
            break
        values -= present.get(case, frozenset())
    return values


def _guessed_patients(folds: Splits, file: FoldFile, training: Training) -> Iterator[Finding]:
    """Yield a warning if patients that only names suggest are on both sides of a fold."""
    patients = {record.case: record.patient for record in training.guessed}
    mixed = {}
    for number, fold in enumerate(folds):
        trained_on = {patients.get(case) for case in fold["train"]} - {None}
        both = [case for case in fold["val"] if patients.get(case) in trained_on]
        if both and not leaks([fold], training.records):
            mixed[number] = both
    if mixed:
        number, both = next(iter(mixed.items()))
        mixture = file.warning(
            "SC095",
            f"{len(mixed)} of {len(folds)} folds have patients on both sides, {training.evidence}: fold {number}"
            f" validates {count_of(len(both), 'case')} whose patients are in training, such as {both[0]}",
        )
        yield replace(mixture, cures=(*mixture.cures, Cure.of("name_patients")))


def judge_default_folds(training: Training) -> Iterator[Finding]:
    """Yield the findings on nnU-Net's default folds of a dataset without any: five, splitting case by case."""
    if together := [group for group in groups(training.guessed) if len(group) > 1]:
        yield Finding(
            "SC095",
            "there are no folds, and nnU-Net's own would separate what belongs together:"
            f" {count_of(len(together), 'group')} of copies, patients or equal images, such as"
            f" {some_of(sorted(record.case for record in together[0]))}",
            file=FILE,
            severity="error" if _belong_together(together, training) else "warning",
            cures=(Cure.of("make_splits"),),
        )
    if 0 < len(training.cases) < DEFAULT_FOLDS:
        yield warning(
            "SC099",
            f"there are no folds, and nnU-Net's five need five cases, not {len(training.cases)}",
            file=FILE,
            cures=(*[Cure.of("make_splits")] * (len(training.cases) > 1), Cure.of("train_on_all")),
        )


def _belong_together(together: Iterable[Iterable[CaseRecord]], training: Training) -> bool:
    """Return whether cases are known to belong together, as copies or by patient; equal files may be intended."""
    records = [record for group in together for record in group]
    copied = any(record.parent is not None for record in records)
    return copied or (not training.evidence and any(record.patient is not None for record in records))
