"""``segconv restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND
from .completion import complete_datasets
from .help_pages import Command, example
from .options import PATH, option, output, running, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


@click.command(cls=Command, epilog=example("segconv restore predictions --like 501_Shapes -o mine"))
@click.argument("predictions", type=PATH)
@option(
    "--like",
    required=True,
    metavar="DATASET",
    shell_complete=complete_datasets,
    help="The dataset that the model was trained on.",
)
@output
@running
@three_folders
@speaking
def command(predictions: Path, like: str, output: Path, sink: Sink, paths: Paths, how: RunOptions) -> int:
    """Bring predictions back to your own names and values.

    PREDICTIONS is a folder that nnU-Net wrote. Each file gets the name, the label values and the
    format that the case had before it was converted. A folder that is restored already is left as
    it is.
    """
    from ..convert.back.restore import is_restored, plan_restore, report, run_restore
    from ..dataset.layout import Dataset
    from ..train.paths import NAMES
    from ..work.apart import refuse_holding, refuse_within

    if predictions.is_dir() and is_restored(predictions):
        sink.say(f"{predictions} is restored already; nothing to do")
        sink.end({"restored": 0, "output": str(predictions)})
        return 0
    dataset = Dataset.open(paths.dataset(like))
    folders = {name: getattr(paths, word) for word, name in NAMES.items()}
    refuse_holding(output, {"the dataset": dataset.path, "what is restored": predictions, **folders})
    refuse_within(output, "what is restored", predictions)
    restoration = plan_restore(predictions, dataset, output)
    outcome = run_restore(restoration, how)
    sink.warn([*outcome.warnings, *outcome.failed])
    rows = report(restoration)
    if sink.verbose:
        sink.table(
            ["prediction", "file", "labels"], [(r["prediction"], " ".join(r["files"]), r["labels"]) for r in rows]
        )
    else:
        for labels in dict.fromkeys(row["labels"] for row in rows):
            sink.say(f"labels: {labels}")
    sink.say(f"Restored {outcome.done} predictions to {outcome.target}")
    result = {"restored": outcome.done, "output": str(outcome.target), "mapped": rows}
    sink.end(result, [*outcome.warnings, *outcome.failed])
    return EXIT_FOUND if outcome.failed else 0
