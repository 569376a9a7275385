"""The kinds of source, and how one is told from another: a new source is one module and one line here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...errors import Finding, Refused, SegconvError
from ...image import raster, volumes
from ..find.lists import pair_by_list
from ..find.mask_folders import image_folder
from ..find.patterns import pair_by_patterns
from ..find.tree import OWN_FOLDERS, units_in
from ..find.volume_units import volume_units
from ..model import ConvertOptions, Scanner
from . import masks, msd, nnunet_v1, nnunet_v2, pairs, png
from .class_folders import refuse_class_folders
from .tasks import JSON, refuse_unreadable
from .two_readings import refuse_two_readings
from .unknown import of_unknown


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    recognise
        Returns what in a folder speaks for this kind, or None.
    scan
        Finds the cases.
    """

    recognise: Callable[[Path], str | None]
    scan: Scanner


KINDS: dict[str, Kind] = {
    "png": Kind(png.recognise, png.scan),
    "msd": Kind(msd.recognise, msd.scan),
    "nnunet-v1": Kind(nnunet_v1.recognise, nnunet_v1.scan),
    "nnunet-v2": Kind(nnunet_v2.recognise, nnunet_v2.scan),
    "pairs": Kind(pairs.recognise, pairs.scan),
    "masks": Kind(masks.recognise, masks.scan),
    "dicom": Kind(pairs.recognise_dicom, pairs.scan_dicom),
}


def _heeded() -> dict[str, tuple[str, frozenset[str]]]:
    """Return option → its name in `ConvertOptions`, and the kinds of source that heed it."""
    found = frozenset({"png", "pairs", "dicom", "masks"})
    masks_alone = frozenset({"masks"})
    return {
        "--images": ("images", found),
        "--masks": ("masks", found),
        "--case-names": ("case_names", found),
        "--pairs": ("pairs", found - masks_alone),
        "--spacing": ("spacing_mm", found - {"png"}),
        "--frames": ("frames", frozenset({"pairs", "dicom"})),
        "--slice-order": ("slice_order", frozenset({"pairs", "dicom"})),
        "--image": ("image", masks_alone),
        "--priority": ("priority", masks_alone),
        "--max-heads": ("max_heads", masks_alone),
        "--missing-masks": ("missing_masks", masks_alone),
        "--unite-masks": ("unite_masks", frozenset({"png", "pairs", "dicom"})),
        "--grey-to-rgb": ("grey_to_rgb", frozenset({"png"})),
        "--listed-only": ("listed_only", frozenset({"msd", "nnunet-v1"})),
    }


def refuse_unheeded(kind: str, options: ConvertOptions) -> None:
    """Refuse options that a kind of source would not look at.

    Raises
    ------
    SegconvError
        ``SC001`` with the first of them.
    """
    usual = ConvertOptions()
    for option, (field, kinds) in _heeded().items():
        if kind not in kinds and getattr(options, field) != getattr(usual, field):
            raise SegconvError(
                f"{option}: says nothing about a source of the kind {kind}",
                hint=f"leave it out; it is for {', '.join(key for key in KINDS if key in kinds)}",
            )


SHOWN_TASKS = 3
"""Tasks below the source that a hint names."""


