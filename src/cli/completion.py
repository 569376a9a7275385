"""What a shell completes: datasets, configurations, plans, trainers and kinds, found without importing nnU-Net.

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

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def words_of(known: Mapping[str, str] | Iterable[str]) -> Completer:
    """Return a completer of words, which may have an explanation each."""
    explained = dict(known) if isinstance(known, Mapping) else dict.fromkeys(known, "")

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _starting(incomplete, explained)

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
    from ..dataset.names import find_dataset
    from ..train.paths import Paths

    # click does not assign arguments before an option that still lacks its value.
    reference = ctx.params.get("dataset") or next((word for word in ctx.args if not word.startswith("-")), None)
    preprocessed = Paths.find(preprocessed=ctx.params.get("preprocessed")).preprocessed
    if reference is not None and preprocessed is not None:
        with suppress(SegconvError):
            return sorted(find_dataset(reference, preprocessed).glob("*Plans*.json"))
    return []


def _configurations_in(file: Path) -> list[str]:
    from ..dataset.strictjson import load_object, read_file

    with suppress(SegconvError):
        found = load_object(read_file(file)).get("configurations")
        return list(found) if isinstance(found, dict) else []
    return []
