"""A command in one file: ``segconv count DATASET`` counts the cases of a dataset. See docs/extending.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from segconv.cli.help_pages import Command, example
from segconv.cli.options import dataset_argument, speaking, three_folders
from segconv.cli.sink import Sink
from segconv.words import count_of

if TYPE_CHECKING:
    from segconv.train.paths import Paths


@click.command(cls=Command, epilog=example("segconv count 501"))
@dataset_argument
@three_folders
@speaking
def command(dataset: str, sink: Sink, paths: Paths) -> int:
    """Count the training and test cases of a dataset."""
    from segconv.dataset.layout import Dataset
    from segconv.dataset.lineage import TEST, TRAIN

    opened = Dataset.open(paths.dataset(dataset))
    counts = {split: len(opened.cases(split)) for split in (TRAIN, TEST)}
    sink.say(", ".join(count_of(number, f"{split} case") for split, number in counts.items()))
    sink.end({"cases": counts})
    return 0
