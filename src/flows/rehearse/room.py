"""The work folder of a rehearsal: nnU-Net's three folders, and a tiny dataset in the form of the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...dataset.layout import DESCRIPTION, Dataset, image_path, label_path
from ...dataset.lineage import RUN
from ...dataset.runs import NewRun
from ...dataset.stand_ins import Form, form_of, small_grid, stand_in
from ...dataset.strictjson import dumps, load_object, read_file
from ...image.geometry import Geometry
from ...train.paths import NAMES, Paths
from ...train.rehearsal.leftovers import ASKED, CASE, declare_written
from ...train.rehearsal.small import needed_grid
from ...work import fsops
from ...work.plan import hidden_name
from ...work.scratch import Warn, scratch
from ...work.writing import writing

CASES = tuple(f"{CASE}{number}" for number in range(4))
"""Training cases: two folds of two."""

UNSEEN = f"{CASE}4"
"""The case to predict."""

INPUTS, OUTPUT = "inputs", "output"

_READER = "overwrite_image_reader_writer"
"""The only entry of dataset.json besides those that segconv writes that changes what nnU-Net does."""


@dataclass(frozen=True)
class Room:
    """A work folder.

    Parameters
    ----------
    folder
        The folder.
    paths
        nnU-Net's three folders in it.
    dataset
        The tiny dataset.
    """

    folder: Path
    paths: Paths
    dataset: Dataset

    @property
    def request(self) -> Path:
        """Path of what a program is asked."""
        return self.folder / ASKED

    @property
    def inputs(self) -> Path:
        """Folder of the images to predict."""
        return self.folder / INPUTS


@contextmanager
def room(
    dataset: Dataset, paths: Paths, plans: Mapping[str, Any] | None, names: Sequence[str], warn: Warn | None
) -> Iterator[Room]:
    """Make a work folder with a tiny dataset, and remove it at the end.

    Parameters
    ----------
    plans
        The user's plans; None if there are none yet.
    names
        Configurations that will be trained.
    warn
        Called with a warning about files of others in the folder, which stay.

    Raises
    ------
    SegconvError
        ``SC035`` if another rehearsal of the dataset runs; what `form_of`, `scratch` and `writing` raise.
    """
    form = form_of(dataset)
    edges, spacing = needed_grid(plans, names) if plans is not None else ([], [])
    grid = small_grid(form, edges, spacing)
    work = paths.require("preprocessed") / hidden_name(f"rehearse-{dataset.path.name}")
    declare_written(work)
    with scratch(work, [ASKED], warn):
        try:
            raw, preprocessed, results = (work / name for name in NAMES.values())
            with writing(work):
                for folder in (raw, preprocessed, results, work / INPUTS):
                    fsops.mkdir(folder)
            _write_dataset(dataset, raw / dataset.path.name, form, grid)
            _write_unseen(work / INPUTS, form, grid)
            own = replace(paths, raw=raw, preprocessed=preprocessed, results=results)
            yield Room(work, own, Dataset.open(raw / dataset.path.name))
        finally:
            declare_written(work)


def _write_dataset(dataset: Dataset, raw: Path, form: Form, grid: Geometry) -> None:
    said = load_object(read_file(dataset.path / DESCRIPTION))
    description = {**dataset.description.as_json(), "numTraining": len(CASES)}
    description.update({_READER: said[_READER]} if _READER in said else {})
    files = {DESCRIPTION: dumps(description)}
    for seed, case in enumerate(CASES):
        images, label = stand_in(form, grid, seed)
        files |= {image_path(case, channel, form.ending): data for channel, data in enumerate(images)}
        files[label_path(case, form.ending)] = label
    run = dataset.run
    if run is not None:  # so that predictions are restored as those of the user's dataset
        files[RUN] = NewRun(command="convert", label_map=run.label_map, label_file=run.label_file).to_bytes()
    _write(raw, files)


def _write_unseen(folder: Path, form: Form, grid: Geometry) -> None:
    images, _ = stand_in(form, grid, len(CASES))
    _write(folder, {f"{UNSEEN}_{channel:04d}{form.ending}": data for channel, data in enumerate(images)})


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        with writing(folder / name):
            fsops.mkdir((folder / name).parent)
            fsops.write_new(folder / name, data)
