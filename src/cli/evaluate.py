"""``segconv evaluate``."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..words import some_of
from .options import PATH, bundled, example, jobs, option, overwrite, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..review.scores.beside_tables import Table
    from ..review.scores.declared import Declaration
    from ..review.scores.pairing import Allowed
    from ..review.scores.scoring import Evaluation
    from ..train.paths import Paths

SHOWN = 20
"""How many cases and files are named; ``--json`` names all."""


@dataclass(frozen=True)
class Said:
    """What values mean and how a case is stored, as the user declares it."""

    like: str | None
    labels: str | None
    maps: tuple[str, ...]
    layout: str | None


@dataclass(frozen=True)
class CsvFile:
    """The CSV file for the scores per case and class, if any."""

    path: Path | None
    overwrite: bool


def _allowed(**said: str | None) -> Allowed:
    from ..review.scores.pairing import Allowed

    return Allowed(**said)


@click.command(epilog=example("segconv evaluate mine testing/output"))
@click.argument("predictions", type=PATH)
@click.argument("references", metavar="REFERENCES|DATASET")
@bundled(
    "said",
    Said,
    option("--like", metavar="DATASET", help="Both sides hold the values of this dataset, or of its source files."),
    option("--labels", metavar="NAME=VALUE,…", help="What the values or colours of both sides mean; as in convert."),
    option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value as a class; may be repeated."),
    option(
        "--layout",
        type=click.Choice(["files", "slices", "classes", "class-folders"]),
        help="How a case is stored: as one file; as a folder of slices, or of one mask per class; or as masks in a"
        " folder per class.",
    ),
)
@bundled(
    "allowed",
    _allowed,
    option("--missing", type=click.Choice(["zero", "skip"]), help="Score missing predictions as 0, or leave them out."),
    option("--extra", type=click.Choice(["skip"]), help="Leave out predictions without a reference."),
    option(
        "--missing-masks", type=click.Choice(["empty"]), help="A class without a reference mask does not occur there."
    ),
)
@bundled(
    "csv",
    CsvFile,
    option("--csv", "path", type=PATH, help="Also write the scores of every case to this file."),
    overwrite,
)
@jobs
@three_folders
@speaking
def command(
    predictions: Path,
    references: str,
    said: Said,
    allowed: Allowed,
    csv: CsvFile,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Score predictions against reference masks.

    REFERENCES is a folder of masks with the names of the predictions, or a dataset, of which labelsTs or
    labelsTr is used. Volumes must be on the grid of their reference. Both sides must use the same values:
    those of a dataset, of your source files, or those that --labels or tables next to the masks declare.

    The score is Dice. A class that is neither in the reference nor in the prediction of a case does not
    count in that case. The mean of a class is over the cases in which it counts; the last row is the mean
    over classes. -v shows every case.
    """
    from ..review.scores.evaluation import evaluate_folders
    from ..review.scores.tables import as_json, case_rows, class_rows, refuse_taken, write_csv
    from ..work.readers import Readers
    from .label_texts import parse_map

    if csv.path is not None:
        refuse_taken(csv.path, overwrite=csv.overwrite)
    found = evaluate_folders(
        predictions,
        Path(references) if os.sep in references or Path(references).is_dir() else paths.dataset(references),
        labels=_declared(predictions, said, paths),
        values=parse_map(said.maps),
        layout=said.layout,
        allowed=allowed,
        tables=_table_beside,
        readers=Readers(jobs, sink.progress()),
    )
    sink.warn(found.findings)
    if sink.verbose:
        sink.table(*case_rows(found))
        sink.data("")
    sink.table(*class_rows(found))
    _explain(found, sink)
    if csv.path is not None:
        write_csv(found, csv.path, overwrite=csv.overwrite)
        sink.say(f"the scores of every case are in {csv.path}")
    sink.end({**as_json(found), "csv": None if csv.path is None else str(csv.path)}, found.findings)
    return 0


def _declared(predictions: Path, said: Said, paths: Paths) -> Declaration | None:
    """Return what the user declares, or what the dataset declares that predictions were restored for, if it exists."""
    from ..convert.labels.declared import Declared
    from ..dataset.labels import value_text
    from ..dataset.layout import Dataset
    from ..errors import SegconvError
    from ..review.scores.declared import of_dataset, of_values
    from ..review.scores.references import is_restored
    from .label_texts import parse_labels

    if said.like is not None and said.labels is not None:
        raise SegconvError("--like and --labels exclude each other", hint="give one of them")
    if said.labels is not None:
        declared = Declared.of(parse_labels(said.labels))
        names = {name: value_text(value, declared.coding) for name, value in declared.names.items()}
        return replace(of_values(names, "--labels"), ranges=declared.ranges)
    if said.like is not None:
        return replace(of_dataset(Dataset.open(paths.dataset(said.like))), for_both=True)
    dataset = is_restored(predictions)
    if dataset is None:
        return None
    try:
        return of_dataset(Dataset.open(paths.dataset(dataset)))
    except SegconvError:
        return None  # it may have been removed or moved


def _table_beside(folder: Path, files: Collection[str], in_colours: bool) -> Table | None:
    """Return what tables and class lists next to labels declare, read as in conversion."""
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


def _explain(found: Evaluation, sink: Sink) -> None:
    """Show which cases are scored, and what does not count."""
    for note in found.notes:
        sink.say(f"note: {note}")
    if found.missing:
        sink.say(f"scored as 0, without a prediction: {some_of(found.missing, SHOWN)}")
    if found.skipped:
        sink.say(f"left out, without a counterpart: {some_of(found.skipped, SHOWN)}")
    if min(found.counted.values(), default=0) < len(found.cases):
        sink.say("the column cases counts the cases in which a class is in the reference or in the prediction")
