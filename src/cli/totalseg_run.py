"""``segconv totalseg run``."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..words import count_of
from ..work.run_options import RunOptions
from .completion import classes_of_task, complete_tasks, lists_of
from .convert_options import nonfinite, repair
from .help_pages import RUNNING, Command, example, grouped
from .options import (
    PATH,
    bundled,
    cores,
    dry_run,
    option,
    output,
    overwrite,
    restart,
    speaking,
    three_folders,
    trusting,
)
from .sink import Sink
from .totalseg_dataset import Wanted, make_dataset, wanting
from .totalseg_weights import mode_of
from .types import GPUS, NAMES

if TYPE_CHECKING:
    from ..flows.totalseg.plan import Segmentation, SegmentOptions
    from ..flows.totalseg.run import Segmented
    from ..train.paths import Paths
    from ..train.totalsegmentator.workers import Devices
    from ..train.untrusted_models import Trust


def _asked(
    modality: str | None, fast: bool, fastest: bool, subset: tuple[str, ...] | None, **given: Any
) -> SegmentOptions:
    from ..convert.model import ConvertOptions
    from ..flows.totalseg.plan import SegmentOptions

    reading = ConvertOptions(repair=given["repair"], nonfinite=given["nonfinite"])
    mode = mode_of(fast, fastest) or "normal"
    return SegmentOptions(given["task"], modality and modality.upper(), mode, subset or (), given["masks"], reading)


asking = bundled(
    "asked",
    _asked,
    *grouped(
        "Segmentation",
        option(
            "--task",
            metavar="NAME",
            shell_complete=complete_tasks,
            help="Task of TotalSegmentator; default: total for CT, total_mr for MR.",
        ),
        option(
            "--modality", type=click.Choice(["ct", "mr"]), help="What the images are, if their files do not say it."
        ),
        option("--fast", is_flag=True, help="Take the faster model, which segments at 3 mm in most tasks."),
        option("--fastest", is_flag=True, help="Take the fastest model, which segments at 6 mm in most tasks."),
        option(
            "--roi-subset",
            "subset",
            type=NAMES,
            metavar="CLASS,…",
            shell_complete=lists_of(classes_of_task),
            help="Segment only these classes.",
        ),
        option("--masks", is_flag=True, help="Write a mask for each class, in a folder for each case."),
        repair,
        nonfinite,
    ),
)
"""What TotalSegmentator is asked for; the function gets `SegmentOptions`."""


def _devices(device: str, gpus: tuple[str, ...] | None, jobs: int | None) -> Devices:
    from ..train.totalsegmentator.workers import Devices

    return Devices(device, gpus or (), jobs)


computing = bundled(
    "devices",
    _devices,
    option(
        "--device",
        type=click.Choice(["auto", "cuda", "cpu"]),
        default="auto",
        help="Device to compute on; auto takes a GPU if there is one.", group=RUNNING,
    ),
    option(
        "--gpus", type=GPUS, metavar="N,…", group=RUNNING,
        help="GPUs that share the cases, each with a process of its own.",
    ),
    option(
        "-j", "--jobs", type=click.IntRange(min=1), metavar="N", group=RUNNING,
        help="Processes, each with the models in memory; default: one, or one for each of --gpus.",
    ),
)  # fmt: skip
"""Where TotalSegmentator computes; the function gets `Devices`."""


@click.command(cls=Command, epilog=example("segconv totalseg run scans -o prelabels --task total --fast --device cpu"))
@click.argument("source", type=PATH, metavar="IN")
@output
@asking
@computing
@wanting
@trusting
@bundled("how", partial(RunOptions, cores()), overwrite, restart)
@dry_run
@three_folders
@speaking
def run(
    source: Path,
    output: Path,
    asked: SegmentOptions,
    devices: Devices,
    wanted: Wanted,
    trust: Trust,
    how: RunOptions,
    dry_run: bool,
    paths: Paths,
    sink: Sink,
) -> int:
    """Segment a folder of your own images with TotalSegmentator.

    IN is a file, or a folder of volumes of any names and formats that `convert` reads, DICOM series
    included. Models are loaded once for all cases. A case that fails stops no other, and is reported
    at the end; the same command then segments only what is missing. Whether images are CT or MR is
    what you or the DICOM files say; grey values are not looked at. Weights must be on this machine:
    nothing is downloaded, and no connection is made.

    Results have the names of the images and their grids, and end in .nii.gz; the header of a label map
    names its values. The folder also has pairs.csv, which lists the image of each label map.

    --to makes a dataset of the images and the label maps in the same run, with the classes that were
    found as labels. The same command goes on wherever it was interrupted; --overwrite begins with the segmentation.
    """
    from ..flows.totalseg.plan import plan_segmentation
    from ..flows.totalseg.run import run_segmentation

    planned = plan_segmentation(source, output, asked, trust)
    sink.say(planned.why)
    dataset = wanted.settled(planned, paths, how, sink)
    if dry_run:
        return _show_plan(planned, sink)
    made = run_segmentation(planned, how, devices)
    result = _show(made, planned, sink)
    if dataset is not None and not made.failed:
        return make_dataset(planned, dataset, how, result, made.warnings, sink)
    return _end(made, planned, result, sink)


def _show_plan(planned: Segmentation, sink: Sink) -> int:
    from ..flows.totalseg.plan import report

    found = report(planned)
    sink.table(["case", "files"], [(case["case"], ", ".join(case["files"][:3])) for case in found["cases"]])
    sink.warn([*planned.failed, *planned.plan.warnings])
    sink.end(found, [*planned.failed, *planned.plan.warnings], ok=not planned.failed)
    return 1 if planned.failed else 0


def _show(made: Segmented, planned: Segmentation, sink: Sink) -> dict[str, Any]:
    """Print what was made; return it as ``--json`` has it."""
    for files in made.files.values():
        # With masks, their folder.
        sink.data(str(made.output / files[0] if not planned.masks else (made.output / files[0]).parent))
    kept = len(made.files) - made.segmented
    earlier = f", {kept} kept from an earlier run" if kept else ""
    sink.say(f"{count_of(made.segmented, 'case')} segmented{earlier}, {len(made.failed)} failed")
    return {
        "output": str(made.output),
        "task": planned.request.task,
        "files": {case: list(files) for case, files in made.files.items()},
        "segmented": made.segmented,
    }


def _end(made: Segmented, planned: Segmentation, result: dict[str, Any], sink: Sink) -> int:
    from ..flows.totalseg.results import PAIRS

    findings = [*made.warnings, *made.failed]
    sink.warn(findings)
    source, pairs = (shlex.quote(str(path)) for path in (planned.plan.source_root, made.output / PAIRS))
    convert = f"segconv convert {source} --to 42_Name --pairs {pairs} --channels {planned.request.known.modality}"
    if made.failed:
        sink.next("the same command segments what failed, once it is corrected")
        if made.files and not planned.masks:
            sink.say(f"a dataset without it: {convert}")
    elif planned.masks:
        masks = f"segconv convert {shlex.quote(str(made.output))} --from masks --images FOLDER --to 42_Name"
        sink.next(f"{masks}   (if the images are in one FOLDER)")
    else:
        sink.next(convert)
    sink.end(result, findings, ok=not made.failed)
    return 1 if made.failed else 0
