"""``segconv plans``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, SegconvError, naming, warning
from .options import allow_module, example, option, plans, speaking, three_folders
from .sink import Sink
from .types import FEATURES, SIZE

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.group(epilog=example("segconv plans show 501"))
def command() -> None:
    """Show the plans of a dataset, or derive a configuration."""


@command.command(epilog=example("segconv plans show 501"))
@click.argument("dataset")
@plans
@three_folders
@speaking
def show(dataset: str, plans: str, sink: Sink, paths: Paths) -> int:
    """Show the configurations of a dataset's plans."""
    from ..dataset.names import find_dataset
    from ..train.model import plans_file
    from ..train.plans import read_plans, table

    name = find_dataset(dataset, paths.require("raw", "preprocessed")).name
    path = plans_file(paths, name, plans)
    with naming(str(path)):
        rows = table(read_plans(path))
    sink.table(
        ["configuration", "from", "patch", "batch", "spacing", "network", "features"],
        [
            (
                row["configuration"],
                row["inherits_from"],
                _times(row["patch_size"]),
                row["batch_size"],
                _times(row["spacing"]),
                row["network"],
                _stages(row["features"]),
            )
            for row in rows
        ],
    )
    sink.end({"configurations": rows})
    return 0


@command.command(
    epilog=example("segconv plans derive 501 2d_small --from 2d --patch-size 64x64 --batch-size 4 --features 8:64")
)
@click.argument("dataset")
@click.argument("name")
@option("--from", "base", required=True, metavar="CONFIGURATION", help="The configuration to inherit from.")
@option("--patch-size", type=SIZE, metavar="ZxYxX", help="Patch size in voxels.")
@option("--batch-size", type=int, help="Patches per batch.")
@option("--features", type=FEATURES, metavar="FIRST:MOST", help="Features of the first stage, doubled up to the most.")
@option("--stages", type=int, help="Number of resolutions.")
@allow_module
@plans
@three_folders
@speaking
def derive(
    dataset: str,
    name: str,
    base: str,
    allowed_modules: tuple[str, ...],
    plans: str,
    sink: Sink,
    paths: Paths,
    **changes: Any,
) -> int:
    """Add a configuration NAME that differs from another in patch, batch or network.

    The other stays as it is, and its preprocessed data serve both. Every patch axis must be
    divisible by the product of its strides; other sizes are refused with the nearest ones that are.

    If the network comes from a module of your own, which must be installed, give --allow-module here
    once: train and infer take the plans without it, on this machine and as long as they stay unchanged.
    """
    from ..dataset.names import find_dataset
    from ..train.derivation import derive as derived
    from ..train.gate import foreign_classes
    from ..train.model import plans_file
    from ..train.plans import changed
    from ..train.remembered import is_remembered

    folder = find_dataset(dataset, paths.require("raw", "preprocessed")).name
    path = plans_file(paths, folder, plans)
    with changed(path) as found:
        permitted = is_remembered(found) or not foreign_classes(found, allowed_modules)
        try:
            new = derived(found, name, base, **changes)
        except SegconvError as error:
            error.file = "" if error.code == "SC001" else str(path)  # for what was typed, no file is at fault
            raise
        found["configurations"][name] = new
    warnings = []
    if foreign_classes(found):
        # Only the plans that were examined, not what the file holds by now, may run without asking.
        warnings = _remember(found, path) if permitted else [_not_remembered("names classes from elsewhere", str(path))]
    sink.warn(warnings)
    features = new["architecture"]["arch_kwargs"].get("features_per_stage", "as before")
    sink.say(f"{name}: patch {new['patch_size']}, features {features}, from {base}")
    sink.next(f"segconv train {dataset} -c {name} -f 0")
    sink.end({"configuration": name, **new}, warnings)
    return 0


def _remember(plans: dict[str, Any], path: Path) -> list[Finding]:
    from ..train.remembered import remember

    try:
        remember(plans, path)
    except SegconvError as error:
        return [_not_remembered(error.message, error.file, error.code)]
    return []


def _not_remembered(why: str, file: str, code: str = "SC064") -> Finding:
    return warning(code, f"{why}: the plans are not remembered, train and infer need --allow-module", file=file)


def _stages(features: list[int] | int | None) -> str:
    """Return ``32…320, 6 stages``."""
    if isinstance(features, list):
        return f"{features[0]}…{features[-1]}, {len(features)} stages"
    return "" if features is None else str(features)


def _times(numbers: list[float] | None) -> str:
    """Return ``256×256``."""
    return "×".join(f"{number:g}" for number in numbers or ())
