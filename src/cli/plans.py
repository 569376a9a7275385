"""``segconv plans``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, SegconvError, naming, warning
from .options import allow_module, example, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths

plans_name = option("-p", "--plans", default="nnUNetPlans", help="Name of the plans.")


@click.group(epilog=example("segconv plans show 501"))
def command() -> None:
    """Show the plans of a dataset, or derive a configuration."""


@command.command(epilog=example("segconv plans show 501"))
@click.argument("dataset")
@plans_name
@three_folders
@speaking
def show(dataset: str, plans: str, sink: Sink, paths: Paths) -> int:
    """Show the configurations of a dataset's plans."""
    from ..dataset.names import find_dataset
    from ..train.plans import plans_file, read_plans, table

    name = find_dataset(dataset, paths.require("raw", "preprocessed")).name
    path = plans_file(paths.require("preprocessed"), name, plans)
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
@option("--patch-size", metavar="ZxYxX", help="In voxels.")
@option("--batch-size", type=int, help="Patches a batch.")
@option("--features", metavar="FIRST:MOST", help="Features of the first stage, doubled up to the most.")
@option("--stages", type=int, help="Number of resolutions.")
@allow_module
@plans_name
@three_folders
@speaking
def derive(
    dataset: str,
    name: str,
    base: str,
    patch_size: str | None,
    batch_size: int | None,
    features: str | None,
    stages: int | None,
    allowed_modules: tuple[str, ...],
    plans: str,
    sink: Sink,
    paths: Paths,
) -> int:
    """Add a configuration NAME that differs from another in patch, batch or network.

    The other stays as it is, and its preprocessed data serve both. Every patch axis must be
    divisible by the product of its strides; a size that is not is refused with those that are.

    If the network is of a module of your own, which must be installed, --allow-module is given here
    once: train and infer take the plans without it, on this machine and as long as nobody changes them.
    """
    from ..dataset.names import find_dataset
    from ..train import plans as plans_room
    from ..train.derived import is_remembered
    from ..train.gate import foreign_classes

    folder = find_dataset(dataset, paths.require("raw", "preprocessed")).name
    path = plans_room.plans_file(paths.require("preprocessed"), folder, plans)
    with plans_room.changed(path) as found:
        permitted = is_remembered(found) or not foreign_classes(found, allowed_modules)
        try:
            new = plans_room.derive(
                found,
                name,
                base,
                patch_size=_numbers("--patch-size", patch_size, "x") if patch_size else None,
                batch_size=batch_size,
                features=_range(features) if features else None,
                stages=stages,
            )
        except SegconvError as error:
            error.file = "" if error.code == "SC001" else str(path)  # what is typed is no matter of the file
            raise
        found["configurations"][name] = new
    warnings = []
    if foreign_classes(found):
        # What was looked at, and not what is in the file by now, is what may run without asking.
        warnings = _remember(found, path) if permitted else [_not_remembered("names classes from elsewhere", str(path))]
    sink.warn(warnings)
    features_per_stage = new["architecture"]["arch_kwargs"].get("features_per_stage", "as before")
    sink.say(f"{name}: patch {new['patch_size']}, features {features_per_stage}, from {base}")
    sink.next(f"segconv train {dataset} -c {name} -f 0")
    sink.end({"configuration": name, **new}, warnings)
    return 0


def _remember(plans: dict[str, Any], path: Path) -> list[Finding]:
    from ..train.derived import remember

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


def _numbers(what: str, text: str, separator: str) -> list[int]:
    try:
        return [int(part) for part in text.split(separator)]
    except ValueError:
        raise SegconvError(f"{what} {text!r} is not made of whole numbers", hint=f"for example {what} 64x64") from None


def _range(text: str) -> tuple[int, int]:
    numbers = _numbers("--features", text, ":")
    if len(numbers) != 2:
        raise SegconvError(f"--features {text!r} is not FIRST:MOST", hint="for example --features 8:64")
    return numbers[0], numbers[1]
