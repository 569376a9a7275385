"""``segconv plans``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import naming
from .completion import complete_configurations, complete_networks
from .help_pages import Group, example, grouped
from .options import (
    allow_module,
    bundled,
    dataset_argument,
    model_words,
    option,
    plans,
    speaking,
    three_folders,
    trainer_of_network,
)
from .sink import Sink
from .types import FEATURES, SIZE

if TYPE_CHECKING:
    from ..train.derivation import Differences
    from ..train.paths import Paths


def _differences(**values: Any) -> Differences:
    from ..train.derivation import Differences

    return Differences(**values)


@click.group(cls=Group, epilog=example("segconv plans show 501"))
def command() -> None:
    """Show the plans of a dataset, or derive a configuration."""


@command.command(epilog=example("segconv plans show 501"))
@dataset_argument
@plans
@three_folders
@speaking
def show(dataset: str, plans: str, sink: Sink, paths: Paths) -> int:
    """Show the configurations of a dataset's plans.

    Sizes are those of nnU-Net's axes, the one of the largest spacing first. A patch must be divisible by the
    divisor, the product of the strides. The memory on a GPU is what nnU-Net's planners compute; that of a
    training on the CPU is measured on small networks, without the processes that augment.
    """
    from ..dataset.description import DatasetDescription
    from ..dataset.names import find_dataset
    from ..train.model import plans_file
    from ..train.plans import read_plans
    from ..train.plans_table import table

    name = find_dataset(dataset, paths.require("raw", "preprocessed")).name
    path = plans_file(paths, name, plans)
    copy = path.parent / "dataset.json"
    with naming(str(path)):
        found = read_plans(path)
        rows = table(found, DatasetDescription.read(copy) if copy.is_file() else None)
    sink.table(["", *found["configurations"]], [(words, *map(text, rows)) for words, text in _SHOWN])
    sink.end({"configurations": rows})
    return 0


@command.command(
    epilog=example("segconv plans derive 501 2d_small --from 2d --patch-size 64x64 --batch-size 4 --features 8:64")
)
@dataset_argument
@click.argument("name")
@option(
    "--from",
    "base",
    required=True,
    metavar="CONFIGURATION",
    shell_complete=complete_configurations,
    help="The configuration to inherit from.",
)
@bundled(
    "differences",
    _differences,
    *grouped(
        "What differs",
        option("--patch-size", type=SIZE, metavar="ZxYxX", help="Patch size in voxels."),
        option("--batch-size", type=int, help="Patches per batch."),
        option(
            "--features",
            type=FEATURES,
            metavar="FIRST:MOST",
            help="Features of the first stage, doubled up to the most.",
        ),
        option("--stages", type=int, help="Number of resolutions."),
        option(
            "--network",
            metavar="NAME",
            shell_complete=complete_networks,
            help="umamba-bot, umamba-enc, PlainConvUNet, ResidualEncoderUNet, or the path of a class.",
        ),
        option(
            "--stage-before",
            metavar="CONFIGURATION",
            shell_complete=complete_configurations,
            help="First stage of a cascade, of which NAME is the second.",
        ),
    ),
)
@trainer_of_network
@option("--overwrite", is_flag=True, help="Replace NAME if it was derived, and no model was trained with it.")
@allow_module
@plans
@three_folders
@speaking
def derive(
    dataset: str,
    name: str,
    base: str,
    differences: Differences,
    allowed_modules: tuple[str, ...],
    trainer: str | None,
    plans: str,
    sink: Sink,
    paths: Paths,
    *,
    overwrite: bool,
) -> int:
    """Add a configuration NAME that differs from another in patch, batch or network.

    The other stays as it is, and its preprocessed data serve both. Every patch axis must be
    divisible by the product of its strides, and at least twice as large; other sizes are refused with the nearest
    ones that are.

    What is derived from the second stage of a cascade is one, too: the first stage then predicts for it, and
    --stage-before names another first stage, such as one derived from 3d_lowres.

    If the network comes from a module of your own, which must be installed, give --allow-module here
    once: train and infer take the plans without it, on this machine and as long as they stay unchanged.
    """
    from ..dataset.names import find_dataset
    from ..flows.derive import derive_configuration

    folder = find_dataset(dataset, paths.require("raw", "preprocessed", "results")).name
    made = derive_configuration(
        folder,
        plans,
        paths,
        (name, base),
        differences,
        allowed_modules=allowed_modules,
        trainer=trainer,
        overwrite=overwrite,
    )
    sink.warn(made.warnings)
    if made.warnings:
        sink.say("train and infer need --allow-module for these plans")
    new = made.configuration
    features = new["architecture"]["arch_kwargs"].get("features_per_stage", "as before")
    sink.say(f"{name}: patch {new['patch_size']}, features {features}, from {base}")
    chosen = model_words(new["architecture"]["network_class_name"], trainer, plans)
    if made.stage_before is None:
        sink.next(f"segconv train {shlex.quote(dataset)} -c {name} -f 0{chosen}")
    else:
        sink.say(f"{made.stage_before} predicts for it when its folds are validated")
        sink.next(f"segconv cascade {shlex.quote(dataset)} -c {name}{chosen}")
    sink.end({"configuration": name, **new}, made.warnings)
    return 0


def _features(row: dict[str, Any]) -> str:
    """Return ``32…320 in 6 stages``."""
    features = row["features"]
    shown = f"{features[0]}…{features[-1]}" if isinstance(features, list) else str(features or "")
    return f"{shown} in {row['stages']} stages" if row["stages"] else shown


def _times(numbers: list[float] | None) -> str:
    """Return ``256×256``."""
    return "×".join(f"{number:g}" for number in numbers or ())


def _gb(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return f"{amount:.1f} GB" if amount >= _LEAST_GB else f"below {_LEAST_GB} GB"


def _stage(row: dict[str, Any]) -> str:
    parts = [f"after {row['stage_before']}"] if row["stage_before"] else []
    return ", ".join(parts + ([f"before {' and '.join(row['next_stages'])}"] if row["next_stages"] else []))


_LEAST_GB = 0.1

_SHOWN: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("derived from", lambda row: row["inherits_from"]),
    ("patch", lambda row: _times(row["patch_size"])),
    ("batch", lambda row: str(row["batch_size"] or "")),
    ("spacing (mm)", lambda row: _times(row["spacing"])),
    ("median image", lambda row: _times(row["median_size"])),
    ("network", lambda row: row["network"]),
    ("features", _features),
    ("divisor", lambda row: _times(row["divisor"])),
    ("smallest patch", lambda row: _times(row["smallest_patch"])),
    ("cascade", _stage),
    ("GPU memory", lambda row: _gb(row["gpu_gb"])),
    ("memory on CPU", lambda row: _gb(row["ram_gb"])),
)
"""Row of the table → its text for a configuration."""
