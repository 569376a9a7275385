"""Cases in imagesTr, labelsTr and similar folders, shared by the sources of nnU-Net v1 and v2 and the Decathlon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ... import reading
from ...dataset.folders import TRAINING, misnumbered
from ...dataset.lineage import TRAIN
from ...dataset.names import case_identifier
from ...errors import Cure
from ...words import count_of, some_of
from ..model import SourceCase
from ..source_files import files_of
from ..survey import Survey

NO_CASE = "no case was found in imagesTr"


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without stray files; none if it does not exist."""
    return [path.name for path in files_of(folder)] if reading.is_folder(folder) else []


def has_training_folders(root: Path) -> bool:
    """Return whether a folder holds imagesTr and labelsTr: a task or a dataset, even if its json is lost."""
    return reading.is_folder(root / TRAINING.images) and reading.is_folder(root / TRAINING.labels)


def numbered_cases(
    survey: Survey, folder: str, cases: Mapping[str, Mapping[int, str]], *, count: int = 0, hint: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield each case and the paths of its channels, in order; add an error for each that `misnumbered` describes."""
    cures = _all_named(cases) if folder == TRAINING.images else ()  # what is to be predicted follows the training
    for name, channels in sorted(cases.items()):
        if what := misnumbered(channels, count):
            survey.error("SC084", what, file=f"{folder}/{name}", hint=hint, cures=cures)
        else:
            yield name, [f"{folder}/{channels[number]}" for number in sorted(channels)]


def _all_named(cases: Mapping[str, Mapping[int, str]]) -> tuple[Cure, ...]:
    """Return the cure for a wrong number of names, if all cases have the same channels, counted from 0."""
    found = {tuple(sorted(channels)) for channels in cases.values()}
    if len(found) != 1 or misnumbered(next(iter(cases.values()))):
        return ()
    return (Cure.of("name_each_channel", channels=",".join(["NAME"] * len(*found))),)


def case_of(
    survey: Survey, name: str, split: str, images: Sequence[str], label: str | None, expected: str
) -> SourceCase | None:
    """Return a case; None if it is left out, or if it has an error, which the survey then holds.

    Parameters
    ----------
    images, label
        Paths relative to the source, or absolute.
    expected
        Where a missing label should be.
    """
    if label is None and split == TRAIN:
        found = survey.split_without_label(survey.shown(images[0]), f"has no label: {expected} does not exist")
        if found is None:
            return None
        split = found
    files: list[str] = []
    for file in (*images, *([] if label is None else [label])):
        with survey.judging(file):
            files.append(survey.resolve(survey.root / file))
    if len(files) < len(images) + (label is not None):
        return None
    mask = None if label is None else files.pop()
    return SourceCase(case_identifier(name), name, tuple(files), mask, split)


def judge_unlisted(survey: Survey, images: Sequence[str], lone_labels: Sequence[str]) -> None:
    """Note the unlisted files that are left out, if the user asked for that; otherwise warn of the unlisted images.

    Parameters
    ----------
    images, lone_labels
        Images that the json does not list, and labels without any image.
    """
    if not survey.options.listed_only:
        for image in images:
            survey.warn(
                "SC087",
                "is not listed in dataset.json; it is converted all the same",
                file=image,
                cures=(Cure("leave_out_unlisted"),),
            )
        return
    for names, what in ((images, "image"), (lone_labels, "label")):
        if names:
            survey.note(f"left out {count_of(len(names), what)} that dataset.json does not list: {some_of(names)}")


def refuse_lone_labels(survey: Survey, labels: Sequence[str]) -> None:
    """Add an error for each label without an image."""
    for label in labels:
        survey.error("SC081", "is a label without an image", file=label)
