"""``segconv labels``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_FOUND, SegconvError, exit_code_of
from ..words import count_of
from .options import FOLDER, dry_run, example, jobs, option, running, speaking, three_folders, to
from .options import force as force_overwrite
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.model import ConvertOptions
    from ..dataset.edit import Edit
    from ..dataset.labels import Labels
    from ..train.paths import Paths
    from ..work.held import Held
    from ..work.run_options import RunOptions

MANY_CASES = 50
"""So many cases are listed one by one; of more, those that stand out."""


@click.group(epilog=example("segconv labels show 501"))
def command() -> None:
    """Show, verify and change the labels of a dataset."""


@command.command(epilog=example("segconv labels show 501"))
@click.argument("dataset")
@three_folders
@speaking
def show(dataset: str, sink: Sink, paths: Paths) -> int:
    """Show the labels of a dataset, and what nnU-Net makes of them.

    DATASET is a dataset, a folder with a dataset.json, or such a file, of nnU-Net v2, v1 or the
    Decathlon. With regions, a perfect prediction of every value is decoded as nnU-Net decodes it; an
    order that swaps values is an error, and the order that does not is named.
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


@command.command(epilog=example("segconv labels rename 501 disc=plate"))
@click.argument("dataset")
@click.argument("names", nargs=-1, required=True, metavar="OLD=NEW…")
@dry_run
@three_folders
@speaking
def rename(dataset: str, names: tuple[str, ...], dry_run: bool, sink: Sink, paths: Paths) -> int:
    """Give labels other names.

    No voxel changes. `Ignore=ignore` makes nnU-Net see an ignore label whose name was spelled
    otherwise. The edit is recorded in the lineage.
    """
    from ..dataset.edit import plan_rename

    pairs: dict[str, str] = {}
    for text in names:
        old, equals, new = (part.strip() for part in text.partition("="))
        if not (old and equals and new):
            raise SegconvError(f"{text!r} is no renaming", hint="expected a form like edema=oedema")
        if old in pairs:
            raise SegconvError(f"{old!r} is renamed twice")
        pairs[old] = new
    return _edit(plan_rename(paths.dataset(dataset), pairs), dataset, paths, sink, dry_run=dry_run)


@command.command(epilog=example("segconv labels regions 501 figure=plate+ring ring=ring --dry-run"))
@click.argument("dataset")
@click.argument("regions", nargs=-1, required=True, metavar="NAME=A+B…")
@option("--order", metavar="V,V,…", help="regions_class_order; proved. Computed otherwise.")
@option("--force", is_flag=True, help="Although there are preprocessed data or models with the labels as they are.")
@dry_run
@three_folders
@speaking
def regions(
    dataset: str,
    regions: tuple[str, ...],
    order: str | None,
    force: bool,
    dry_run: bool,
    sink: Sink,
    paths: Paths,
) -> int:
    """Set the regions of a dataset, by name or by value.

    They replace the regions that are there and the classes they are made of; `ring=ring` keeps one.
    Classes in no region stay. The order of heads is computed so that nnU-Net's decoding gives every
    value back; what no order can give back is refused, with the region to add.
    """
    from ..dataset.description import DatasetDescription
    from ..dataset.edit import plan_regions
    from ..dataset.layout import DESCRIPTION, hold
    from ..dataset.regions import parse_regions
    from ..work.held import unchanged

    folder = paths.dataset(dataset)
    with unchanged(hold(folder)):  # whose names are read first, and whose values then
        labels = DatasetDescription.read(folder / DESCRIPTION).labels
        edit = plan_regions(folder, parse_regions(regions, labels), _order(order) if order is not None else None)
    return _edit(edit, dataset, paths, sink, dry_run=dry_run, force=force)


@command.command(epilog=example("segconv labels ignore 501"))
@click.argument("dataset")
@option("--scribbles", is_flag=True, help="Make a dataset in which what nobody drew on, the value 0, is ignored.")
@option("--background", "drawn", metavar="NAME", help="With --scribbles: the label that was drawn for background.")
@option("--value", "name", metavar="NAME", help="Make a dataset in which this label is the ignore label.")
@option("--to", "target", metavar="ID[_NAME]", help="Dataset to make, with --scribbles or --value.")
@dry_run
@force_overwrite
@running
@three_folders
@speaking
def ignore(
    dataset: str,
    scribbles: bool,
    drawn: str | None,
    name: str | None,
    target: str | None,
    dry_run: bool,
    force: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
) -> int:
    """Report the ignore label and how much of each case it covers, or make a dataset that has one.

    Without an option nothing is written. `--scribbles` and `--value` change voxels, and so make a new
    dataset; the ignore label gets the highest value, as nnU-Net wants it. A network must see background
    too, and so some of it must have been drawn, as a label of its own: `--background` says which.
    """
    from ..convert.labels.declared import UNLABELLED
    from ..convert.model import ConvertOptions
    from ..dataset.layout import hold

    if drawn is not None and not scribbles:
        raise SegconvError("--background goes with --scribbles", hint="add --scribbles, or leave it out")
    if not scribbles and name is None:
        if target is not None:
            raise SegconvError("--to makes a dataset of what?", hint="add --scribbles or --value NAME")
        return _cover(dataset, sink, paths, how)
    if scribbles and name is not None:
        raise SegconvError("--scribbles and --value exclude each other", hint="give one of them")
    if target is None:
        raise SegconvError("voxels change, so a new dataset is made", hint="name it with --to ID_NAME")
    folder = hold(paths.dataset(dataset))
    options = (
        ConvertOptions(ignore=name)
        if name is not None
        else ConvertOptions(labels=_with_background(dataset, folder.folder, drawn), ignore=UNLABELLED)
    )
    return _make(folder, target, options, paths, sink, how, dry_run=dry_run, force=force)


