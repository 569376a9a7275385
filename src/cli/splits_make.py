"""``segconv splits make``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..words import some_of
from .help_pages import Command, example
from .options import PATH, bundled, dataset_argument, dry_run, jobs, option, seed, speaking, three_folders
from .sink import Sink
from .splits_rows import heads, rows
from .types import PART

if TYPE_CHECKING:
    from ..flows.splits.patients import NamedPatients
    from ..train.paths import Paths


def _named(patient_pattern: str | None, patients: Path | None) -> NamedPatients:
    from ..flows.splits.patients import NamedPatients

    return NamedPatients(patients, patient_pattern)


named_patients = bundled(
    "named",
    _named,
    option("--patient-pattern", metavar="REGEX", help="Finds the patient in the name of a case."),
    option("--patients", type=PATH, metavar="CSV", help="Case and patient."),
)

allow_alike = option("--allow-alike", is_flag=True, help="Let near-identical images be in different folds.")


@click.command(cls=Command, epilog=example("segconv splits make 501 --folds 4 --dry-run"))
@dataset_argument
@option("--folds", type=click.IntRange(min=2), help="Number of folds; default: 5, or fewer if the dataset is small.")
@named_patients
@option("--group-by", metavar="REGEX", help="Finds the site in the name of a case; one fold for each site.")
@option("--hold-out", type=PART, metavar="PERCENT", help="Part of the cases for a test set that no fold trains on.")
@allow_alike
@seed
@option("--overwrite", is_flag=True, help="Replace folds that are your own work.")
@dry_run
@jobs
@three_folders
@speaking
def make(
    dataset: str,
    folds: int | None,
    named: NamedPatients,
    group_by: str | None,
    hold_out: float | None,
    allow_alike: bool,
    seed: int,
    overwrite: bool,
    dry_run: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Make folds that cannot leak, with an equal part of every class.

    Cases of one patient, copies and near-identical images stay in one fold; copies only train. The
    folds are balanced by the number of cases, the presence of each class and its volume, and are
    the same for the same seed. They are written to the dataset and to its preprocessed data, unless a
    model was trained with others.

    --hold-out adds a fold that trains on all other cases and validates those held out: nnU-Net scores
    them when it validates that fold. `segconv best` leaves it out.
    """
    from ..dataset.layout import Dataset
    from ..flows.splits.make import plan_splits
    from ..flows.splits.write import write_splits
    from ..work.readers import Readers

    made = plan_splits(
        Dataset.open(paths.dataset(dataset)),
        folds=folds,
        seed=seed,
        patients=named,
        group_by=group_by,
        hold_out=hold_out,
        alike=not allow_alike,
        readers=Readers(jobs, sink.progress(), what="files"),
    )
    sink.say(made.said)
    sink.say(f"patients: {made.evidence.patients_in_words('--patient-pattern or --patients')}")
    if pairs := made.evidence.alike_pairs:
        sink.say(
            f"near-identical images, kept together: {some_of(map(' and '.join, pairs))} (--allow-alike parts them)"
        )
    sink.table(heads(made.folds), rows(made.facts))
    sink.warn(made.findings)
    changed = [] if dry_run else write_splits(made, paths, overwrite=overwrite)
    if dry_run:
        sink.say("nothing was written (--dry-run)")
    elif not changed:
        sink.say("nothing to do: the dataset has these folds already")
    for path in changed:
        sink.say(f"wrote {path}")
    if not dry_run:
        sink.next(f"segconv splits verify {shlex.quote(dataset)}")
    result = {
        "options": made.options,
        "near_identical": pairs,
        "splits": made.folds,
        "folds": [fold.as_json() for fold in made.facts],
    }
    sink.end({**result, "wrote": [str(path) for path in changed]}, made.findings)
    return 0
