"""A planned restoration: what each prediction is to become, and the dataset that says so."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..dataset.layout import Dataset
from ..errors import SegconvError
from ..image import segmentation
from ..work.plan import Plan


@dataclass(frozen=True)
class Restoration:
    """A planned restoration; nothing has been written.

    Parameters
    ----------
    like
        The dataset whose lineage tells names and values.
    plan
        The work.
    """

    like: Dataset
    plan: Plan


@dataclass(frozen=True)
class RestoreTask:
    """Payload of a work item: one prediction and what it is to become.

    Parameters
    ----------
    prediction
        Absolute path.
    ending
        Of the predictions.
    case
        Its identifier in the dataset.
    name
        What the user calls its label, without ending; may lead into a sub-folder.
    backward
        Value in the prediction → the user's value or colour.
    coding
        Whether those are `GRAY` or `RGB`.
    stored
        How the user's label is stored; see `CaseRecord`.
    geometry
        The grid of the case, or None if it is not known.
    """

    prediction: str
    ending: str
    case: str
    name: str
    backward: Mapping[int, int]
    coding: str
    stored: Mapping[str, Any]
    geometry: dict[str, Any] | None = None

    @property
    def form(self) -> str | None:
        """How the label is made up of several files, or None."""
        return self.stored.get("form")

    @property
    def own_ending(self) -> str:
        """The ending of the user's files; a detached NRRD comes back in one file."""
        ending = str(self.stored.get("ending", self.ending))
        return ending[:-5] + ".nrrd" if ending.lower().endswith(".nhdr") else ending

    @property
    def outputs(self) -> tuple[str, ...]:
        """Paths of the restored files, relative to the output folder."""
        if self.form == "layers":
            names = [f"{self.name}/{entry['file']}" for entry in self.stored["files"]]
        elif self.form == "stack":
            names = [f"{self.name}/{file}" for file in self.stored["files"]]
        elif self.form == "segments":
            names = [f"{self.name}/{self.stored.get('file', f'segments{segmentation.ENDING}')}"]
        elif self.own_ending.lower() == ".mhd":
            names = [f"{self.name}.mhd", f"{self.name}.raw"]
        else:
            names = [f"{self.name}{self.own_ending}"]
        return tuple(_inside(name) for name in names)


def _inside(name: str) -> str:
    """Return a path that a lineage names, which is data: it must stay in the output folder."""
    normal = posixpath.normpath(name)
    if "\0" in name or name.startswith("/") or normal != name or normal.startswith("../") or normal in ("..", "."):
        raise SegconvError(
            f"the lineage names the file {name!r}, expected a path inside the output folder",
            code="SC060",
            hint="convert again: the lineage was changed",
        )
    return normal
