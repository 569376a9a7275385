"""``segconv augment``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_FOUND
from .options import dry_run, example, option, running, seed, speaking, three_folders, to
from .sink import Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(epilog=example("segconv augment 501 --to 601_ShapesAug --rotate 30,60,180"))
@click.argument("dataset")
@to
@option("--rotate", metavar="DEG,…", help="Fixed angles; each in each plane makes a copy.")
@option("--planes", metavar="PLANE,…", help="sagittal (about x), coronal (about y), axial (about z); default: all.")
@option("--rotate-range", type=float, metavar="DEG", help="Random angles, uniform in ± DEG in each plane.")
@option("--copies", type=click.IntRange(min=1), default=1, help="Copies of a case, or of each angle and plane.")
@option("--hu-shift", metavar="LO:HI", help="Random shift of CT channels: magnitude in HU, sign random.")
@seed
@dry_run
@running
@three_folders
@speaking
def command(
    dataset: str, target: str, seed: int, dry_run: bool, sink: Sink, paths: Paths, how: dict[str, Any], **said: Any
) -> int:
    """Multiply a dataset by rotations and HU shifts.

    The new dataset holds the originals, unchanged, and their copies. Rotations are Euler rotations
    about the patient's axes (LPS) through the true centre of the volume; image and label move on
    one grid; what comes in from outside is air, or background. Pictures turn in their plane. HU
    shifts leave air where it is and apply to channels named CT. Folds are written so that a copy is
    never validated on, and never trained on while its original is validated on.
    """
    from ..augment.runner import plan_augmentation, run_augmentation
    from ..augment.spec import PLANES, AugmentSpec, parse_angles, parse_planes, parse_shift
    from ..dataset.layout import Dataset
    from ..dataset.names import find_dataset
    from ..dataset.target import free_target

    raw = paths.require("raw")
    source = Dataset.open(find_dataset(dataset, raw))
    is_picture = source.description.file_ending == ".png"
    spec = AugmentSpec(
        angles_deg=parse_angles(said["rotate"]) if said["rotate"] else (),
        planes=parse_planes(said["planes"]) if said["planes"] else (("axial",) if is_picture else PLANES),
        rotate_range_deg=said["rotate_range"],
        copies=said["copies"],
        hu_shift=parse_shift(said["hu_shift"]) if said["hu_shift"] else None,
        seed=seed,
    )
    name = free_target(
        target, f"{source.name.name}Aug", raw, (paths.preprocessed, paths.results), overwrite=how["overwrite"]
    )
    plan = plan_augmentation(source, name, raw, spec)
    made = sum(len(item.payload.copies) for item in plan.items)
    originals = sum(bool(item.payload.copies) for item in plan.items)
    sink.say(f"{source.path.name}: {originals} training cases, {made} copies")
    result = {"source": str(source.path), "target": str(plan.target.path), "originals": originals, "copies": made}
    if dry_run:
        sink.table(
            ["copy", *(f"{plane} [°]" for plane in PLANES), "shift [HU]"],
            [
                (copy, *(f"{a:g}" for a in t.angle_deg), f"{t.shift_hu:g}")
                for item in plan.items
                for copy, t in item.payload.copies.items()
            ],
        )
        sink.say("nothing was written (--dry-run)")
        sink.end(result)
        return 0
    outcome = run_augmentation(plan, source, spec, progress=sink.progress(), **how)
    sink.warn([*outcome.warnings, *outcome.failed])
    sink.say(f"Made {outcome.target} with {originals + made} training cases.")
    sink.next(f"segconv plan {name.id}")
    sink.end(result, [*outcome.warnings, *outcome.failed], ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0
