"""Describe where nnU-Net's folders are, those of v1 included, and what is probably wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..dataset.names import dataset_folders, places_near
from ..errors import Cure, Finding, warning
from ..words import count_of, some_of
from .folder_values import count_of_tasks, of_similar_name, problem
from .paths import NAMES, PURPOSE, Paths

OF_V1 = ("nnUNet_raw_data_base", "RESULTS_FOLDER")
"""Variables of nnU-Net v1 (its documentation, setting_up_paths.md); its preprocessed folder has the name of v2's."""


@dataclass(frozen=True)
class Place:
    """One of nnU-Net's folders.

    Parameters
    ----------
    variable
        The variable that names it.
    folder
        The folder, or why its value cannot be used.
    origin
        Where the value comes from.
    holds
        What is in it, counted.
    findings
        What is wrong with it.
    """

    variable: str
    folder: str
    origin: str
    holds: str = ""
    findings: tuple[Finding, ...] = ()


def overview(paths: Paths, environment: Mapping[str, str]) -> list[Place]:
    """Return the three folders, and those of nnU-Net v1 that are set.

    Parameters
    ----------
    environment
        All variables.
    """
    return [*(_place(word, paths, environment) for word in NAMES), *_of_v1(environment)]


def _place(word: str, paths: Paths, environment: Mapping[str, str]) -> Place:
    variable, folder = NAMES[word], getattr(paths, word)
    origin = paths.origin.get(word, "not set")
    if folder is None:
        return Place(variable, paths.problems.get(word, "-"), origin, "", (_unusable(word, paths, environment),))
    count = sum(map(len, dataset_folders(folder).values()))
    findings = tuple(_datasets_elsewhere(folder)) if word == "raw" and not count else ()
    return Place(variable, str(folder), origin, count_of(count, "dataset"), findings)


def _unusable(word: str, paths: Paths, environment: Mapping[str, str]) -> Finding:
    variable = NAMES[word]
    if word not in paths.problems and (similar := of_similar_name(variable, environment)):
        return similar
    what = paths.problems.get(word, "is not set")
    hint = paths.advice(word) if word in paths.problems else f"export {variable}"
    cures = (Cure.of("name_folder", word=word), Cure.of("make_folders"))
    return Finding("SC040", f"{variable}: {what}; it is the folder for {PURPOSE[word]}", hint=hint, cures=cures)


def _datasets_elsewhere(raw: Path) -> Iterator[Finding]:
    """Yield a warning if a folder without datasets has a neighbour with some."""
    for place in places_near(raw):
        names = [path.name for paths in dataset_folders(place).values() for path in paths]
        if names:
            what = f"holds no datasets; {place} does: {some_of(names)}"
            yield warning("SC040", what, file=str(raw), cures=[Cure.of("take_raw", raw=place)])
            return


def _of_v1(environment: Mapping[str, str]) -> Iterator[Place]:
    for variable in OF_V1:
        value = environment.get(variable)
        if not value:
            continue
        origin = f"variable {variable} of nnU-Net v1"
        if why := problem(value):
            finding = warning("SC040", f"{variable}: {value!r} {why}; tasks of nnU-Net v1 are looked up there")
            yield Place(variable, value, origin, "", (finding,))
        else:
            tasks = count_of(count_of_tasks(Path(value)), "task") if variable == OF_V1[0] else ""
            yield Place(variable, value, origin, tasks)