def detect(root: Path, options: ConvertOptions) -> tuple[str, str]:
    """Return the kind of a source, and the evidence: what options leave no choice about, else what the files say.

    Raises
    ------
    SegconvError
        ``SC011`` if it is none that is known, ``SC003`` if it could be two, or holds tasks that
        declare more than their folders tell, ``SC010`` if it looks like a task that lost its
        dataset.json; what `refuse_unreadable` raises.
    """
    told = _told(root, options)
    if told is not None:
        return told
    refuse_unreadable(root, external=options.allow_external)
    evidence = {key: found for key, kind in KINDS.items() if (found := kind.recognise(root)) is not None}
    if options.spacing_mm is not None and evidence.keys() <= {"png", "masks"}:
        return "pairs", "--spacing makes volumes of pictures"
    if not reading.is_there(root / "dataset.json"):
        tasks = _tasks_below(root)
        if evidence:  # the source that lies beside the datasets made of it
            tasks = [task for task in tasks if task.relative_to(root).parts[0] not in OWN_FOLDERS]
        if tasks:
            raise _holding_tasks(root, tasks, evidence)
    if evidence.keys() <= {"png", "pairs"} and not reading.is_there(root / "dataset.json"):
        refuse_class_folders(root)
    if not evidence and reading.is_folder(root / "imagesTr") and not reading.is_there(root / "dataset.json"):
        raise SegconvError(
            "is not there beside imagesTr: nothing tells channels and labels",
            code="SC010",
            file=str(root / "dataset.json"),
            hint="restore it; or --from msd --channels CT --labels background=0,organ=1 reads the folders alone",
        )
    if not evidence:
        if options.masks is not None:
            raise SegconvError("--masks needs --images", hint="give both patterns")
        raise of_unknown(root)
    if evidence.keys() == {"pairs", "masks"}:
        refuse_two_readings(root, options)
    if len(evidence) > 1:
        readings = "; ".join(f"{key}: {found}" for key, found in evidence.items())
        raise SegconvError(
            f"can be read in {len(evidence)} ways: {readings}",
            code="SC003",
            file=str(root),
            hint=" or ".join(f"segconv convert {root} --from {key} …" for key in evidence),
        )
    return next(iter(evidence.items()))


def _tasks_below(root: Path) -> list[Path]:
    """Return the folders one or two levels down that are tasks or datasets with a dataset.json of their own."""
    found = [folder.parent for depth in ("*", "*/*") for folder in root.glob(f"{depth}/imagesTr")]
    return sorted(folder for folder in found if reading.is_there(folder / JSON, links_followed=False))


def _holding_tasks(root: Path, tasks: list[Path], evidence: Mapping[str, str]) -> SegconvError:
    """Return the refusal of a folder around tasks: read as folders, it would lose what their json declares."""
    more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
    commands = [f"segconv convert {shlex.quote(str(task))} …" for task in tasks[:SHOWN_TASKS]]
    commands += [f"segconv convert {shlex.quote(str(root))} --from {key} …" for key in evidence]
    apart = "; the last takes the folders alone, without what the json says" if evidence else ""
    return SegconvError(
        f"is no task, but holds {tasks[0].relative_to(root)}{more}, with a dataset.json of its own",
        code="SC003",
        file=str(root),
        hint=" or ".join(commands) + apart,
    )


def _told(root: Path, options: ConvertOptions) -> tuple[str, str] | None:
    """Return the kind of a source that a list, patterns or ``--image`` describe, and the evidence."""
    if options.image:
        return "masks", f"--image {options.image[0]}"
    if options.pairs is not None:
        pairing = pair_by_list(options.pairs, root, volumes.strip_ending)
        evidence = f"--pairs {options.pairs.name}"
    elif (
        options.masks is None and image_folder(root, options) is not None and (found := masks.recognise(root, options))
    ):
        return "masks", f"{found}, and --images {options.images[0]}"
    elif options.images:
        units = [*volume_units(root, options, [])[0], *units_in(root, raster.ending_of, [])[0]]
        pairing = pair_by_patterns(units, options.images, options.masks, root)
        evidence = pairing.folders[0]
    else:
        return None
    if not pairing.pairs:
        raise Refused(reasons=pairing.findings or (Finding("SC011", f"{evidence} names no case", file=str(root)),))
    first = next(iter(pairing.pairs[0].images.values()))
    pictures = (
        first.parts is None and raster.ending_of(first.path) is not None and not reading.is_folder(root / first.path)
    )
    if pictures and options.spacing_mm is None:
        return "png", f"{evidence} with pictures such as {first.path}"
    return "pairs", f"{evidence} with volumes such as {first.path}"
