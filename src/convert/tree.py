"""The files of a source, folder by folder; links are followed as long as they stay inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .blocks import Chained
from .listing import OWN_FOLDERS as OWN_FOLDERS
from .listing import Folder
from .listing import Unit as Unit
from .survey import Survey


def folders_of(survey: Survey) -> Iterator[Folder]:
    """Yield each folder of a source, sorted; the findings on links in it go to the survey. See `Listing.folders`."""
    for folder in survey.listing.folders(external=survey.options.allow_external):
        survey.findings.extend(folder.findings)
        yield folder


def walk(survey: Survey) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each folder of a source, relative to it, and the names of its files; see `folders_of`."""
    for folder in folders_of(survey):
        yield folder.path, folder.names


def units_in(survey: Survey, ending_of: Callable[[str], str | None]) -> tuple[Chained[Unit], dict[str, Sequence[str]]]:
    """Return the files with a known ending, and the names of all others by folder."""
    units: Chained[Unit] = Chained()
    others: dict[str, Sequence[str]] = {}
    for folder in folders_of(survey):
        own, rest = by_ending(folder, ending_of)
        if not own and ending_of(folder.path) is not None:
            survey.error("SC061", "is a folder, expected a file", file=folder.path)
        units.extend(own)
        if rest:
            others[folder.path] = rest
    return units, others


def by_ending(folder: Folder, ending_of: Callable[[str], str | None]) -> tuple[Sequence[Unit], Sequence[str]]:
    """Return the files of a folder with a known ending, and the names of all others.

    Parameters
    ----------
    ending_of
        Returns one of the endings of pictures and volumes, or None.
    """
    known = {ending for ending in folder.endings if ending_of(ending) is not None}
    if not known:
        return [], folder.names
    own = folder.units if len(known) == len(folder.endings) else folder.units_with(known)
    return own, [name for name in folder.names if ending_of(name) is None] if len(own) < len(folder.names) else []


def unit_with(ending: str | None, folder: str, name: str) -> Unit | None:
    """Return a file of a folder as a unit; None if it has no known ending."""
    return None if ending is None else Unit(folder, name[: -len(ending)], name[-len(ending) :])
