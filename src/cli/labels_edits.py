"""``segconv labels rename`` and ``regions``: edits of dataset.json that change no voxel."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ..errors import SegconvError
from .help_pages import Command, example
from .options import dataset_argument, dry_run, option, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..dataset.edit import Edit
    from ..train.paths import Paths


@click.command(cls=Command, epilog=example("segconv labels rename 501 disc=plate"))
@dataset_argument
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
            raise SegconvError(f"{text!r} is not a renaming", hint="expected a form like edema=oedema")
        if old in pairs:
            raise SegconvError(f"{old!r} is renamed twice")
        pairs[old] = new
    return _edit(plan_rename(paths.dataset(dataset), pairs), dataset, paths, sink, dry_run=dry_run)


@click.command(cls=Command, epilog=example("segconv labels regions 501 figure=plate+ring ring=ring --dry-run"))
@dataset_argument
@click.argument("regions", nargs=-1, required=True, metavar="NAME=A+B…")
@option("--order", metavar="V,V,…", help="regions_class_order, which is proved; default: computed.")
@option("--force", is_flag=True, help="Even if there are preprocessed data or models with the present labels.")
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
    with unchanged(hold(folder)):  # reads its names first and its values later
        labels = DatasetDescription.read(folder / DESCRIPTION).labels
        edit = plan_regions(folder, parse_regions(regions, labels), _order(order) if order is not None else None)
    return _edit(edit, dataset, paths, sink, dry_run=dry_run, force=force)


def _order(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SegconvError(f"--order {text!r} is not made of whole numbers", hint="for example --order 1,2,3") from None


def _edit(edit: Edit, reference: str, paths: Paths, sink: Sink, *, dry_run: bool, force: bool = False) -> int:
    from ..dataset.edit import apply_edit, copies

    _show(edit, sink)
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
        sink.next(f"segconv plan {shlex.quote(reference)}")
    sink.end(result, findings)
    return 0


def _show(edit: Edit, sink: Sink) -> None:
    """Show the current labels and the new ones."""
    old, new = edit.old["labels"], edit.new["labels"]
    if edit.what == "rename":
        rows = [(name, after, new[after]) for name, after in zip(old, new, strict=True) if name != after]
        sink.table(["old", "new", "value"], rows)
    else:
        order = [(f"regions_class_order of {', '.join(edit.labels.foreground)}", "regions_class_order")]
        names = [(name, name) for name in (*new, *(name for name in old if name not in new))]
        before = {**old, "regions_class_order": edit.old.get("regions_class_order", "")}
        after = {**new, "regions_class_order": edit.new.get("regions_class_order", "")}
        sink.table(["name", "old", "new"], [(said, before.get(n, ""), after.get(n, "")) for said, n in names + order])
