"""The kinds of source, and how one is told from another: a new source is one module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SegconvError
from ..work.caseio import CaseIO
from ..work.plan import Item
from . import msd, nnunet_v1, png
from .case import convert_pictures, convert_volumes
from .source import Scanner


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Parameters
    ----------
    recognise
        Returns what in a folder speaks for this kind, or None.
    scan
        Finds the cases.
    convert_case
        Converts one of them, in a worker.
    """

    recognise: Callable[[Path], str | None]
    scan: Scanner
    convert_case: Callable[[Item, CaseIO], dict[str, Any]]


KINDS: dict[str, Kind] = {
    "png": Kind(png.recognise, png.scan, convert_pictures),
    "msd": Kind(msd.recognise, msd.scan, convert_volumes),
    "nnunet-v1": Kind(nnunet_v1.recognise, nnunet_v1.scan, convert_volumes),
}


def detect(root: Path) -> tuple[str, str]:
    """Return the kind of a source, and the evidence.

    Raises
    ------
    SegconvError
        ``SC011`` if it is none that is known, ``SC003`` if it could be two.
    """
    evidence = {key: found for key, kind in KINDS.items() if (found := kind.recognise(root)) is not None}
    if not evidence:
        raise SegconvError(
            "holds nothing that can be converted",
            code="SC011",
            file=str(root),
            hint="expected an MSD or nnU-Net v1 task (dataset.json, imagesTr, labelsTr) or PNG folders"
            " (images/ and masks/);"
            " --from names the kind, and then says what is missing",
        )
    if len(evidence) > 1:
        readings = "; ".join(f"{key}: {found}" for key, found in evidence.items())
        raise SegconvError(
            f"can be read in {len(evidence)} ways: {readings}",
            code="SC003",
            file=str(root),
            hint=" or ".join(f"--from {key}" for key in evidence),
        )
    return next(iter(evidence.items()))
