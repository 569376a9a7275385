"""What a shell completes: datasets, models, trainers, tasks, kinds and other words, found without importing nnU-Net.

Nothing here fails: what cannot be read completes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from ..errors import SegconvError

USUAL_CONFIGURATIONS = ("2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres")
"""What nnU-Net may plan."""

USUAL_FOLDS = ("0", "1", "2", "3", "4")
"""nnU-Net's own."""

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Words = Mapping[str, str] | Iterable[str]
"""Words, or words with an explanation each."""


def words_of(known: Words) -> Completer:
    """Return a completer of words, which may have an explanation each."""
    explained = _explained(known)

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _starting(incomplete, explained)

    return complete


def lists_of(known: Words | Callable[[click.Context], Words]) -> Completer:
    """Return a completer of the last word of a list such as ``A,B``; a word stands in a list once."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, separator, last = incomplete.rpartition(",")
        there = before.split(",")
        found = _starting(last, _explained(known(ctx) if callable(known) else known))
        new = [one for one in found if one.value not in there]
        return [CompletionItem(f"{before}{separator}{one.value}", help=one.help) for one in new]

    return complete


def complete_datasets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a dataset as ``42_Liver`` or ``Dataset042_Liver``, in any of the three folders; otherwise a path."""
    names = {path.name for folder in _folders(ctx) for path in _datasets_in(folder)}
    found = []
    for folder in sorted(names):
        number, name = re.fullmatch(r"Dataset(\d+)_(.*)", folder, re.DOTALL).groups()  # type: ignore[union-attr]  # `_datasets_in` tested it
        forms = (f"{int(number)}_{name}", f"{number}_{name}", folder)
        found += [CompletionItem(form, help=folder) for form in forms if form.startswith(incomplete)][:1]
    return found or [CompletionItem(incomplete, type="dir")]


def complete_configurations(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a configuration of the plans of the dataset; without plans, one that nnU-Net may plan."""
    planned = dict.fromkeys(name for file in _plans_of(ctx) for name in _configurations_in(file))
    return _starting(incomplete, dict.fromkeys(planned or USUAL_CONFIGURATIONS, ""))


def complete_plans(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of plans of the dataset."""
    return _starting(incomplete, {file.stem: "" for file in _plans_of(ctx)})


def complete_trainers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a trainer of nnU-Net, of segconv, of a package or of a folder that is named."""
    from ..train.known_trainers import list_trainers

    with suppress(SegconvError):
        found = list_trainers([Path(folder) for folder in ctx.params.get("trainer_folders") or ()])
        return _starting(incomplete, {trainer.name: trainer.summary for trainer in found})
    return []


def complete_planners(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a planner of nnU-Net, with the name of its plans."""
    from ..train.planner_list import list_planners

    with suppress(SegconvError):
        return _starting(incomplete, {planner.name: planner.plans for planner in list_planners()})
    return []


def complete_networks(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a network that has a name."""
    from ..train.architectures import NETWORKS

    return _starting(incomplete, {network.name: network.path for network in NETWORKS.values()})


def complete_models(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the folder of a trained model of the dataset."""
    from ..train.offered_models import models_in

    folder = _folder_of(ctx, "results")
    return _starting(incomplete, {} if folder is None else {model.name: "" for model in models_in(folder)})


def complete_cases(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a training case of the dataset that is not named yet."""
    from ..dataset.layout import Dataset

    folder = _folder_of(ctx, "raw")
    with suppress(SegconvError):
        cases = Dataset.open(folder).cases() if folder is not None else []
        named = ctx.params.get("cases") or ()
        return _starting(incomplete, {case: "" for case in cases if case not in named})
    return []


def complete_tasks(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a task of the installed TotalSegmentator, with its modality."""
    from ..train.totalsegmentator.registry import tasks

    with suppress(SegconvError):
        return _starting(incomplete, {task.name: task.modality for task in tasks()})
    return []


def classes_of_task(ctx: click.Context) -> list[str]:
    """Return the classes of the tasks that the command line names, or of the default one for CT."""
    from ..train.totalsegmentator.registry import find_task

    named = ctx.params.get("tasks") or (ctx.params.get("task") or "total",)
    with suppress(SegconvError):
        return [name for task in named for name in find_task(task).classes.values()]
    return []


def complete_commands(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a command of nnU-Net; what follows it is nnU-Net's own."""
    from ..train.child import commands

    with suppress(SegconvError):
        return _starting(incomplete, {} if ctx.params.get("words") else commands())
    return []


def _explained(known: Words) -> dict[str, str]:
    return dict(known) if isinstance(known, Mapping) else dict.fromkeys(known, "")


def _starting(incomplete: str, known: Mapping[str, str]) -> list[CompletionItem]:
    return [CompletionItem(word, help=why or None) for word, why in known.items() if word.startswith(incomplete)]


def _folders(ctx: click.Context) -> list[Path]:
    """Return nnU-Net's folders, as far as they are known."""
    from ..train.paths import NAMES, Paths

    paths = Paths.find(**{word: ctx.params.get(word) for word in NAMES})
    return [folder for folder in (paths.raw, paths.preprocessed, paths.results) if folder is not None]


def _datasets_in(folder: Path) -> list[Path]:
    from ..dataset.names import DatasetName, dataset_folders

    return [path for paths in dataset_folders(folder).values() for path in paths if DatasetName.of_folder(path.name)]


def _plans_of(ctx: click.Context) -> list[Path]:
    """Return the files of the plans of the dataset that the command line names."""
    folder = _folder_of(ctx, "preprocessed")
    return [] if folder is None else sorted(folder.glob("*Plans*.json"))


def _folder_of(ctx: click.Context, word: str) -> Path | None:
    """Return the folder of the dataset that the command line names, in ``raw``, ``preprocessed`` or ``results``."""
    from ..dataset.names import find_dataset
    from ..train.paths import Paths

    # click does not assign arguments before an option that still lacks its value.
    reference = ctx.params.get("dataset") or next((word for word in ctx.args if not word.startswith("-")), None)
    root: Path | None = getattr(Paths.find(**{word: ctx.params.get(word)}), word)
    if reference is not None and root is not None:
        with suppress(SegconvError):
            return find_dataset(reference, root)
    return None


def _configurations_in(file: Path) -> list[str]:
    from ..dataset.strictjson import load_object, read_file

    with suppress(SegconvError):
        found = load_object(read_file(file)).get("configurations")
        return list(found) if isinstance(found, dict) else []
    return []
