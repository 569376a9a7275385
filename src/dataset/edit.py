"""Edit names and regions of a dataset's labels in dataset.json, without changing a voxel.

An edit is planned, shown as old and new, and then made under the dataset's lock; each file is replaced completely.
All other entries stay as they are, including those that segconv does not know. The lineage records the edit; the way
back to the user's files goes by value and is not affected.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, SegconvError, naming, refuse_if_any, warning
from ..version import VERSION
from ..work import fsops
from ..work.held import Held
from ..work.locks import locked
from ..work.owned import OF_EDITS
from ..work.plan import Target
from ..work.writing import writing
from . import lineage, seal
from .labels import BACKGROUND, IGNORE, Labels
from .layout import DESCRIPTION, hold
from .names import DatasetName
from .regions import prove_order, value_names, with_order
from .runs import RunRecord
from .strictjson import dumps, load_object, read_file

ENTRIES = ("labels", "regions_class_order")
"""Entries of dataset.json that an edit may change."""


@dataclass(frozen=True)
class Edit:
    """A planned edit; nothing has been written.

    Parameters
    ----------
    what
        ``"rename"`` or ``"regions"``.
    before
        dataset.json as read, byte for byte.
    held
        State of the dataset before it was read.
    """

    dataset: Path
    what: str
    before: bytes
    labels: Labels
    held: Held = field(compare=False, repr=False)

    @property
    def old(self) -> dict[str, Any]:
        """The current entries."""
        found = load_object(self.before)
        return {key: found[key] for key in ENTRIES if key in found}

    @property
    def new(self) -> dict[str, Any]:
        """The new entries."""
        order = self.labels.regions_class_order
        return {"labels": self.labels.as_json()} | ({} if order is None else {"regions_class_order": list(order)})

    @property
    def after(self) -> bytes:
        """The new dataset.json: the edited entries in their old positions, all others untouched."""
        new = self.new
        found = {key: new.get(key, value) for key, value in load_object(self.before).items()}
        if "regions_class_order" not in new:
            found.pop("regions_class_order", None)
        return dumps(found | new)

    @property
    def changes(self) -> bool:
        """Whether old and new differ, even if only in the order of names."""
        return dumps(self.old) != dumps(self.new)


def plan_rename(dataset: Path, names: Mapping[str, str]) -> Edit:
    """Plan to rename labels; values and their order stay.

    Parameters
    ----------
    names
        Old → new. Two names may be swapped.

    Raises
    ------
    SegconvError
        ``SC001`` if an old name does not exist or a new one occurs twice, or if a class would become
        the background or the ignore label or vice versa; ``SC074`` if the new labels are
        not usable; also any error of `DatasetDescription.read`.
    """
    dataset = dataset.absolute()
    held = hold(dataset)
    before = read_file(dataset / DESCRIPTION)
    with naming(str(dataset / DESCRIPTION)):
        found = load_object(before)
    labels = found.get("labels")
    if not isinstance(labels, dict):
        raise SegconvError(f"labels are {labels!r}", code="SC074", file=str(dataset / DESCRIPTION))
    for old, new in names.items():
        _refuse_renaming(old, new, labels)
    renamed = [names.get(name, name) for name in labels]
    twice = next((name for name in renamed if renamed.count(name) > 1), None)
    if twice is not None:
        raise SegconvError(f"the name {twice!r} would occur twice")
    with naming(str(dataset / DESCRIPTION)):
        made = Labels.from_json(dict(zip(renamed, labels.values(), strict=True)), found.get("regions_class_order"))
    return Edit(dataset, "rename", before, made, held)


def _refuse_renaming(old: str, new: str, labels: Collection[str]) -> None:
    """Refuse to rename an unknown label, or to make a class background or ignore merely by its name."""
    if old not in labels:
        near = difflib.get_close_matches(old, labels, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"labels are {', '.join(labels)}"
        raise SegconvError(f"there is no label {old!r}", hint=hint)
    for meaning in (BACKGROUND, IGNORE):
        # A differently spelled name meant the same, but nnU-Net took it for a class.
        if (old == meaning) != (new == meaning) and old.lower() != new.lower():
            raise SegconvError(
                f"{old!r} to {new!r} is more than a name: {meaning!r} has a meaning of its own in nnU-Net",
                cures=(Cure.of("make_ignore", label=old),),
            )


def plan_regions(dataset: Path, regions: Mapping[str, Sequence[int]], order: Sequence[int] | None = None) -> Edit:
    """Plan to set the regions of a dataset.

    The new regions replace existing ones, and the classes that they consist of; classes in no
    region stay. A region of one value keeps a class next to the regions that contain it.

    Parameters
    ----------
    regions
        Name → values, as returned by `parse_regions`.
    order
        ``regions_class_order``, one value per name except background and ignore, in their new
        order; computed if None.

    Raises
    ------
    SegconvError
        ``SC074`` if a value would be in no label, if no order decodes every value to itself, or if the
        given one does not; the message says what it would swap.
    """
    dataset = dataset.absolute()
    held = hold(dataset)
    before = read_file(dataset / DESCRIPTION)
    with naming(str(dataset / DESCRIPTION)):
        found = load_object(before)
        current = Labels.from_json(found.get("labels"), found.get("regions_class_order"))
    names = _with_regions(current, regions)
    if order is None:
        return Edit(dataset, "regions", before, with_order(names, value_names(current)), held)
    given = {name: value if isinstance(value, int) else tuple(value) for name, value in names.items()}
    scored = [name for name in given if name not in (BACKGROUND, IGNORE)]
    if len(order) != len(scored):
        raise SegconvError(
            f"the order has {len(order)} values, expected {len(scored)}: one for each of {', '.join(scored)}",
            code="SC074",
        )
    labels = Labels(given, tuple(order))
    refuse_if_any(prove_order(labels))
    return Edit(dataset, "regions", before, labels if labels.has_regions else Labels(given), held)


def _with_regions(current: Labels, regions: Mapping[str, Sequence[int]]) -> dict[str, int | Sequence[int]]:
    """Return the remaining classes, the regions, and ignore; refuse to leave a value without a label."""
    inside = {value for values in regions.values() for value in values}
    classes = {
        name: value
        for name, value in current.names.items()
        if isinstance(value, int) and name != IGNORE and value not in inside and name not in regions
    }
    _refuse_bare(sorted({*current.values} - inside - {current.ignore, *classes.values()}), current)
    last = {} if current.ignore is None else {IGNORE: current.ignore}
    return {**classes, **regions, **last}


def _refuse_bare(values: Sequence[int], current: Labels) -> None:
    if values:
        called = value_names(current)
        raise SegconvError(
            f"the values {', '.join(f'{value} {called[value]}' for value in values)} would be in no region",
            code="SC074",
            hint=f"add {' and '.join(f'{called[value]}={value}' for value in values)} to the regions",
        )


def copies(dataset: Path, roots: Iterable[Path | None]) -> list[Path]:
    """Return the folders in which nnU-Net keeps anything made with the dataset.json of a dataset."""
    return [root / dataset.name for root in roots if root is not None and reading.is_folder(root / dataset.name)]


def apply_edit(edit: Edit, made_with: Sequence[Path] = (), *, force: bool = False) -> list[Finding]:
    """Make a planned edit.

    Parameters
    ----------
    made_with
        Folders found by `copies`: preprocessed data and models hold the old labels.
    force
        Set regions although such folders exist.

    Returns
    -------
    findings
        Warnings about what must be made again.

    Raises
    ------
    SegconvError
        ``SC020`` if regions change and something was made with the old ones; ``SC035`` if another
        run works on the dataset; ``SC060`` if a file to change is a link; ``SC062`` if the dataset was replaced or
        changed since the edit was planned; ``SC094`` if the folder's name is not that of a dataset.
    """
    name = DatasetName.of_folder(edit.dataset.name)
    if name is None:
        raise SegconvError(
            "the folder's name is not that of a dataset, expected Dataset042_Name", code="SC094", file=str(edit.dataset)
        )
    if made_with and edit.what == "regions" and edit.changes and not force:
        raise SegconvError(
            "was made with the labels as they are, and would no longer fit",
            code="SC020",
            file=str(made_with[0]),
            hint="remove it",
            cures=(Cure.of("force_labels"),),
        )
    if not edit.changes:
        edit.held.refuse_if_changed()
        return []
    path = edit.dataset / DESCRIPTION
    refuse_links(path, edit.dataset / lineage.FOLDER, edit.dataset / lineage.RUN)
    with locked(Target(edit.dataset, name.slot)):
        edit.held.refuse_if_changed()
        if read_file(path) != edit.before:
            raise SegconvError("changed while the edit was made", code="SC062", file=str(path))
        with writing(path):
            _remove_left(edit.dataset)
            # Lineage first: rerunning an edit that was interrupted in between makes and records it.
            _record(edit)
            fsops.write_atomic(path, edit.after, sync=True)
            fsops.sync_folder(edit.dataset)
    return [
        warning(
            "SC094",
            "holds the labels as they were before the edit",
            file=str(folder),
            cures=(Cure.of("make_again", dataset=name.id),),
        )
        for folder in made_with
    ]


def _remove_left(dataset: Path) -> None:
    """Remove what a killed edit left behind; holding the lock shows that it is no longer running."""
    for left in (*dataset.glob(".tmp-*"), *dataset.glob(f"{lineage.FOLDER}/.tmp-*")):
        if fsops.is_temporary(left.name, OF_EDITS):
            fsops.unlink(left)


def refuse_links(*paths: Path) -> None:
    """Refuse to write through links, or to replace a link by a file."""
    for path in paths:
        if path.is_symlink():
            raise SegconvError(
                "is a link, and its target is not changed",
                code="SC060",
                file=str(path),
                hint="put its target in its place, or edit the dataset that it is a link to",
            )


def _record(edit: Edit) -> None:
    run = lineage.read_run(edit.dataset)
    if run is None:
        return
    entry = {"what": edit.what, "version": VERSION, "old": edit.old, "new": edit.new}
    if run.edits[-1:] != [entry]:
        edited = {**run.said, "edits": [*run.edits, entry], "files": _files(run, edit)}
        # A file that somebody else has changed stays theirs: its hash must not become valid again.
        record = seal.sealed(edited) if seal.holds(run) else dumps(edited)
        fsops.write_atomic(edit.dataset / lineage.RUN, record, sync=True)


def _files(run: RunRecord, edit: Edit) -> list[dict[str, Any]]:
    """Return the files of a run with the new dataset.json, unless somebody else has changed that file."""
    before, after = (hashlib.sha256(data).hexdigest() for data in (edit.before, edit.after))
    return [
        {"path": DESCRIPTION, "size": len(edit.after), "sha256": after}
        if (file["path"], file["sha256"]) == (DESCRIPTION, before)
        else file
        for file in run.files
    ]
