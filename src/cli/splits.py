"""``segconv splits``: the group, and the commands that write nothing."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND
from .help_pages import Group, example
from .options import dataset_argument, jobs, option, speaking, three_folders
from .sink import Sink
from .splits_make import allow_alike, make, named_patients
from .splits_rows import heads, rows
from .types import SPLITS

if TYPE_CHECKING:
    from ..flows.splits.found import Wanted
    from ..flows.splits.patients import NamedPatients
    from ..train.paths import Paths

file_of_splits = option(
    "--splits",
    "file",
    type=SPLITS,
    metavar="FILE|default",
    help="A splits_final.json, or nnU-Net's default folds; otherwise what nnU-Net will train with.",
)


@click.group(cls=Group, epilog=example("segconv splits show 501"))
def command() -> None:
    """Make, show and verify the folds of a dataset."""


command.add_command(make)


@command.command(epilog=example("segconv splits show 501"))
@dataset_argument
@file_of_splits
@jobs
@three_folders
@speaking
def show(dataset: str, file: Wanted | None, jobs: int, sink: Sink, paths: Paths) -> int:
    """Show what is in each fold: cases, copies, patients and classes.

    Shows the folds of the preprocessed data, or of the dataset if it is not planned, or those that
    nnU-Net will make if it has none. Classes are those of the validation: in how many cases each
    occurs, and which part of its volume the fold validates.
    """
    from ..dataset.layout import Dataset
    from ..flows.splits.table import show_splits
    from ..work.readers import Readers

    shown = show_splits(
        Dataset.open(paths.dataset(dataset)), paths, file=file, readers=Readers(jobs, sink.progress(), what="files")
    )
    sink.say(shown.found.shown)
    sink.table(heads(shown.found.folds), rows(shown.folds))
    typed = shlex.quote(dataset) + (f" --splits {shlex.quote(str(file))}" if file is not None else "")
    sink.next(f"segconv splits verify {typed}")
    path = shown.found.path
    sink.end({"file": None if path is None else str(path), "folds": [facts.as_json() for facts in shown.folds]})
    return 0


@command.command(epilog=example("segconv splits verify 501"))
@dataset_argument
@file_of_splits
@named_patients
@allow_alike
@jobs
@three_folders
@speaking
def verify(
    dataset: str,
    file: Wanted | None,
    named: NamedPatients,
    allow_alike: bool,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Verify that no fold knows its validation cases, and print a certificate.

    Finds validation cases whose original, copy or patient is in training, or an image that is identical
    or near-identical; names that are no case, cases in no fold or validated twice, and classes that a
    fold lacks. Every file is read once.
    The certificate on stdout is JSON: the hashes of dataset and folds, what was checked, the groups,
    each leak by name, and the verdict. Exit code 1 if there are errors.
    """
    from ..dataset.layout import Dataset
    from ..flows.splits.verify import verify_splits
    from ..work.readers import Readers

    verified = verify_splits(
        Dataset.open(paths.dataset(dataset)),
        paths,
        file=file,
        patients=named,
        alike=not allow_alike,
        readers=Readers(jobs, sink.progress(), what="files"),
    )
    certificate, findings = verified.certificate, verified.findings
    ok = not any(finding.severity == "error" for finding in findings)
    sink.warn(findings)
    for line in json.dumps(certificate.as_json(), indent=2, ensure_ascii=True).splitlines():
        sink.data(line)
    if certificate.evidence.dataset.run is None:
        sink.say("copies: unknown, as segconv did not make the dataset; only names and images were compared")
    sink.say(f"{certificate.found.shown}: {certificate.verdict}")
    if ok:
        sink.next(f"segconv plan {shlex.quote(dataset)}")
    sink.end({"certificate": certificate.as_json()}, findings, ok=ok)
    return 0 if ok else EXIT_FOUND
