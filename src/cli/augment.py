"""``segconv augment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..augment.grey import GREY
from ..errors import EXIT_FOUND, SegconvError, as_errors, refuse_if_any
from ..words import count_of, some_of
from .completion import lists_of
from .help_pages import WRITTEN, Command, example
from .options import (
    PATH,
    NewDataset,
    bundled,
    dataset_argument,
    dry_run,
    link,
    making,
    option,
    running,
    seed,
    speaking,
    three_folders,
)
from .recipe import recipes, refuse_unsavable, save
from .sink import Sink
from .types import ANGLES, LIMITS, PLANES

if TYPE_CHECKING:
    from ..augment.augmentation import Augmentation
    from ..augment.spec import AugmentSpec
    from ..dataset.names import DatasetName
    from ..train.paths import Paths
    from ..work.run_options import RunOptions

RECIPE = (
    "rotate",
    "rotate-range",
    "planes",
    "axis",
    "copies",
    *(one.name.replace("_", "-") for one in GREY),
    "pad-value",
    "expand",
    "label-soft",
    "format",
    "link",
    "seed",
)
"""The options that decide what is made; a recipe holds these."""

_ROTATIONS = "Rotations"
_COPIES = "Copies and their grey values"

EXCLUSIVE = (("planes", "axis"), ("rotate", "rotate-range"))
"""Options of them that exclude each other."""


def _grey(**limits: tuple[float, float] | None) -> dict[str, tuple[float, float]]:
    return {name: found for name, found in limits.items() if found is not None}


@click.command(cls=Command, epilog=example("segconv augment 501 --to 601_ShapesAug --rotate 30,60,180"))
@dataset_argument
@making
@option(
    "--rotate", type=ANGLES, metavar="DEG,…", help="Fixed angles; each makes a copy in each plane.", group=_ROTATIONS
)
@option(
    "--rotate-range",
    type=float,
    metavar="DEG",
    help="Random angles, uniform within ± DEG in each plane.",
    group=_ROTATIONS,
)
@option(
    "--planes",
    type=PLANES,
    metavar="PLANE,…",
    help="sagittal (about x), coronal (about y), axial (about z); default: all.",
    group=_ROTATIONS,
)
@option(
    "--axis",
    type=PLANES,
    metavar="AXIS,…",
    shell_complete=lists_of(("i", "j", "k")),
    help="Rotate about the image's own axes i, j, k instead of the patient's.",
    group=_ROTATIONS,
)
@option(
    "--pad-value",
    type=float,
    help="Fills what a rotation brings into an image; default: its smallest value.",
    group=_ROTATIONS,
)
@option("--expand/--no-expand", help="Grow the grid so that no corner is cut.", group=_ROTATIONS)
@option(
    "--label-soft/--no-label-soft",
    help="Interpolate labels class by class instead of taking the nearest voxel.",
    group=_ROTATIONS,
)
@option(
    "--copies",
    type=click.IntRange(min=1),
    default=1,
    help="Copies per case, or per angle and plane.",
    group=_COPIES,
)
@bundled(
    "grey",
    _grey,
    *(
        option(
            f"--{one.name.replace('_', '-')}",
            one.name,
            type=LIMITS,
            metavar="LO:HI",
            help=one.summary,
            group=_COPIES,
        )
        for one in GREY
    ),
)
@option(
    "--format",
    "file_format",
    type=click.Choice(["nii", "nii.gz", "nrrd", "mha", "png", "tif"]),
    help="Format of the new files; nii is the fastest, for scratch disks. Default: as they are.",
    group=WRITTEN,
)
@link
@seed
@option("--preview", type=PATH, metavar="PNG", help="First draw some originals next to their copies, with the angles.")
@recipes(*RECIPE, exclusive=EXCLUSIVE)
@dry_run
@running
@three_folders
@speaking
def command(
    dataset: str,
    new: NewDataset,
    preview: Path | None,
    save_recipe: Path | None,
    dry_run: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
    **said: Any,
) -> int:
    """Multiply a dataset by rotations and HU shifts.

    The new dataset holds the originals, unchanged, and their copies. Rotations are Euler rotations
    about the patient's axes (LPS) through the true centre of the volume, R = Rz · Rx · Ry. Image and
    label stay on one grid; what comes in from outside is air, or background. Pictures rotate in their
    plane.

    HU shifts apply to channels named CT. Voxels with the smallest value of their file, which is padding or
    air, stay as they are, and none falls below it.

    --preview draws up to 3 cases with up to 11 copies of each, exactly as they will be written, at one place in
    the patient and with the grey values of the original; with --dry-run, nothing else is written.

    The folds are those that DATASET is trained with. No fold validates on a copy, or trains on a copy of
    a case that it validates on.
    """
    from ..augment import compiled
    from ..augment.planning import plan_augmentation
    from ..augment.runner import run_augmentation
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..dataset.target import reported_with

    compiled.leave_out_blas()
    raw = paths.require("raw")
    source = Dataset.open(find_dataset(dataset, raw))
    spec = _spec(said, source.description.file_ending)
    name, taken = _name(new, source.name.name, paths, how)
    ending = f".{said['file_format']}" if said["file_format"] else None
    with reported_with(taken):
        augmentation = plan_augmentation(
            source, name, raw, spec, ending=ending, link=said["link"], preprocessed=paths.preprocessed
        )
    plan = augmentation.plan
    if how.strict:
        refuse_if_any(as_errors(plan.warnings))
    made, originals = augmentation.copies, augmentation.originals
    sink.say(f"{source.path.name}: {count_of(originals, 'training case')}, {count_of(made, 'copy', 'copies')}")
    sink.say(f"patients: {augmentation.patients}")
    result: dict[str, object] = {
        "source": str(source.path),
        "target": str(plan.target.path),
        "originals": originals,
        "copies": made,
    }
    if sink.verbose:
        _show_ways(augmentation, sink)
    if save_recipe is not None:
        (refuse_unsavable if dry_run else save)(save_recipe, RECIPE)
    if preview is not None:
        result["preview"] = _preview(augmentation, preview, how, sink)
    sink.warn(plan.warnings)
    if dry_run:
        _show_copies(augmentation, sink)
        sink.say(f"nothing {'' if preview is None else 'else '}was written (--dry-run)")
        sink.end(result, plan.warnings)
        return 0
    outcome = run_augmentation(augmentation, how)
    sink.warn(outcome.beyond(plan))
    written = Dataset.open(outcome.target).description.num_training  # fewer than planned with --keep-going
    sink.say(f"Made {outcome.target} with {count_of(written, 'training case')}.")
    sink.next(f"segconv plan {name.id}")
    sink.end(result, [*outcome.warnings, *outcome.failed], ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def _name(new: NewDataset, own_name: str, paths: Paths, how: RunOptions) -> tuple[DatasetName, SegconvError | None]:
    """Return the name of the new dataset, and why it cannot be made, to be reported with what else is wrong."""
    from ..dataset.names import parse_target
    from ..dataset.target import free_target

    roots = (paths.preprocessed, paths.results)
    try:
        raw = paths.require("raw")
        return free_target(new.target, own_name, raw, roots, overwrite=how.overwrite, force=new.force), None
    except SegconvError as error:
        if error.code != "SC020":
            raise
        return parse_target(new.target, own_name), error


def _spec(said: dict[str, Any], file_ending: str) -> AugmentSpec:
    from ..augment.spec import PLANES, AugmentSpec
    from ..image import raster

    if said["planes"] and said["axis"]:
        raise SegconvError("--planes and --axis exclude each other", hint="run augment once for each")
    return AugmentSpec(
        angles_deg=said["rotate"] or (),
        planes=said["planes"] or said["axis"] or (("axial",) if file_ending in raster.WRITABLE else PLANES),
        rotate_range_deg=said["rotate_range"],
        copies=said["copies"],
        grey=said["grey"],
        seed=said["seed"],
        pad_value=said["pad_value"],
        expand=said["expand"],
        label_soft=said["label_soft"],
    )


def _preview(augmentation: Augmentation, picture: Path, how: RunOptions, sink: Sink) -> str:
    """Draw what will be made; return where."""
    from ..flows.augment_preview import preview_augmentation

    cases = preview_augmentation(augmentation, picture, overwrite=how.overwrite, progress=how.progress)
    sink.say(f"drew {some_of(cases)} next to {'its' if len(cases) == 1 else 'their'} copies: {picture}")
    return str(picture)


def _show_ways(augmentation: Augmentation, sink: Sink) -> None:
    """Show how rotations are computed, and by what."""
    from ..augment import compiled
    from ..augment.planning import ways

    for way, count in ways(augmentation).items():
        sink.say(f"{count} copies: {way}")
    if not compiled.available():
        sink.say("no Numba that can be used: pip install 'segconv[fast]' turns about single axes many times faster")
    else:
        sink.say(f"compiled kernels are kept in {compiled.cache_folder() or 'no folder: none can be written'}")


def _show_copies(augmentation: Augmentation, sink: Sink) -> None:
    from ..augment.spec import AXES, IMAGE, PLANES

    axes = AXES if augmentation.spec.frame == IMAGE else PLANES
    sink.table(
        ["copy", *(f"{name} [°]" for name in axes), *(one.column for one in GREY)],
        [
            (copy, *(f"{a:g}" for a in t.angle_deg), *(f"{t.grey.get(one.name, one.unchanged):g}" for one in GREY))
            for item in augmentation.plan.items
            for copy, t in item.payload.copies.items()
        ],
    )