@command.command(epilog=example("segconv labels remap 501 --to 511_Figures --map ring=plate"))
@click.argument("dataset")
@to
@option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value or label as another; repeatable.")
@option("--labels", metavar="NAME=VALUE,…", help="All labels anew, with the values that the dataset has.")
@dry_run
@force_overwrite
@running
@three_folders
@speaking
def remap(
    dataset: str,
    target: str,
    maps: tuple[str, ...],
    labels: str | None,
    dry_run: bool,
    force: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
) -> int:
    """Make a dataset with other values: labels merged, or declared anew.

    Values are numbered 0, 1, … n without a gap; restore leads back to the values of the files that
    DATASET was made of.
    """
    from ..convert.model import ConvertOptions
    from ..dataset.layout import Dataset
    from .label_texts import parse_labels, parse_map

    if not maps and labels is None:
        raise SegconvError("nothing is to change", hint="--map VALUE=NAME merges, --labels NAME=VALUE,… declares anew")
    source = Dataset.open(paths.dataset(dataset))
    known = source.description.labels.names
    by_value = []
    for entry in ",".join(maps).split(",") if maps else []:
        name, equals, other = entry.partition("=")
        by_value.append(f"{known.get(name.strip(), name)}{equals}{other}")
    options = ConvertOptions(labels=parse_labels(labels) if labels is not None else None, value_map=parse_map(by_value))
    return _make(source.held, target, options, paths, sink, how, dry_run=dry_run, force=force)


