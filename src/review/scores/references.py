"""Where references lie, a folder or a dataset, and what that and the predictions' folder declare of their values."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.names import DatasetName
from ...errors import SegconvError
from .declared import Declaration, beside, of_dataset
from .found import Found, LabelUnit, find_labels
from .layouts import FILE

ABOUT = (DESCRIPTION, lineage.RUN, lineage.CASES)
"""Files of a folder that say what its labels are."""


def find_references(references: Path, predictions: Found, layout: str | None) -> tuple[Path, Found]:
    """Return the folder that holds the references of predictions, and its labels.

    Parameters
    ----------
    references
        A folder of labels, or a dataset or task, of which the labels of that split count which was predicted.

    Raises
    ------
    SegconvError
        ``SC003`` if cases of two splits were predicted; what `find_labels` raises.
    """
    if not reading.is_file(references / DESCRIPTION):
        return references, find_labels(references, layout, predictions)
    names = {unit.name for unit in predictions.units}
    found = {}
    for split in ("labelsTs", "labelsTr", "labelsVal"):
        if reading.is_folder(references / split):
            found[references / split] = find_labels(references / split, layout, predictions)
    if not found and (labels := _external(references)):
        return references, Found(tuple(labels))
    if not found:
        return references, find_labels(references, layout, predictions)
    holding = [folder for folder, its in found.items() if names & {unit.name for unit in its.units}]
    if len(holding) > 1:
        raise SegconvError(
            f"holds the references of predictions in {' and in '.join(folder.name for folder in holding)}",
            code="SC003",
            file=str(references),
            hint=f"name {' or '.join(map(str, holding))}; --extra skip leaves out predictions of the other",
        )
    chosen = holding[0] if holding else next(iter(found))
    return chosen, found[chosen]


def _external(references: Path) -> list[LabelUnit]:
    """Return the labels of a dataset whose files lie elsewhere."""
    if DatasetName.of_folder(Path(os.path.realpath(references)).name) is None:
        return []
    dataset = Dataset.open(Path(os.path.realpath(references)))
    files = {case: str(dataset.label_file(case)) for case in sorted(dataset.external)}
    return [LabelUnit(case, FILE, (file,)) for case, file in files.items()]


def declared(labels: Declaration | None, predictions: Path, references: Path) -> Declaration | None:
    """Return what is declared of the values on both sides: by the user, else by the folders themselves, or None.

    Raises
    ------
    SegconvError
        ``SC078`` if the folders declare two different things; what reading their json raises.
    """
    if labels is not None:
        own = labels.folder is not None and Path(os.path.realpath(references)).is_relative_to(
            Path(os.path.realpath(labels.folder))
        )
        return replace(labels, of_references=own)
    mine, its = beside(predictions), _of_references(references)
    if mine is None or its is None:
        return its or mine
    if mine.own.meaning != its.own.meaning:
        told = f"{mine.own.who} declares {mine.own.listed()}; {its.own.who} {its.own.listed()}"
        hint = "bring both into one coding; or --like DATASET, or --labels NAME=VALUE,…, if that holds for both"
        raise SegconvError(told, code="SC078", file=str(predictions), hint=hint)
    return replace(its, for_both=True)


def _of_references(folder: Path) -> Declaration | None:
    """Return what is declared of a folder of labels by the dataset that it belongs to."""
    here = Path(os.path.realpath(folder))
    root = here.parent if here.name.startswith("labels") else here
    if DatasetName.of_folder(root.name) is not None and reading.is_file(root / DESCRIPTION):
        return replace(of_dataset(Dataset.open(root)), of_references=True)
    return beside(folder)


def is_restored(folder: Path) -> str | None:
    """Return the name of the dataset that predictions were restored like, or None if they were not restored."""
    run = lineage.read_run(folder)
    if run is None or run.get("command") not in lineage.RESTORED:
        return None
    return str(run.get("source", {}).get("name", "")) or None
