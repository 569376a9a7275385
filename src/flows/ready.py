"""What must hold before folds are trained: folds that do not leak, complete data, and plans that still fit them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION, Dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import Splits, copies_held_out, read_splits
from ..dataset.strictjson import dumps, load_object, read_file
from ..errors import Cure, Finding, refuse_if_any, warning
from ..train.complete import Stored, incomplete_cases, missing_references, missing_stage
from ..train.default_split import default_split
from ..train.folds import ALL, states_of
from ..train.inputs import FINGERPRINT, changes_since, is_made_otherwise, newer_than
from ..train.model import Model
from ..train.paths import Paths
from ..train.plans import Planned, configuration, planned, read_plans
from ..train.plans_in_use import LINKS
from ..train.sized_networks import refused_size
from ..train.trained import PLANS
from ..train.training import next_stage_folder
from ..words import count_of, some_of
from ..work import fsops
from ..work.readers import ONE, Readers
from ..work.writing import writing
from .asked import refuse_unknown
from .splits.before_training import judge_before_training
from .splits.found import Found, found_in

REFERENCES = "gt_segmentations"


@dataclass(frozen=True)
class _Look:
    """What a training would read."""

    dataset: Dataset
    model: Model
    folds: tuple[str, ...]
    paths: Paths
    found: Planned

    @property
    def folder(self) -> Path:
        """The preprocessed dataset."""
        return self.found.file.parent

    @property
    def cures(self) -> tuple[Cure, ...]:
        return (Cure.of("preprocess_again", **self.model.words),)


def make_ready(
    dataset: Dataset,
    model: Model,
    folds: Sequence[str],
    paths: Paths,
    *,
    replaced: Collection[str] = (),
    readers: Readers = ONE,
    allow_leaks: bool = False,
) -> list[Finding]:
    """Refuse folds that would train on wrong or incomplete data; write the folds file if there is none.

    Parameters
    ----------
    dataset
        The dataset in ``nnUNet_raw``.
    folds
        Numbers, or ``all``.
    replaced
        Those among them that are trained again.
    readers
        How images are read, to compare them; those that were compared before are not read again.
    allow_leaks
        Make errors of leaks warnings.

    Returns
    -------
    warnings
        What is odd, but does not stop a training.

    Raises
    ------
    SegconvError
        ``SC010`` if the dataset is not planned, ``SC001`` if the configuration or a fold does not exist; ``SC099`` if
        the file of folds is damaged, ``SC114`` if there is none and the cases are too few.
    Refused
        ``SC095`` for folds that leak, ``SC216`` for a training on cases that are held out; ``SC099`` for folds of other
        cases; ``SC111`` for cases that are not completely preprocessed, ``SC112`` for a dataset or plans that changed
        since, ``SC115`` for a cascade whose stage before is incomplete; ``SC182`` for a network that is made for
        another patch size.
    """
    look = _Look(dataset, model, tuple(folds), paths, planned(model, paths))
    stored = Stored.of(look.found.data)
    with dataset.unchanged():
        found = _found(look, stored)
        splits = found.folds
        raw = None if _is_elsewhere(dataset) else set(dataset.cases())
        warnings = refuse_if_any(
            [
                *refused_size(look.found),
                *_data(look, splits, stored, raw),
                *_changes(look, stored, raw),
                *_idle(dataset, splits, raw),
                *_other_folds(look, splits),
                *_other_plans(look, replaced),
            ]
        )
        # Last, as images may have to be read.
        leaks = judge_before_training(dataset, found, look.folds, look.folder, readers, allow=allow_leaks)
        refuse_if_any(leaks)
    _write(look.folder / SPLITS_FILE, splits)
    return [*warnings, *leaks]


def _found(look: _Look, stored: Stored) -> Found:
    """Return the folds that will be trained, or those that nnU-Net would make; none if only `ALL` is wanted."""
    numbers = [int(fold) for fold in look.folds if fold != ALL]
    places = (look.folder / SPLITS_FILE, look.dataset.path / SPLITS_FILE)
    if path := next(filter(os.path.lexists, places), None):
        found = found_in(path)
    elif numbers and stored.cases:
        found = Found(default_split(stored.cases | set(look.dataset.cases())))
    else:
        return Found([])
    refuse_unknown(look.folds, found.folds)
    return found


def _write(path: Path, splits: Splits) -> None:
    """Write the folds, unless a file of that name exists: another training may just have written the same."""
    if splits and not os.path.lexists(path):
        try:
            fsops.create(path, dumps(splits))
        except FileExistsError:
            return
        except OSError as error:
            with writing(path):
                raise error


def _is_elsewhere(dataset: Dataset) -> bool:
    """Return whether dataset.json names training files elsewhere, which segconv does not follow."""
    return not dataset.external and "dataset" in load_object(read_file(dataset.path / DESCRIPTION))


def _data(look: _Look, splits: Splits, stored: Stored, raw: set[str] | None) -> Iterator[Finding]:
    """Yield what is missing of the files that the folds will read, also in their validation, and in later stages."""
    used, held_back = _cases(look, splits, stored)
    needed = used | (raw or set())
    if raw is not None and (unknown := sorted(needed - raw - stored.cases)):
        what = f"names {count_of(len(unknown), 'case')} that the dataset does not have: {some_of(unknown)}"
        yield Finding("SC099", what, file=str(look.folder / SPLITS_FILE), cures=_new_folds(look.dataset))
        needed.difference_update(unknown)
    yield from incomplete_cases(look.found.data, needed, look.cures)
    yield from missing_references(
        look.folder / REFERENCES, held_back & stored.cases, look.dataset.description.file_ending, look.cures
    )
    yield from _stages(look, needed, used & needed, splits)


def _cases(look: _Look, splits: Splits, stored: Stored) -> tuple[set[str], set[str]]:
    """Return the cases that the folds use, and those that they validate."""
    used: set[str] = set()
    held_back: set[str] = set()
    for fold in look.folds:
        if fold == ALL:
            used |= stored.cases
            held_back |= stored.cases
        elif splits:
            used.update(*splits[int(fold)].values())
            held_back.update(splits[int(fold)]["val"])
    return used, held_back


def _stages(look: _Look, needed: set[str], used: set[str], splits: Splits) -> Iterator[Finding]:
    """Yield what is missing for a cascade: predictions of the stage before, and data that later stages need.

    A case in no fold has no prediction of the stage before, and needs none.
    """
    model, previous = look.model, look.found.previous_stage
    if previous:
        stage = replace(model, configuration=str(previous))
        yield from missing_stage(next_stage_folder(model, previous, look.paths), used, splits, stage.words)
    following = look.found.configuration.get("next_stage") or ()
    for name in (following,) if isinstance(following, str) else following:
        data = Planned(look.found.file, look.found.plans, configuration(look.found.plans, name)).data
        yield from incomplete_cases(
            data, needed, (Cure.of("preprocess_again", **replace(model, configuration=name).words),)
        )


def _changes(look: _Look, stored: Stored, raw: set[str] | None) -> Iterator[Finding]:
    """Yield how the dataset differs from what was planned and preprocessed."""
    yield from _described(look)
    if raw is None or not raw:
        return
    if gone := sorted(stored.cases - raw):
        what = f"has {count_of(len(gone), 'case')} that the dataset no longer has: {some_of(gone)}"
        yield Finding("SC112", what, file=str(stored.folder), cures=look.cures)
    yield from _edited(look, stored)
    since = changes_since(look.dataset, look.folder, FINGERPRINT)
    if since:
        changed = (*since.changed, *since.added, *since.removed)
        what = f"{count_of(len(changed), 'file')} of the dataset changed since: {some_of(changed)}"
        yield warning("SC112", what, file=str(look.folder / FINGERPRINT), cures=_plan(look))


def _edited(look: _Look, stored: Stored) -> Iterator[Finding]:
    """Yield what was edited in files of cases that were preprocessed."""
    since = changes_since(look.dataset, look.folder, stored.folder.name)
    if is_made_otherwise(look.folder, stored.folder.name, look.found.plans, look.model.configuration):
        what = f"was preprocessed with another spacing, normalisation or resampling than {look.found.file.name} has now"
        yield Finding("SC112", what, file=str(stored.folder), cures=look.cures)
    if since is not None and since.changed:
        what = (
            f"was made before {count_of(len(since.changed), 'file')} of the dataset changed: {some_of(since.changed)}"
        )
        yield Finding("SC112", what, file=str(stored.folder), cures=look.cures)
    if since is None and (newer := newer_than(look.dataset, _times(stored))):
        what = f"is older than {count_of(len(newer), 'file')} of the dataset, which may have changed: {some_of(newer)}"
        yield warning("SC112", what, file=str(stored.folder), cures=look.cures)


def _times(stored: Stored) -> dict[str, int]:
    files = {case: stored.folder / stored.files(case)[-1] for case in stored.cases}
    return {case: os.stat(path).st_mtime_ns for case, path in files.items() if os.path.lexists(path)}


def _described(look: _Look) -> Iterator[Finding]:
    """Yield an error if dataset.json was edited since: nnU-Net trains with its own copy."""
    copy = look.folder / DESCRIPTION
    if not os.path.lexists(copy):
        yield Finding("SC111", "is missing: nnU-Net reads its copy of it", file=str(copy), cures=_plan(look))
        return
    planned_with, now = DatasetDescription.read(copy), look.dataset.description
    different = [
        name for name in ("channel_names", "labels", "file_ending") if getattr(planned_with, name) != getattr(now, name)
    ]
    if different:
        what = f"was planned with other {' and '.join(different)} than {look.dataset.path / DESCRIPTION} has now"
        yield Finding("SC112", what, file=str(copy), cures=_plan(look))


def _plan(look: _Look) -> tuple[Cure, ...]:
    return (Cure.of("make_again", dataset=look.dataset.name.id),)


def _new_folds(dataset: Dataset) -> tuple[Cure, ...]:
    return (Cure.of("make_splits", dataset=dataset.name.id),)


def _idle(dataset: Dataset, splits: Splits, raw: set[str] | None) -> Iterator[Finding]:
    """Yield a warning on cases that no fold uses: nnU-Net takes an old file of folds as it is."""
    used = {case for fold in splits for part in fold.values() for case in part}
    if splits and raw is not None and (idle := sorted(raw - used - copies_held_out(splits, dataset.records()))):
        what = f"{count_of(len(idle), 'case')} of the dataset are in no fold, and never trained on: {some_of(idle)}"
        yield warning("SC099", what, file=SPLITS_FILE, cures=_new_folds(dataset))


def _other_folds(look: _Look, splits: Splits) -> Iterator[Finding]:
    """Yield a warning if the dataset has other folds than those that nnU-Net takes."""
    own = look.dataset.path / SPLITS_FILE
    if splits and os.path.lexists(own) and read_splits(own) != splits:
        what = f"differs from {own}, and is what nnU-Net takes"
        yield warning("SC095", what, file=str(look.folder / SPLITS_FILE), cures=_new_folds(look.dataset))


def _other_plans(look: _Look, replaced: Collection[str]) -> Iterator[Finding]:
    """Yield an error if folds that stay were trained with other plans: nnU-Net would replace the model's copy."""
    folder = look.model.folder(look.paths)
    states = states_of(folder)
    kept = [fold for fold, state in states.items() if (state.whole or state.kept) and fold not in replaced]
    if not kept or not os.path.lexists(folder / PLANS):
        return
    then = configuration(read_plans(folder / PLANS), look.model.configuration)
    now = look.found.configuration
    keys = (then.keys() | now.keys()).difference(LINKS)  # other stages may have been derived to follow
    if different := sorted(key for key in keys if then.get(key) != now.get(key)):
        what = (
            f"has another {some_of(different)} than {look.found.file} has now; fold {some_of(kept)} was trained with it"
        )
        hint = f"give the new plans a name of their own, or move {folder} away"
        cure = Cure.of("train_all_again", folds=kept)
        yield Finding("SC112", what, file=str(folder / PLANS), hint=hint, cures=(cure,))
