"""Find references in a folder or dataset, and the values declared by it and by the predictions' folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...dataset.folders import TESTING, TRAINING, VALIDATING
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.names import DatasetName
from ...errors import Cure, SegconvError
from .declared import Declaration, agreed, beside, of_dataset
from .found import Found, LabelUnit, find_labels
from .layouts import FILE

ABOUT = (DESCRIPTION, lineage.RUN, lineage.CASES)
"""Files of a folder that say what its labels are."""


def find_references(references: Path, predictions: Found, layout: str | None) -> tuple[Path, Found]:
    """Return the folder that holds the references of predictions, and its labels.

    Parameters
    ----------
    references
        A folder of labels; or a dataset or task, from which the labels of the predicted split are used.

    Raises
    ------
    SegconvError
        ``SC003`` if cases of two splits were predicted; what `find_labels` raises.
    """
    if not reading.is_file(references / DESCRIPTION):
        return references, find_labels(references, layout, predictions)
    splits = [references / split.labels for split in (TESTING, TRAINING, VALIDATING)]
    found = {folder: find_labels(folder, layout, predictions) for folder in splits if reading.is_folder(folder)}
    if not found:
        labels = _external(references)
        return references, Found(tuple(labels)) if labels else find_labels(references, layout, predictions)
    chosen = _predicted(found, predictions, references)
    return chosen, found[chosen]


def _predicted(found: Mapping[Path, Found], predictions: Found, references: Path) -> Path:
    """Return the folder with the references of predictions; the first one if none has any."""
    names = {unit.name for unit in predictions.units}
    holding = [folder for folder, its in found.items() if not names.isdisjoint(unit.name for unit in its.units)]
    if len(holding) > 1:
        raise SegconvError(
            f"holds the references of predictions in {' and in '.join(folder.name for folder in holding)}",
            code="SC003",
            file=str(references),
            hint=f"give {' or '.join(map(str, holding))} as references",
            cures=(Cure.of("skip_extra"),),
        )
    return (holding or list(found))[0]


def _external(references: Path) -> list[LabelUnit]:
    """Return the labels of a dataset with files elsewhere."""
    if DatasetName.of_folder(Path(os.path.realpath(references)).name) is None:
        return []
    dataset = Dataset.open(Path(os.path.realpath(references)))
    files = {case: str(dataset.label_file(case)) for case in sorted(dataset.external)}
    return [LabelUnit(case, FILE, (file,)) for case, file in files.items()]


def declared(labels: Declaration | None, predictions: Path, references: Path) -> Declaration | None:
    """Return the declaration of values on both sides: by the user, else by the folders; or None.

    Raises
    ------
    SegconvError
        ``SC078`` if the folders contradict each other; what reading their json raises.
    """
    if labels is not None:
        own = labels.folder is not None and Path(os.path.realpath(references)).is_relative_to(
            Path(os.path.realpath(labels.folder))
        )
        return replace(labels, of_references=own)
    mine, its = beside(predictions), _of_references(references)
    return agreed(mine, its, predictions) if mine is not None and its is not None else its or mine


def _of_references(folder: Path) -> Declaration | None:
    """Return the declaration of the dataset that a folder of labels belongs to."""
    here = Path(os.path.realpath(folder))
    root = here.parent if here.name.startswith("labels") else here
    if DatasetName.of_folder(root.name) is not None and reading.is_file(root / DESCRIPTION):
        return replace(of_dataset(Dataset.open(root)), of_references=True)
    return beside(folder)


def is_restored(folder: Path) -> str | None:
    """Return the name of the dataset that predictions were restored for; None if they were not restored."""
    run = lineage.read_run(folder)
    if run is None or run.get("command") not in lineage.RESTORED:
        return None
    return str(run.get("source", {}).get("name", "")) or None
