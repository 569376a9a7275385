"""``segconv totalseg weights``, ``pack`` and ``install``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_DONE, EXIT_FOUND, SegconvError
from ..words import count_of, some_of
from .completion import classes_of_task, complete_tasks, lists_of
from .help_pages import Command, example
from .options import PATH, bundled, option, overwrite, speaking, trusting
from .sink import Sink
from .types import NAMES

if TYPE_CHECKING:
    from ..train.totalsegmentator.weights import Held, Mode, Needed
    from ..train.untrusted_models import Trust

Found = Mapping[tuple[str, "Mode"], "tuple[Held, ...]"]
"""Task and mode → the models that it needs."""


def mode_of(fast: bool, fastest: bool) -> Mode | None:
    """Return the mode that two flags mean; None if neither is given."""
    if fast and fastest:
        raise SegconvError("--fast and --fastest exclude each other", hint="give one of them")
    return "fast" if fast else "fastest" if fastest else None


moded = bundled(
    "mode",
    mode_of,
    option("--fast", is_flag=True, help="The models of TotalSegmentator's option --fast."),
    option("--fastest", is_flag=True, help="The models of TotalSegmentator's option --fastest."),
)
"""``--fast`` and ``--fastest``; the function gets a mode, or None if neither is given."""


roi_subset = option(
    "--roi-subset",
    type=NAMES,
    metavar="CLASS,…",
    shell_complete=lists_of(classes_of_task),
    help="With the model that a subset of classes is cropped with.",
)


@click.command(cls=Command, epilog=example("segconv totalseg weights"))
@click.argument("tasks", metavar="[TASK]…", nargs=-1, shell_complete=complete_tasks)
@moded
@roi_subset
@speaking
def weights(tasks: tuple[str, ...], mode: Mode | None, roi_subset: tuple[str, ...] | None, sink: Sink) -> int:
    """Show which models tasks need, and whether they are complete.

    TotalSegmentator takes a model whose folder exists for a complete one, and downloads no models that
    images are cropped with. The exit code is 1 if a TASK lacks a model; without a TASK all tasks are listed,
    and it is 1 if a model is incomplete. Models are looked for where TotalSegmentator does: in
    TOTALSEG_WEIGHTS_PATH, or else in nnunet/results of TOTALSEG_HOME_DIR or of ~/.totalsegmentator.
    """
    from ..train.totalsegmentator.home import licence_of
    from ..train.totalsegmentator.registry import version
    from ..train.totalsegmentator.weights import home_folder, weights_folder

    folder, licensed = weights_folder(), bool(licence_of(home_folder()))
    found = _of_tasks(tasks, mode or "normal", roi_subset or (), folder) if tasks else _of_all(mode, folder)
    (_show_models if tasks else _show_tasks)(found, sink)
    held = _distinct(found)
    _say_how_many(held, folder, sink)
    bad = _of_states(held, "incomplete", *(["missing"] if tasks else []))
    _say_what_to_do(bad, sink)
    if tasks and not licensed:
        _say_licence(held, sink)
    said = {"folder": str(folder), "licence_number": licensed, "tasks": _as_json(found)}
    sink.end({"totalsegmentator": version(), **said}, ok=not bad)
    return EXIT_FOUND if bad else EXIT_DONE


def _distinct(found: Found) -> list[Held]:
    return list({model.path: model for models in found.values() for model in models}.values())


def _say_how_many(models: Sequence[Held], folder: Path, sink: Sink) -> None:
    complete = _of_states(models, "complete")
    nbytes = sum(model.nbytes for model in complete)
    sink.say(f"{folder} holds {count_of(len(complete), 'complete model')} of {len(models)}, {nbytes} bytes")


def _say_licence(models: Iterable[Held], sink: Sink) -> None:
    if any(model.needed.source == "licence" for model in models):
        sink.say("no licence number is set, which TotalSegmentator asks for: totalseg_set_license sets it")


def _of_tasks(tasks: Iterable[str], mode: Mode, roi_subset: Sequence[str], folder: Path) -> Found:
    from ..train.totalsegmentator.weights import look

    return {(task, mode): look(_needed(task, mode, roi_subset), folder) for task in tasks}


def _needed(task: str, mode: Mode, roi_subset: Sequence[str]) -> tuple[Needed, ...]:
    from ..train.totalsegmentator.registry import refuse_unknown_classes
    from ..train.totalsegmentator.weights import needed

    models = needed(task, mode, roi_subset=bool(roi_subset))
    refuse_unknown_classes(task, roi_subset)
    return models


def _of_all(mode: Mode | None, folder: Path) -> Found:
    """Return all tasks in all modes for which they have models, or in one."""
    from ..train.totalsegmentator.registry import tasks
    from ..train.totalsegmentator.weights import look, modes_of, needed

    listed = [(task.name, own) for task in tasks() for own in modes_of(task.name) if mode in (None, own)]
    return {(name, own): look(needed(name, own), folder) for name, own in listed}


def _show_models(found: Found, sink: Sink) -> None:
    sink.table(
        ["task", "model", "purpose", "state", "bytes", "lacking", "folder"],
        [
            (
                task,
                model.needed.number,
                model.needed.purpose,
                model.state,
                model.nbytes,
                some_of(model.lacking),
                model.path.name,
            )
            for (task, _), models in found.items()
            for model in models
        ],
    )


def _show_tasks(found: Found, sink: Sink) -> None:
    rows = []
    for (task, mode), models in found.items():
        needs = ", ".join(str(model.needed.number) for model in models)
        rows.append((task, "" if mode == "normal" else mode, needs, _worst(models), sum(m.nbytes for m in models)))
    sink.table(["task", "mode", "models", "state", "bytes"], rows)


def _worst(models: Iterable[Held]) -> str:
    states = {model.state for model in models}
    return next(state for state in ("incomplete", "missing", "complete") if state in states)


def _of_states(models: Iterable[Held], *states: str) -> list[Held]:
    return [model for model in models if model.state in states]


def _say_what_to_do(models: Sequence[Held], sink: Sink) -> None:
    for model in models:
        for path in model.in_the_way:
            why = "takes it for complete" if path == model.path else f"finds it in place of {model.path.name}"
            sink.say(f"move {path} away: TotalSegmentator {why}")
    wanting = [model.needed for model in models if model.to_bring]
    for own in wanting:
        if own.source == "licence":
            sink.say(f"{own.number} needs a licence number, which is free for research")
        if own.url:
            sink.say(f"{own.number} is at {own.url}")
    if any(own.url for own in wanting):
        sink.next("segconv totalseg install FILE.zip   (for each file that you downloaded)")


def _as_json(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "mode": mode,
            "complete": _worst(models) == "complete",
            "models": [model.as_json() for model in models],
        }
        for (task, mode), models in found.items()
    ]


@click.command(cls=Command, epilog=example("segconv totalseg pack body --fast -o body.zip"))
@click.argument("tasks", metavar="TASK…", nargs=-1, required=True, shell_complete=complete_tasks)
@option("-o", "--output", type=PATH, required=True, help="Archive to make.")
@moded
@roi_subset
@overwrite
@speaking
def pack(
    tasks: tuple[str, ...],
    output: Path,
    mode: Mode | None,
    roi_subset: tuple[str, ...] | None,
    overwrite: bool,
    sink: Sink,
) -> int:
    """Pack the models that tasks need into one archive.

    For a machine without a network: with checksums, and with the models that images are cropped with.
    """
    from ..train.totalsegmentator.packing import pack_models
    from ..train.totalsegmentator.weights import weights_folder

    models = [model for task in tasks for model in _needed(task, mode or "normal", roi_subset or ())]
    digest = pack_models(models, weights_folder(), output, overwrite=overwrite)
    folders = list(dict.fromkeys(model.folder for model in models))
    sink.say(f"Packed {', '.join(folders)} to {output}")
    for number in sorted({model.number for model in models if model.source == "licence"}):
        sink.say(f"{number} needs a licence number where it is used, too")
    sink.data(f"{digest}  {output}")
    sink.next(f"segconv totalseg install {shlex.quote(str(output))} --sha256 {digest}")
    sink.end({"output": str(output), "sha256": digest, "models": folders})
    return EXIT_DONE


@click.command(cls=Command, epilog=example("segconv totalseg install body.zip"))
@click.argument("archive", metavar="FILE.zip", type=PATH)
@option("--sha256", metavar="HASH", help="Hash that the archive must have.")
@trusting
@speaking
def install(archive: Path, sha256: str | None, trust: Trust, sink: Sink) -> int:
    """Install models of TotalSegmentator from an archive.

    Archives of `segconv totalseg pack`, and those that TotalSegmentator's authors publish, are unpacked to
    where TotalSegmentator looks for its models. All of an archive is listed, verified and judged first.
    Equal models that exist are kept; different ones are not replaced.
    """
    from ..train.totalsegmentator.installing import install_models
    from ..train.totalsegmentator.weights import weights_folder

    made = install_models(archive, weights_folder(), trust, sha256=sha256, warn=sink.warn)
    sink.warn(made.warnings)
    for model in made.models:
        sink.data(str(model))
    for model in made.kept:
        sink.say(f"{model} has these files already")
    sink.next("segconv totalseg weights")
    result = {"installed": list(map(str, made.models)), "kept": list(map(str, made.kept))}
    sink.end({"folder": str(weights_folder()), **result}, made.warnings)
    return EXIT_DONE
