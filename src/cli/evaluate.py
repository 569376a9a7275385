"""``segconv evaluate``."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import PATH, example, jobs, option, overwrite, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..review.scores.beside_tables import Table
    from ..review.scores.declared import Declaration
    from ..review.scores.scoring import Evaluation
    from ..train.paths import Paths

SHOWN = 20
"""Cases and files that are named; --json names all."""


@click.command(epilog=example("segconv evaluate mine testing/output"))
@click.argument("predictions", type=PATH)
@click.argument("references", metavar="REFERENCES|DATASET")
@option("--like", metavar="DATASET", help="Both hold the values of this dataset, or of the files that it was made of.")
@option("--labels", metavar="NAME=VALUE,…", help="What the values or colours of both mean; as in convert.")
@option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value as a class; repeatable.")
@option("--missing", type=click.Choice(["zero", "skip"]), help="What has no prediction: scores 0, or is left out.")
@option("--extra", type=click.Choice(["skip"]), help="Leave out predictions without a reference.")
@option("--missing-masks", type=click.Choice(["empty"]), help="A class without a reference mask is not in that case.")
@option(
    "--layout",
    type=click.Choice(["files", "slices", "classes", "class-folders"]),
    help="How a case is stored: in one file, as a folder of slices or of masks of a class each, or with its masks in a"
    " folder for each class.",
)
@option("--csv", type=PATH, help="Write every case and class into this file as well.")
@overwrite
@jobs
@three_folders
@speaking
def command(
    predictions: Path,
    references: str,
    like: str | None,
    labels: str | None,
    maps: tuple[str, ...],
    missing: str | None,
    extra: str | None,
    missing_masks: str | None,
    layout: str | None,
    csv: Path | None,
    overwrite: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Score predictions against reference masks.

    REFERENCES is a folder of masks that are called as the predictions, or a dataset, whose labelsTs or
    labelsTr is taken. Volumes must lie on the grid of their reference. Both sides must hold values of one
    coding: the dataset's, yours, or what --labels or tables of classes beside them declare; without any,
    the same values over all files.
    The score is Dice. A class that a case has neither in its reference nor in its prediction does not
    count there; the mean of a class is over the cases where it counts, the last mean over classes. -v
    shows every case.
    """
    from ..review.scores.evaluation import evaluate_folders
    from ..review.scores.pairing import Allowed
    from ..review.scores.tables import as_json, case_rows, class_rows, refuse_taken, write_csv
    from ..work.readers import Readers
    from .label_texts import parse_map

    if csv is not None:
        refuse_taken(csv, overwrite=overwrite)
    found = evaluate_folders(
        predictions,
        Path(references) if os.sep in references or Path(references).is_dir() else paths.dataset(references),
        labels=_declared(predictions, like, labels, paths),
        values=parse_map(maps),
        layout=layout,
        allowed=Allowed(missing, extra, missing_masks),
        tables=_table_beside,
        readers=Readers(jobs, sink.progress()),
    )
    sink.warn(found.findings)
    if sink.verbose:
        sink.table(*case_rows(found))
        sink.data("")
    sink.table(*class_rows(found))
    _tell(found, sink)
    if csv is not None:
        write_csv(found, csv, overwrite=overwrite)
        sink.say(f"every case and class is in {csv}")
    sink.end({**as_json(found), "csv": None if csv is None else str(csv)}, found.findings)
    return 0


def _declared(predictions: Path, like: str | None, labels: str | None, paths: Paths) -> Declaration | None:
    """Return what the user declares, or the lineage of restored predictions, if their dataset is still there."""
    from dataclasses import replace

    from ..convert.labels.declared import Declared
    from ..dataset.labels import value_text
    from ..dataset.layout import Dataset
    from ..errors import SegconvError
    from ..review.scores.declared import of_dataset, of_values
    from ..review.scores.references import is_restored
    from .label_texts import parse_labels

    if like is not None and labels is not None:
        raise SegconvError("--like and --labels exclude each other", hint="give one of them")
    if labels is not None:
        declared = Declared.of(parse_labels(labels))
        names = {name: value_text(value, declared.coding) for name, value in declared.names.items()}
        return replace(of_values(names, "--labels"), ranges=declared.ranges)
    if like is not None:
        return replace(of_dataset(Dataset.open(paths.dataset(like))), for_both=True)
    dataset = is_restored(predictions)
    if dataset is None:
        return None
    try:
        return of_dataset(Dataset.open(paths.dataset(dataset)))
    except SegconvError:
        return None  # it may have been removed, or lie elsewhere


def _table_beside(folder: Path, files: Collection[str], in_colours: bool) -> Table | None:
    """Return what tables and lists of classes beside labels declare, as conversion reads them."""
    from ..convert.labels.declared import Declared
    from ..convert.labels.declared_beside import declared_in
    from ..dataset.labels import value_text
    from ..review.scores.beside_tables import Table

    found = declared_in(folder, files, in_colours=in_colours)
    if found is None:
        return None
    declared = Declared.of(found.names)
    names = {name: value_text(value, declared.coding) for name, value in declared.names.items()}
    return Table(names, f"{folder}/{found.where}", found.occurring)


def _tell(found: Evaluation, sink: Sink) -> None:
    """Say what the scores are over, and what does not count."""
    for note in found.notes:
        sink.say(f"note: {note}")
    if found.missing:
        were = "case was" if len(found.missing) == 1 else "cases were"
        sink.say(f"{len(found.missing)} {were} not predicted and counted as 0: {_listed(found.missing)}")
    if found.skipped:
        sink.say(f"left out, without a counterpart: {_listed(found.skipped)}")
    if min(found.counted.values(), default=0) < len(found.cases):
        sink.say("a case in which a class is neither there nor predicted does not count for it: see the column cases")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