@command.command("compile", epilog=example("segconv labels compile scans"))
@click.argument("folder", type=FOLDER)
@option("--images", multiple=True, metavar="GLOB", help="The images, one pattern a channel.")
@option("--masks", metavar="GLOB", help="The masks of each case.")
@option("--missing-masks", type=click.Choice(["empty"]), help="A mask that a case lacks counts as empty.")
@option("--priority", metavar="NAME,…", help="Overlaps go to the first of their masks alone, instead of being kept.")
@option("--max-heads", type=click.IntRange(min=1), default=64, help="Most heads that a network may get.")
@jobs
@speaking
def compile_(folder: Path, jobs: int, sink: Sink, **said: Any) -> int:
    """Show what masks that may overlap become, and write nothing.

    FOLDER holds a folder a case with one mask a class. Every combination of masks that occurs gets a
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
        raise SegconvError("is not there", code="SC010", file=str(folder))
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
    sink.warn(findings)
    sink.next(f"segconv convert {folder} --to ID_NAME")
    result = {
        "labels": labels.as_json(),
        "regions_class_order": labels.regions_class_order,
        "proved": not swaps(labels),
        "masks": {name: list(values) for name, values in compiled.masks_of.items()},
        "overlaps_lost": compiled.lost,
    }
    sink.end(result, findings)
    return 0


def _with_background(dataset: str, folder: Path, drawn: str | None) -> dict[str, int | str] | None:
    """Return the labels of a dataset in which one that was drawn for background is the background.

    None for regions, which whoever makes the dataset refuses.
    """
    from ..dataset.description import DatasetDescription
    from ..dataset.labels import BACKGROUND, IGNORE, NO_BACKGROUND
    from ..dataset.layout import DESCRIPTION

    labels = DatasetDescription.read(folder / DESCRIPTION).labels
    if labels.has_regions:
        return None
    names = labels.names
    plain = {n: v for n, v in names.items() if isinstance(v, int) and n not in (BACKGROUND, IGNORE)}
    choice = f"--background NAME, for one of {', '.join(plain)}, if that was drawn for background"
    if drawn is None:
        raise SegconvError(f"--scribbles: {NO_BACKGROUND}", hint=f"{choice}; otherwise draw some first")
    if drawn not in plain:
        raise SegconvError(f"--background {drawn}: {dataset} has no such label", hint=choice)
    return {BACKGROUND: plain.pop(drawn), **plain}


def _cover(dataset: str, sink: Sink, paths: Paths, how: RunOptions) -> int:
    """Report how much of each case is ignored."""
    from ..dataset.counts import label_counts, share
    from ..dataset.layout import Dataset
    from ..errors import warning
    from ..work.readers import Readers

    opened = Dataset.open(paths.dataset(dataset))
    value = opened.description.labels.ignore
    if value is None:
        sink.say(f"{opened.path.name} has no ignore label: every voxel counts in training")
        sink.say("--scribbles or --value NAME makes a dataset that has one")
        sink.end({"ignore": None, "cases": {}})
        return 0
    readers = Readers(how.jobs, how.progress)
    with opened.unchanged():
        shares = {case: share(counts, value) for case, counts in label_counts(opened, readers=readers)}
    mean = sum(shares.values()) / len(shares) if shares else 0.0
    shown = shares if len(shares) <= MANY_CASES or sink.verbose else {c: s for c, s in shares.items() if s == 1}
    sink.table(["case", "ignored"], [(case, f"{part:.1%}") for case, part in shown.items()])
    sink.say(f"ignore is {value}; it covers {mean:.1%} of {len(shares)} training cases on average")
    findings = [
        warning("SC075", "is ignored as a whole: nothing is learned from it", file=case)
        for case, part in shares.items()
        if part == 1
    ]
    if shares and not any(shares.values()):
        findings.append(warning("SC076", f"the ignore label {value} occurs in no case", file=str(opened.path)))
    sink.warn(findings)
    sink.end({"ignore": value, "mean": mean, "cases": shares}, findings)
    return 0


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
    """Show the labels of a json of v1 or MSD: as they stand in the files, and as v2 would have them."""
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
    sink.next(f"segconv convert {path.parent} --to ID_NAME")
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
    rows = []
    for name, value in labels.names.items():
        values = value if isinstance(value, tuple) else (value,)
        becomes = ", ".join(str(decoded.get(v, "not learned")) for v in values)
        count = [sum(voxels.get(v, 0) for v in values)] if voxels else []
        rows.append((name, ", ".join(map(str, values)), becomes, *count))
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


def _voxels(path: Path, labels: Labels) -> dict[int, int]:
    """Return value → voxels over all training cases, as the lineage beside a dataset.json says; empty without one."""
    from ..dataset.counts import recorded_voxels

    return {value: number for value, number in recorded_voxels(path.parent).items() if value in labels.values}


def _make(
    source: Held,
    target: str,
    options: ConvertOptions,
    paths: Paths,
    sink: Sink,
    how: RunOptions,
    *,
    dry_run: bool,
    force: bool,
) -> int:
    """Make a dataset of another with labels as the options say."""
    from ..convert.conversion import plan_conversion, run_conversion
    from ..work.held import unchanged

    with unchanged(source):
        conversion = plan_conversion(
            source.folder,
            target,
            raw=paths.require("raw"),
            other_roots=(paths.preprocessed, paths.results),
            kind="nnunet-v2",
            options=options,
            how=how,
            force=force,
        )
    labels = conversion.scan.label_map
    called = {value: name for name, value in labels.labels.names.items() if isinstance(value, int)}
    sink.table(
        ["old", "new", "label"], [(old, new, called.get(new, "")) for old, new in sorted(labels.forward.items())]
    )
    if dry_run:
        sink.warn(conversion.plan.warnings)
        sink.say("nothing was written (--dry-run)")
        sink.end(conversion.summary(), conversion.plan.warnings)
        return 0
    outcome = run_conversion(conversion, how)
    findings = [*outcome.warnings, *outcome.failed]
    sink.warn(findings)
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}.")
    sink.next(f"segconv plan {conversion.name.id}")
    sink.end({**conversion.summary(), "cases": outcome.done}, findings, ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def _order(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SegconvError(f"--order {text!r} is not made of whole numbers", hint="for example --order 1,2,3") from None


def _edit(edit: Edit, reference: str, paths: Paths, sink: Sink, *, dry_run: bool, force: bool = False) -> int:
    from ..dataset.edit import apply_edit, copies

    old, new = edit.old["labels"], edit.new["labels"]
    if edit.what == "rename":
        rows = [(name, after, new[after]) for name, after in zip(old, new, strict=True) if name != after]
        sink.table(["old", "new", "value"], rows)
    else:
        order = [(f"regions_class_order of {', '.join(edit.labels.foreground)}", "regions_class_order")]
        names = [(name, name) for name in (*new, *(name for name in old if name not in new))]
        before = {**old, "regions_class_order": edit.old.get("regions_class_order", "")}
        after = {**new, "regions_class_order": edit.new.get("regions_class_order", "")}
        sink.table(["name", "old", "new"], [(told, before.get(n, ""), after.get(n, "")) for told, n in names + order])
    result = {"dataset": str(edit.dataset), "old": edit.old, "new": edit.new, "changed": edit.changes and not dry_run}
    if dry_run:
        sink.say("nothing was written (--dry-run)")
        sink.end(result)
        return 0
    made_with = copies(edit.dataset, (paths.preprocessed, paths.results))
    findings = apply_edit(edit, made_with, force=force)
    sink.warn(findings)
    if not edit.changes:
        sink.say("nothing to do")
    else:
        sink.say(f"edited {edit.dataset / 'dataset.json'}")
        sink.next(f"segconv plan {reference}")
    sink.end(result, findings)
    return 0
