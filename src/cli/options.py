"""Options shared by several commands, each declared once, and the values that commands get from them."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..train.device import AUTO
from ..train.model import DEFAULT_PLANS, DEFAULT_TRAINER, Model
from ..work.backends import BACKENDS, DASK, RAY, addressed
from ..work.run_options import RunOptions
from .completion import complete_configurations, complete_datasets, complete_plans, complete_trainers
from .cures import Speaker
from .help_pages import CODE, FOLDERS, MESSAGES, MODEL, RUNNING, TRAINING, WRITTEN, Option
from .sink import Sink
from .types import WINDOW

if TYPE_CHECKING:
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust

F = TypeVar("F", bound=Callable[..., Any])


PATH = click.Path(path_type=Path, readable=False)
FOLDER = click.Path(path_type=Path, readable=False, file_okay=False)
"""Paths of users. click does not test whether they can be read: the readers report that, with their own codes."""


def option(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """Return a click option that shows its default."""
    attributes = {"show_default": True, "cls": Option, **attributes}
    decorator: Callable[[F], F] = click.option(*declarations, **attributes)
    return decorator


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bundled(argument: str, make: Callable[..., Any], *options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return a decorator that adds options and passes their values through `make` as one argument."""

    def decorate(function: F) -> F:
        names: list[str] = []

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            values = {name: kwargs.pop(name) for name in names}
            return function(*args, **kwargs, **{argument: make(**values)})

        decorated: Any = wrapped
        for add in reversed(options):
            decorated = add(decorated)
        names.extend(param.name for param in decorated.__click_params__[-len(options) :])
        return decorated  # type: ignore[no-any-return]  # click does not type what its decorators make

    return decorate


to = option("--to", "target", required=True, metavar="ID[_NAME]", help="Dataset to make, such as 42 or 42_Liver.")
output = option("-o", "--output", type=PATH, required=True, help="Folder to make.")
jobs = option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=cores,
    show_default="cores",
    help="Number of workers.",
    group=RUNNING,
)
dry_run = option("-n", "--dry-run", is_flag=True, help="Show what would be done, and write nothing.", group=RUNNING)
overwrite = option("--overwrite", is_flag=True, help="Replace the target once the new one is complete.", group=RUNNING)
force = option(
    "--force",
    is_flag=True,
    help="With --overwrite: even if models or other datasets were made from what is replaced.",
    group=RUNNING,
)
restart = option("--restart", is_flag=True, help="Start again instead of resuming an unfinished run.", group=RUNNING)
keep_going = option("--keep-going", is_flag=True, help="Leave out cases that fail; exit code 1.", group=RUNNING)
strict = option("--strict", is_flag=True, help="Treat warnings as errors.", group=RUNNING)
no_fsync = option("--no-fsync", is_flag=True, help="Do not wait for the disk; for scratch disks.", group=RUNNING)
_kind = option(
    "--backend",
    type=click.Choice(list(BACKENDS)),
    help="Kind of workers; default: threads, or processes for many workers on small files.",
    group=RUNNING,
)
_dask_scheduler = option(
    "--dask-scheduler",
    metavar="ADDRESS",
    help="Scheduler of a Dask cluster; default: DASK_SCHEDULER_ADDRESS.",
    group=RUNNING,
)
_ray_address = option(
    "--ray-address", metavar="ADDRESS", help="Head of a Ray cluster, or local; default: RAY_ADDRESS.", group=RUNNING
)


def _backend(backend: str | None, dask_scheduler: str | None, ray_address: str | None) -> str | None:
    """Return the backend with the address of its cluster; an address implies its backend."""
    given = {DASK: dask_scheduler, RAY: ray_address}
    for name, address in given.items():
        if address is not None and backend not in (None, name):
            raise click.UsageError(f"--backend {backend} does not go with an address of {name}")
    named = [name for name, address in given.items() if address is not None]
    if len(named) > 1:
        raise click.UsageError("give one of --dask-scheduler and --ray-address")
    return addressed(named[0], str(given[named[0]])) if named else backend


