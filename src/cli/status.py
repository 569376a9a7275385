"""``segconv status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .help_pages import Command, example
from .options import optional_dataset, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..flows.status.progress import Status
    from ..train.paths import Paths


@click.command(cls=Command, epilog=example("segconv status 501"))
@optional_dataset
@three_folders
@speaking
def command(dataset: str | None, sink: Sink, paths: Paths) -> int:
    """Show how far a dataset is, and the next command.

    Shows what is raw, checked, split, planned, preprocessed, trained, compared and predicted, what changed
    since, and what to type next. Without a DATASET, every dataset is shown on one line. Nothing is written.
    """
    from ..dataset.names import find_dataset
    from ..flows.status.progress import status_of, statuses

    if dataset is None:
        return _show_all(statuses(paths), sink)
    status = status_of(find_dataset(dataset, paths.require("raw")), paths)
    sink.table(["stage", "state", "what"], [(stage.name, stage.state, stage.detail) for stage in status.stages])
    following = _next(status, sink)
    if following:
        sink.next(following)
    sink.end(_as_json(status, sink))
    return 0


def _show_all(found: list[Status], sink: Sink) -> int:
    names = list(dict.fromkeys(stage.name for status in found for stage in status.stages))
    rows = []
    for status in found:
        states = {stage.name: stage.state for stage in status.stages}
        rows.append((status.dataset, *(states.get(name, "") for name in names), _next(status, sink)))
    if found:
        sink.table(["dataset", *names, "next"], rows)
    else:
        sink.say("nnUNet_raw holds no dataset")
        sink.next("segconv convert SOURCE --to 42_Name")
    sink.end({"datasets": [_as_json(status, sink) for status in found]})
    return 0


def _next(status: Status, sink: Sink) -> str:
    return "" if status.next is None else sink.speaker.words(status.next)


def _as_json(status: Status, sink: Sink) -> dict[str, Any]:
    stages = [{"name": stage.name, "state": stage.state, "detail": stage.detail} for stage in status.stages]
    return {"dataset": status.dataset, "stages": stages, "next": _next(status, sink) or None}
