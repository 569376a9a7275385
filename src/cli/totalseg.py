"""``segconv totalseg``: the group, and the commands that show what the installed TotalSegmentator knows."""

from __future__ import annotations

from typing import Any

import click

from ..words import count_of
from .completion import complete_tasks
from .help_pages import Group, example
from .options import speaking
from .sink import Sink
from .totalseg_combine import combine, groups, search
from .totalseg_run import run
from .totalseg_weights import install, pack, weights


@click.group(cls=Group, epilog=example("segconv totalseg tasks"))
def command() -> None:
    """Use TotalSegmentator as a source of labels: its tasks, weights and masks."""


for own in (run, groups, combine, weights, pack, install):
    command.add_command(own)


@command.command(epilog=example("segconv totalseg tasks --search lung"))
@search
@speaking
def tasks(search: str, sink: Sink) -> int:
    """List the tasks of the installed TotalSegmentator.

    Tasks that need a licence number are marked; TotalSegmentator's authors give one to researchers.
    """
    from ..train.totalsegmentator import registry

    found = [task for task in registry.tasks() if registry.matches(task.name, search)]
    sink.table(
        ["task", "modality", "licence", "classes"],
        [(t.name, t.modality, "needed" if t.needs_licence else "", len(t.classes)) for t in found],
    )
    sink.next("segconv totalseg classes TASK")
    listed = [
        {
            "name": task.name,
            "modality": task.modality,
            "needs_licence": task.needs_licence,
            "classes": len(task.classes),
        }
        for task in found
    ]
    sink.end({"totalsegmentator": registry.version(), "tasks": listed})
    return 0


@command.command(epilog=example("segconv totalseg classes total --search kidney"))
@click.argument("task", required=False, shell_complete=complete_tasks)
@search
@speaking
def classes(task: str | None, search: str, sink: Sink) -> int:
    """List the classes of one or all tasks, with their values."""
    from ..train.totalsegmentator import registry

    among = registry.tasks() if task is None else (registry.find_task(task),)
    found: dict[str, Any] = {}
    for each in among:
        own = {value: name for value, name in each.classes.items() if registry.matches(name, search)}
        if own or task is not None:
            found[each.name] = own
    rows = [(name, value, label) for name, own in found.items() for value, label in own.items()]
    sink.table(["task", "value", "class"], rows)
    sink.say(f"{count_of(len(rows), 'class', 'classes')} in {count_of(len(found), 'task')}")
    result = {"task": task, "classes": found[task]} if task is not None else {"tasks": found}
    sink.end({"totalsegmentator": registry.version(), **result})
    return 0
