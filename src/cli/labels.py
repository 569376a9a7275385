"""``segconv labels``: the group, and the commands that show labels."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SegconvError, exit_code_of
from .help_pages import Group, example
from .labels_edits import regions, rename
from .labels_made import ignore, remap
from .options import FOLDER, dataset_argument, jobs, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..dataset.labels import Labels
    from ..dataset.overlaps import Compiled
    from ..train.paths import Paths
    from ..work.held import Held


@click.group(cls=Group, epilog=example("segconv labels show 501"))
def command() -> None:
    """Show, verify and change the labels of a dataset."""


@command.command(epilog=example("segconv labels show 501"))
@dataset_argument
@three_folders
@speaking
def show(dataset: str, sink: Sink, paths: Paths) -> int:
    """Show the labels of a dataset, and what nnU-Net makes of them.

    DATASET is an id such as 42, a name such as 42_Liver, or a path: a folder with a dataset.json, or
    such a file, of nnU-Net v2, v1 or the Decathlon. With regions, a perfect prediction of every value
    is decoded as nnU-Net decodes it; an order that swaps values is an error, and the order that does
    not is named.
    """
    from ..dataset.description import channel_names
    from ..dataset.layout import hold
    from ..dataset.strictjson import load_object, read_file
    from ..errors import naming

    path = _json_of(dataset, paths)
    held = hold(path.parent)
    data = read_file(path)
    with naming(str(path)):
        found = load_object(data)
        task = "channel_names" not in found and "modality" in found
        channels = channel_names(found.get("modality" if task else "channel_names"))
    result: dict[str, Any] = {"file": str(path), "channels": _channels(channels, sink)}
    if task:
        return _show_task(path, found, result, sink)
    return _show_dataset(path, found, held, result, sink)


@command.command("compile", epilog=example("segconv labels compile scans"))
@click.argument("folder", type=FOLDER)
@option("--images", multiple=True, metavar="GLOB", help="The images, one pattern per channel.")
@option("--masks", metavar="GLOB", help="The masks of each case.")
@option("--missing-masks", type=click.Choice(["empty"]), help="A mask that a case lacks counts as empty.")
@option("--priority", metavar="NAME,…", help="Overlaps go only to the first of their masks, instead of being kept.")
@option("--max-heads", type=click.IntRange(min=1), default=64, help="Most heads that a network may get.")
@jobs
@speaking
def compile_(folder: Path, jobs: int, sink: Sink, **said: Any) -> int:
    """Show what masks that may overlap become, and write nothing.

    FOLDER holds a folder per case with one mask per class. Every combination of masks that occurs gets a
    value; the labels of the dataset are made of values so that nnU-Net's decoding gives each mask
    back, which is proved.
    """
    from ..convert.model import ConvertOptions
    from ..convert.sources.registry import scan_source
    from ..convert.survey import Survey
    from ..dataset.regions import swaps
    from ..errors import refuse_if_any
    from ..work.readers import Readers

    if not folder.is_dir():
        raise SegconvError("does not exist", code="SC010", file=str(folder))
    sink.speaker.instead = f"segconv convert {shlex.quote(str(folder))} --to ID_NAME"
    options = ConvertOptions(
        images=said["images"],
        masks=said["masks"],
        missing_masks=said["missing_masks"],
        priority=tuple(name.strip() for name in said["priority"].split(",")) if said["priority"] else (),
        max_heads=said["max_heads"],
    )
    found = scan_source("masks", Survey(Path(os.path.realpath(folder)), options, Readers(jobs, sink.progress())))
    findings = refuse_if_any(found.findings)
    compiled = found.compiled
    if compiled is None:
        raise SegconvError("holds no masks of one class each", code="SC011", file=str(folder))
    _say_compiled(compiled, sink)
    sink.warn(findings)
    sink.next(sink.speaker.instead)
    result = {
        "labels": compiled.labels.as_json(),
        "regions_class_order": compiled.labels.regions_class_order,
        "proved": not swaps(compiled.labels),
        "masks": {name: list(values) for name, values in compiled.masks_of.items()},
        "overlaps_lost": compiled.lost,
    }
    sink.end(result, findings)
    return 0


def _say_compiled(compiled: Compiled, sink: Sink) -> None:
    """Show the values that masks became, and the labels made from them."""
    labels = compiled.labels
    within = {v: [name for name, values in compiled.masks_of.items() if v in values] for v in labels.values}
    sink.table(["value", "in the masks"], [(value, ", ".join(names)) for value, names in within.items()])
    sink.data("")
    sink.table(
        ["label", "values"],
        [(name, ", ".join(map(str, v)) if isinstance(v, tuple) else v) for name, v in labels.names.items()],
    )
    count = len(compiled.masks_of)
    if labels.has_regions:
        sink.say(f"{count} masks overlap: {len(within) - 1} values, {len(labels.foreground)} heads")
        sink.say(f"regions_class_order {list(labels.regions_class_order or ())} gives every value back")
    else:
        sink.say(f"{count} masks become {len(labels.foreground)} plain labels")


def _json_of(reference: str, paths: Paths) -> Path:
    from ..dataset.layout import DESCRIPTION

    path = Path(reference)
    if path.exists() and not path.is_dir():
        return path
    return paths.dataset(reference) / DESCRIPTION


def _channels(channels: tuple[str, ...], sink: Sink) -> dict[str, str]:
    from ..dataset.channels import normalisation

    for name in channels:
        sink.say(f"channel {name}: normalisation {normalisation(name)}")
    return {name: normalisation(name) for name in channels}


def _show_task(path: Path, found: dict[str, Any], result: dict[str, Any], sink: Sink) -> int:
    """Show the labels of a v1 or MSD json, as in the file and as in v2."""
    from ..convert.tasks.task_json import declared_labels
    from ..dataset.label_table import dense
    from ..errors import naming

    with naming(str(path)):
        declared = declared_labels(found)
        if declared is None:
            raise SegconvError("has no entry 'labels'", code="SC074")
        forward = dense(declared).forward
    sink.say("a json of nnU-Net v1 or the Decathlon; values as they stand in the files, and in v2")
    sink.table(["name", "value", "in v2"], [(name, value, forward[value]) for name, value in declared.items()])
    sink.next(f"segconv convert {shlex.quote(str(path.parent))} --to ID_NAME")
    sink.end({**result, "kind": "task", "labels": declared, "values_in_v2": {str(k): v for k, v in forward.items()}})
    return 0


def _show_dataset(path: Path, found: dict[str, Any], held: Held, result: dict[str, Any], sink: Sink) -> int:
    from ..dataset.labels import Labels
    from ..dataset.regions import decoded_values, prove_order
    from ..errors import naming
    from ..work.held import unchanged

    with naming(str(path)):
        labels = Labels.from_json(found.get("labels"), found.get("regions_class_order"))
    decoded = decoded_values(labels)
    with unchanged(held):
        voxels = _voxels(path, labels)
    rows = [_row(name, value, decoded, voxels) for name, value in labels.names.items()]
    sink.table(["name", "values", "decoded to", *(["voxels"] if voxels else [])], rows)
    findings = prove_order(labels)
    if labels.has_regions and not findings:
        sink.say(f"regions_class_order {list(labels.regions_class_order or ())} gives every value back")
    sink.warn(findings)
    result |= {
        "kind": "nnunet-v2",
        "labels": labels.as_json(),
        "regions_class_order": labels.regions_class_order,
        "decoded": {str(value): to for value, to in decoded.items()},
        "proved": not findings,
        "voxels": {str(value): number for value, number in voxels.items()} if voxels else None,
    }
    sink.end(result, findings, ok=not findings)
    return exit_code_of(findings)


def _row(
    name: str, value: int | tuple[int, ...], decoded: Mapping[int, int], voxels: Mapping[int, int]
) -> tuple[object, ...]:
    values = value if isinstance(value, tuple) else (value,)
    becomes = ", ".join(str(decoded.get(v, "not learned")) for v in values)
    count = [sum(voxels.get(v, 0) for v in values)] if voxels else []
    return (name, ", ".join(map(str, values)), becomes, *count)


def _voxels(path: Path, labels: Labels) -> dict[int, int]:
    """Return value → voxels over all training cases, from the lineage next to a dataset.json; empty without one."""
    from ..dataset.counts import recorded_voxels

    return {value: number for value, number in recorded_voxels(path.parent).items() if value in labels.values}


for changing in (rename, regions, ignore, remap):
    command.add_command(changing)
