"""``segconv totalseg combine`` and ``groups``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND, Finding
from ..words import count_of, some_of
from .completion import complete_tasks
from .help_pages import Command, example
from .options import PATH, dry_run, option, running, speaking
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.combining.plan import Combination
    from ..work.run_options import RunOptions

SHOWN_CLASSES = 6

search = option(
    "--search", default="", show_default=False, help="List only names that contain this, or match it as a pattern."
)


@click.command(cls=Command, epilog=example("segconv totalseg groups total --search lung"))
@click.argument("task", required=False, shell_complete=complete_tasks)
@search
@speaking
def groups(task: str | None, search: str, sink: Sink) -> int:
    """List the usual groups of classes of one or all tasks.

    Their names stand for their classes in `segconv totalseg combine`.
    """
    from ..train.totalsegmentator import registry
    from ..train.totalsegmentator.groups import usual_groups

    among = registry.tasks() if task is None else (registry.find_task(task),)
    found = {each.name: usual_groups(each.classes.values()) for each in among}
    for own in found.values():
        for name in [name for name in own if not registry.matches(name, search)]:
            del own[name]
    rows = [(name, group, ", ".join(own)) for name, groups in found.items() for group, own in groups.items()]
    sink.table(["task", "group", "classes"], rows)
    result = {"task": task, "groups": found[task]} if task is not None else {"tasks": found}
    sink.end({"totalsegmentator": registry.version(), **result})
    return 0


@click.command(cls=Command, epilog=example("segconv totalseg combine segmentations -o lung.nii.gz lung"))
@click.argument("source", metavar="IN", type=PATH)
@click.argument("groups", nargs=-1, required=True, metavar="NAME[=CLASS,…]…")
@option("-o", "--output", type=PATH, required=True, help="Folder to make; a file for one case.")
@option(
    "--task",
    metavar="TASK[@VERSION]",
    shell_complete=complete_tasks,
    help="Task whose classes these are; default: the one whose names they have.",
)
@option("--missing-masks", type=click.Choice(["empty"]), help="A class that a case lacks counts as empty.")
@dry_run
@running
@speaking
def combine(
    source: Path,
    groups: tuple[str, ...],
    output: Path,
    task: str | None,
    missing_masks: str | None,
    dry_run: bool,
    sink: Sink,
    how: RunOptions,
) -> int:
    """Combine classes to one mask, or to a label map with names.

    IN is a folder with a mask for each class, a folder of such folders, or one file or a folder of files that
    hold all classes. Each NAME becomes a label, with the values 1, 2, … in this order: of classes and patterns
    (`lung=lung_*_lobe_*`), of a class of that name, or of a usual group, which `segconv totalseg groups`
    lists. Where groups overlap, the first has the voxels. -o is a folder, or for one case a file such as
    lung.nii.gz, which is never replaced.
    """
    from ..convert.combining.plan import run_combination
    from ..flows.combine import plan_combination
    from ..work.readers import Readers

    planned = plan_combination(
        source,
        output,
        groups,
        task=task,
        missing_masks=missing_masks,
        readers=Readers(how.jobs),
    )
    for note in planned.notes:
        sink.say(f"note: {note}")
    if dry_run:
        sink.say(f"{count_of(len(planned.plan.items), 'case')}; nothing was written (--dry-run)")
        return _show(planned, len(planned.plan.items), planned.plan.warnings, sink)
    outcome = run_combination(planned, how)
    sink.say(f"Combined {count_of(outcome.done, 'case')} to {outcome.target}")
    sink.next("segconv convert IMAGES --to 42_Name --pairs LIST.csv   (a dataset of the images and these label maps)")
    return _show(planned, outcome.done, [*outcome.warnings, *outcome.failed], sink)


def _show(planned: Combination, cases: int, findings: Sequence[Finding], sink: Sink) -> int:
    """Show what is combined; return the exit code."""
    wanted = planned.wanted
    sink.warn(findings)
    rows = [(value, name, some_of(wanted.classes[name], SHOWN_CLASSES)) for value, name in wanted.names.items()]
    sink.table(["value", "label", "classes"], rows)
    failed = any(finding.severity == "error" for finding in findings)  # with --keep-going
    result = {
        "output": str(planned.plan.target.path),
        "cases": cases,
        "labels": {name: value for value, name in wanted.names.items()},
        "classes": {name: list(own) for name, own in wanted.classes.items()},
        "notes": list(planned.notes),
    }
    sink.end(result, findings, ok=not failed)
    return EXIT_FOUND if failed else 0