backend = bundled("backend", _backend, _kind, _dask_scheduler, _ray_address)
"""Which workers; the function gets ``backend`` as `backend_of` takes it."""
seed = option("--seed", type=click.IntRange(min=0), default=0, help="Seed of everything that is random.")
allow_external = option(
    "--allow-external", is_flag=True, help="Follow links that leave the dataset, and the key 'dataset' of its json."
)
allow_leaks = option(
    "--allow-leaks",
    is_flag=True,
    help="Train even if a fold trains on what it validates, or on what is held out.",
    group=TRAINING,
)
npz = option(
    "--npz",
    "probabilities",
    is_flag=True,
    help="Keep the probabilities of the validation, for ensembling.",
    group=TRAINING,
)
allow_module = option(
    "--allow-module",
    "allowed_modules",
    multiple=True,
    metavar="MODULE",
    help="Let plans name classes of this module too; may be repeated.",
    group=CODE,
)
link = option(
    "--link",
    type=click.Choice(["none", "hard", "symlink", "external"]),
    default="none",
    help="Link files that need no change; external leaves them where they are and names them in dataset.json.",
    group=WRITTEN,
)
window = option(
    "--window",
    type=WINDOW,
    metavar="lung|bone|soft|LOW:HIGH",
    help="Values that are drawn black and white; default: percentiles of each image.",
)
channel = option(
    "--channel", metavar="NAME|NUMBER", help="Channel to draw; default: the first, or R, G and B in colour."
)
dataset_argument = click.argument("dataset", shell_complete=complete_datasets)
optional_dataset = click.argument("dataset", required=False, shell_complete=complete_datasets)
configuration = option(
    "-c",
    "--configuration",
    required=True,
    shell_complete=complete_configurations,
    help="Configuration, such as 2d or 3d_fullres.",
    group=MODEL,
)
trainer = option(
    "-tr",
    "--trainer",
    default=DEFAULT_TRAINER,
    shell_complete=complete_trainers,
    help="nnU-Net trainer class.",
    group=MODEL,
)
model_filters = (
    option(
        "-c",
        "--configuration",
        "configurations",
        multiple=True,
        shell_complete=complete_configurations,
        help="Only this configuration; may be repeated.",
        group=MODEL,
    ),
    option(
        "-tr",
        "--trainer",
        "trainers",
        multiple=True,
        shell_complete=complete_trainers,
        help="Only models of this trainer; may be repeated.",
        group=MODEL,
    ),
    option(
        "-p",
        "--plans",
        multiple=True,
        shell_complete=complete_plans,
        help="Only models of these plans; may be repeated.",
        group=MODEL,
    ),
)
"""Which of a dataset's models; a bundle gets ``configurations``, ``trainers`` and ``plans``."""
trainer_of_network = option(
    "-tr",
    "--trainer",
    shell_complete=complete_trainers,
    help="nnU-Net trainer for which a network of yours is checked.",
)
plans = option(
    "-p", "--plans", default=DEFAULT_PLANS, shell_complete=complete_plans, help="Name of the plans.", group=MODEL
)
DEVICES = click.Choice([AUTO, "cuda", "cpu", "mps"])
device = option(
    "--device",
    type=DEVICES,
    default=AUTO,
    help="Device to compute on; auto takes a GPU if there is one.",
    group=RUNNING,
)
no_mirroring = option(
    "--no-mirroring",
    "--disable-tta",
    is_flag=True,
    help="Do not average over mirrored copies, which is faster.",
    group=MODEL,
)
trust_model = option(
    "--trust-model", is_flag=True, help="Do not check that files hold only numbers; a model can be code.", group=CODE
)
folders = option("--raw", type=PATH, help="nnUNet_raw; overrides the variable and the settings file.", group=FOLDERS)
preprocessed = option("--preprocessed", type=PATH, help="nnUNet_preprocessed, likewise.", group=FOLDERS)
results = option("--results", type=PATH, help="nnUNet_results, likewise.", group=FOLDERS)


def _paths(raw: Path | None, preprocessed: Path | None, results: Path | None) -> Paths:
    from ..train.paths import Paths

    given = {"raw": raw, "preprocessed": preprocessed, "results": results}
    found = Paths.find(**given)
    typed = {word: f"--{word}" for word, value in given.items() if value is not None}
    speaker = click.get_current_context().ensure_object(Speaker)
    speaker.folders = {f"--{word}": value for word, value in given.items() if value is not None}
    return replace(found, origin=found.origin | typed)


three_folders = bundled("paths", _paths, folders, preprocessed, results)
"""``--raw``, ``--preprocessed`` and ``--results``; the function gets `Paths`."""


ext_trainer = option(
    "--ext-trainer",
    "trainer_folders",
    type=FOLDER,
    multiple=True,
    help="Folder with trainers of yours; nnU-Net imports every module in it. May be repeated.",
    group=CODE,
)


