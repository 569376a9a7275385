"""The kinds of source, and how one is told from another: a new source is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SegconvError
from ..work.caseio import CaseIO
from ..work.plan import Item
from . import masks, msd, nnunet_v1, nnunet_v2, pairs, png
from .pictures import convert_pictures
from .source import Scanner
from .volumes import convert_volumes


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


def convert_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert one case, in a worker: pictures or volumes, as its first image is."""
    first = item.payload.source.images[0]
    pictures = item.payload.source.form(first) is None and png.ending_of(first) is not None
    return (convert_pictures if pictures else convert_volumes)(item, io)


def detect(root: Path) -> tuple[str, str]:
    """Return the kind of a source, and the evidence.

    Raises
    ------
    SegconvError
        ``SC011`` if it is none that is known, ``SC003`` if it could be two, ``SC010`` if it looks
        like a task that lost its dataset.json.
    """
    evidence = {key: found for key, kind in KINDS.items() if (found := kind.recognise(root)) is not None}
    if not evidence and (root / "imagesTr").is_dir() and not (root / "dataset.json").exists():
        raise SegconvError(
            "is not there beside imagesTr: nothing tells channels and labels",
            code="SC010",
            file=str(root / "dataset.json"),
            hint="restore it; or --from msd --channels CT --labels background=0,organ=1 reads the folders alone",
        )
    if not evidence:
        raise SegconvError(
            "holds nothing that can be converted",
            code="SC011",
            file=str(root),
            hint="expected a dataset.json with imagesTr and labelsTr, or folders of images and masks;"
            " --images GLOB --masks GLOB says which files belong together,"
            " --from names the kind, and then says what is missing",
        )
    if len(evidence) > 1:
        readings = "; ".join(f"{key}: {found}" for key, found in evidence.items())
        raise SegconvError(
            f"can be read in {len(evidence)} ways: {readings}",
            code="SC003",
            file=str(root),
            hint=" or ".join(f"segconv convert {root} --from {key} …" for key in evidence),
        )
    return next(iter(evidence.items()))
