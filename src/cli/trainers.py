"""``segconv trainers``."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, SegconvError
from ..train.model import DEFAULT_PLANS
from .completion import complete_cases
from .help_pages import Group, example
from .options import (
    FOLDER,
    PATH,
    bundled,
    dataset_argument,
    ext_trainer,
    finding_trainers,
    modelled,
    option,
    overwrite,
    speaking,
    three_folders,
    trainers_again,
)
from .sink import Sink

if TYPE_CHECKING:
    from ..flows.preview import Sampling
    from ..train.model import Model
    from ..train.paths import Paths


@click.group(cls=Group, epilog=example("segconv trainers list"))
def command() -> None:
    """Show trainers and what one does to a case, or start one of your own."""


@command.command("list", epilog=example("segconv trainers list"))
@ext_trainer
@speaking
def list_command(trainer_folders: tuple[Path, ...], sink: Sink) -> int:
    """List the trainers of nnU-Net, segconv, packages and folders, and what each changes.

    Changes are relative to the class in the column 'from', as the source states them; nothing is imported.
    Every name can be given to -tr. Those of segconv take a number of epochs, and of iterations in each:
    nnUNetTrainerSegconv_100epochs_50iterations.
    """
    from ..train.known_trainers import list_trainers
    from ..train.trainer_folders import checked_folders

    found = list_trainers(checked_folders(trainer_folders))
    sink.table(
        ["trainer", "of", "from", "changes"],
        [
            (
                trainer.name,
                trainer.home,
                " ".join(base for base in trainer.bases if base != "object"),
                "; ".join(trainer.changes),
            )
            for trainer in found
        ],
    )
    sink.next("segconv trainers preview DATASET -c CONFIGURATION -tr NAME")
    sink.end({"trainers": [dataclasses.asdict(trainer) for trainer in found]})
    return 0


@command.command("new", epilog=example("segconv trainers new nnUNetTrainerMine -o my-trainer"))
@click.argument("name")
@option("-o", "--output", type=FOLDER, help="Folder to make; default: NAME here.")
@speaking
def new_command(name: str, output: Path | None, sink: Sink) -> int:
    """Make a package with a trainer of your own, to change.

    It has a class that sets the learning rate and the loss, the entry point by which segconv and nnU-Net find it
    once it is installed, and a test. Nothing is overwritten.
    """
    from ..train.trainer_package import make_trainer_package

    folder = output or Path(name)
    files = make_trainer_package(name, folder)
    for file in files:
        sink.data(str(folder / file.name))
    sink.next(f"pip install -e {shlex.quote(str(folder))}")
    sink.next(f"segconv rehearse DATASET -tr {name}")
    sink.end({"trainer": name, "files": [str(file) for file in files]})
    return 0


def _sampling(**options: Any) -> Sampling:
    from ..flows.preview import Sampling

    return Sampling(**options)


@command.command(epilog=example("segconv trainers preview 501 -tr nnUNetTrainerDA5 -c 2d_small -o da5.png"))
@dataset_argument
@modelled
@bundled(
    "sampling",
    _sampling,
    option("--case", shell_complete=complete_cases, help="Case to draw; default: the first that is preprocessed."),
    option("--samples", type=click.IntRange(1, 63), default=8, help="How often the same patch is transformed."),
    option("--channel", type=click.IntRange(min=0), default=0, help="Channel to draw; R, G, B are drawn in colour."),
    option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the patch's place and of the transforms."),
)
@option("-o", "--output", type=PATH, help="PNG to write; default: TRAINER.png here.")
@overwrite
@three_folders
@speaking
@finding_trainers
def preview(
    dataset: str,
    model_of: Callable[[str], Model],
    sampling: Sampling,
    output: Path | None,
    overwrite: bool,
    sink: Sink,
    paths: Paths,
) -> int:
    """Draw what the transforms of a trainer do to a real case, image and label.

    The trainer is built as nnU-Net builds it, for the plans of DATASET, and itself states the range of
    rotations, mirroring and sizes. The first picture is the patch without transforms, cut out around
    foreground; the others are what the network would be trained on. Trainings do not repeat exactly
    these samples: nnU-Net does not seed its own.
    """
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..flows.preview import preview as draw_preview

    model = model_of("")
    picture = output or Path(f"{model.trainer}.png")
    if picture.suffix.lower() != ".png":
        what = f"--output {picture} does not end in .png, the format of the picture"
        raise SegconvError(what, hint=f"for example --output {model.trainer}.png")
    found = Dataset.open(find_dataset(dataset, paths.require("raw", "preprocessed")))
    model = model_of(found.path.name)
    warnings: list[Finding] = []
    made = draw_preview(
        found, model, picture, paths, sampling, overwrite=overwrite, tell=sink.detail, warn=warnings.extend
    )
    sink.warn(warnings)
    facts = made.facts
    size, initial = ("×".join(map(str, facts[key])) for key in ("patch_size", "initial_patch_size"))
    sink.say(f"{made.case}: patch {size}, cut out at {initial}")
    low, high = (f"{angle:g}" for angle in facts["rotation_deg"])
    sink.say(f"rotations, where there are any, between {low}° and {high}°")
    sink.say(
        f"mirrored along axes {', '.join(map(str, facts['mirror_axes']))}" if facts["mirror_axes"] else "no mirroring"
    )
    sink.table(["transform", "probability", "settings"], [_row(step) for step in facts["transforms"]])
    sink.say(f"look at {picture}")
    chosen = "" if model.plans == DEFAULT_PLANS else f" -p {model.plans}"
    chosen += trainers_again(paths)
    sink.next(f"segconv train {found.name.id} -c {model.configuration} -f 0 -tr {model.trainer}{chosen}")
    sink.end({"picture": str(picture), "case": made.case, **facts}, warnings)
    return 0


def _row(step: dict[str, Any]) -> tuple[str, str, str]:
    """Return name, probability and settings of a transform as text."""
    probability = "always" if step["probability"] is None else f"{step['probability']:g}"
    if "choices" in step:
        return step["name"], probability, " or ".join(choice["name"] for choice in step["choices"])
    settings = [f"{key}={_short(value)}" for key, value in step.items() if key not in ("name", "probability")]
    return step["name"], probability, " ".join(settings)


def _short(value: Any) -> str:
    """Return a setting with four significant digits."""
    if isinstance(value, list):
        return f"[{', '.join(_short(part) for part in value)}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
