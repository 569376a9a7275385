"""Options that several commands share, each declared once, and how a command is told about them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from ..work.backends import BACKENDS
from ..work.run_options import RunOptions
from .cures import Speaker
from .sink import Sink

F = TypeVar("F", bound=Callable[..., Any])


PATH = click.Path(path_type=Path, readable=False)
FOLDER = click.Path(path_type=Path, readable=False, file_okay=False)
"""Paths of users. click does not test whether they can be read: the readers report that, with their own codes."""


def example(text: str) -> str:
    """Return the end of a help text; a test runs what stands in it."""
    return f"\b\nExample:\n  {text}"


def option(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """Return click's option, its default shown."""
    attributes.setdefault("show_default", True)
    decorator: Callable[[F], F] = click.option(*declarations, **attributes)
    return decorator


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


to = option("--to", "target", required=True, metavar="ID[_NAME]", help="Dataset to make, such as 42 or 42_Liver.")
output = option("-o", "--output", type=PATH, required=True, help="Folder to make.")
jobs = option("-j", "--jobs", type=click.IntRange(min=1), default=cores, show_default="cores", help="Workers.")
dry_run = option("-n", "--dry-run", is_flag=True, help="Show what would be done, and write nothing.")
overwrite = option("--overwrite", is_flag=True, help="Replace the target once the new one is whole.")
force = option(
    "--force", is_flag=True, help="With --overwrite: although models or other datasets are made of what is replaced."
)
restart = option("--restart", is_flag=True, help="Begin anew instead of continuing an unfinished run.")
keep_going = option("--keep-going", is_flag=True, help="Leave out cases that fail; exit code 1.")
strict = option("--strict", is_flag=True, help="Treat warnings as errors.")
no_fsync = option("--no-fsync", is_flag=True, help="Do not wait for the disk; for scratch disks.")
backend = option(
    "--backend",
    type=click.Choice(list(BACKENDS)),
    help="Who works: processes, threads, or a Dask cluster; default: threads, processes for many.",
)
seed = option("--seed", type=click.IntRange(min=0), default=0, help="Of everything that is random.")
allow_external = option(
    "--allow-external", is_flag=True, help="Follow links that leave the dataset, and the key 'dataset' of its json."
)
allow_module = option(
    "--allow-module",
    "allowed_modules",
    multiple=True,
    metavar="MODULE",
    help="Plans may name classes of this module too; may be repeated.",
)
folders = option("--raw", type=PATH, help="nnUNet_raw; beats the variable and the settings file.")
preprocessed = option("--preprocessed", type=PATH, help="nnUNet_preprocessed, likewise.")
results = option("--results", type=PATH, help="nnUNet_results, likewise.")


def three_folders(function: F) -> F:
    """Add ``--raw``, ``--preprocessed`` and ``--results``; the function gets them as ``paths``."""

    @functools.wraps(function)
    def wrapped(*args: Any, raw: Path | None, preprocessed: Path | None, results: Path | None, **kwargs: Any) -> Any:
        from ..train.paths import Paths

        return function(*args, paths=Paths.find(raw=raw, preprocessed=preprocessed, results=results), **kwargs)

    decorated: Any = folders(preprocessed(results(wrapped)))
    return decorated  # type: ignore[no-any-return]


OF_EVERY_COMMAND = ("--json", "-q", "--quiet", "-v", "--verbose")
"""What `speaking` adds."""


def speaking(function: F) -> F:
    """Add ``--json``, ``-q`` and ``-v``; the function gets them as ``sink``."""

    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        context = click.get_current_context()
        speaker = context.ensure_object(Speaker)
        speaker.command = context.command
        sink = Sink(as_json=as_json, quiet=quiet, verbose=verbose, speaker=speaker)
        if "how" in kwargs:
            kwargs["how"] = replace(kwargs["how"], progress=sink.progress())
        return function(*args, sink=sink, **kwargs)

    for decorate in (
        option("--json", "as_json", is_flag=True, help="One JSON object on stdout."),
        option("-q", "--quiet", is_flag=True, help="Warnings and errors only."),
        option("-v", "--verbose", is_flag=True, help="More words."),
    ):
        wrapped = decorate(wrapped)
    return wrapped  # type: ignore[return-value]


def trusting(function: F) -> F:
    """Add the options that say which code of a model is trusted."""
    trust_model = option("--trust-model", is_flag=True, help="Do not look whether files hold more than numbers.")
    return allow_module(trust_model(function))


_OF_A_RUN = {
    "jobs": jobs,
    "overwrite": overwrite,
    "restart": restart,
    "keep_going": keep_going,
    "strict": strict,
    "backend": backend,
}
"""Field of `RunOptions` → its option."""


def running(function: F) -> F:
    """Add the options of what executes a plan; the function gets them as ``how``, a `RunOptions`.

    It stands above `speaking`, whose sink then shows the progress of the run.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, no_fsync: bool, **kwargs: Any) -> Any:
        options = {name: kwargs.pop(name) for name in _OF_A_RUN}
        return function(*args, how=RunOptions(**options, fsync=not no_fsync), **kwargs)

    decorated: Any = wrapped
    for decorate in (no_fsync, *reversed(_OF_A_RUN.values())):
        decorated = decorate(decorated)
    return decorated  # type: ignore[no-any-return]