def model_words(network: str | None, trainer: str | None, plans_name: str) -> str:
    """Return ``-tr`` and ``-p`` of a model as a user types them; the trainer is the network's unless one was named."""
    from ..train.architectures import architecture

    own = trainer or (None if network is None else architecture(network).trainer)
    return (f" -tr {own}" if own else "") + ("" if plans_name == DEFAULT_PLANS else f" -p {plans_name}")


def find_trainers_in(paths: Paths, folders: tuple[Path, ...]) -> Paths:
    """Return paths with folders of trainers, after checking them."""
    from ..train.trainer_folders import checked_folders

    return replace(paths, trainers=checked_folders(folders))


def finding_trainers(function: F) -> F:
    """Add ``--ext-trainer``, and say which code nnU-Net will import; it stands below `three_folders` and `speaking`."""

    @functools.wraps(function)
    def wrapped(*args: Any, sink: Sink, paths: Paths, trainer_folders: tuple[Path, ...], **kwargs: Any) -> Any:
        from ..train.trainer_folders import modules_in

        paths = find_trainers_in(paths, trainer_folders)
        for folder in paths.trainers:
            modules = ", ".join(modules_in(folder)) or "there are none"
            sink.say(f"nnU-Net looks for trainers in {folder}, and imports every module there: {modules}")
        return function(*args, sink=sink, paths=paths, **kwargs)

    return ext_trainer(wrapped)  # type: ignore[return-value]  # likewise


def trainers_again(paths: Paths) -> str:
    """Return the options by which a next command finds the same trainers, with a space before each."""
    return "".join(f" --ext-trainer {shlex.quote(str(folder))}" for folder in paths.trainers)


OF_EVERY_COMMAND = ("--json", "-q", "--quiet", "-v", "--verbose")
"""What `speaking` adds."""


def _sink(as_json: bool, quiet: bool, verbose: bool) -> Sink:
    context = click.get_current_context()
    speaker = context.ensure_object(Speaker)
    speaker.command, speaker.given = context.command, context.params
    return Sink(as_json=as_json, quiet=quiet, verbose=verbose, speaker=speaker)


_speaking = bundled(
    "sink",
    _sink,
    option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.", group=MESSAGES),
    option("-q", "--quiet", is_flag=True, help="Print warnings and errors only.", group=MESSAGES),
    option("-v", "--verbose", is_flag=True, help="Print more.", group=MESSAGES),
)


def speaking(function: F) -> F:
    """Add ``--json``, ``-q`` and ``-v``; the function gets a `Sink`, which shows progress."""

    @functools.wraps(function)
    def wrapped(*args: Any, sink: Sink, how: RunOptions | None = None, **kwargs: Any) -> Any:
        if how is not None:
            kwargs["how"] = replace(how, progress=sink.progress())
        return function(*args, sink=sink, **kwargs)

    return _speaking(wrapped)  # type: ignore[return-value]  # likewise


def _trust(allowed_modules: tuple[str, ...], trust_model: bool) -> Trust:
    from ..train.untrusted_models import Trust

    return Trust(trust_model, allowed_modules)


trusting = bundled("trust", _trust, allow_module, trust_model)
"""Which code of a model is trusted; the function gets a `Trust`."""


@dataclass(frozen=True)
class NewDataset:
    """A dataset to make.

    Parameters
    ----------
    target
        ``42`` or ``42_Name``.
    force
        Replace an existing one even if models or other datasets were made from it.
    """

    target: str
    force: bool


making = bundled("new", NewDataset, to, force)
"""``--to`` and ``--force``; the function gets a `NewDataset` as ``new``."""

modelled = bundled("model_of", functools.partial(functools.partial, Model), configuration, trainer, plans)
"""``-c``, ``-tr`` and ``-p``; the function gets ``model_of``, which makes a `Model` of a dataset's folder name."""


def _run_options(
    no_fsync: bool, backend: str | None, dask_scheduler: str | None, ray_address: str | None, **options: Any
) -> RunOptions:
    return RunOptions(**options, backend=_backend(backend, dask_scheduler, ray_address), fsync=not no_fsync)


running = bundled(
    "how",
    _run_options,
    jobs,
    overwrite,
    restart,
    keep_going,
    strict,
    _kind,
    _dask_scheduler,
    _ray_address,
    no_fsync,
)
"""How a plan is run; the function gets `RunOptions`. It stands above `speaking`, which shows the progress."""
