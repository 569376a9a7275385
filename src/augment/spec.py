"""Options of an augmentation: which rotations and HU shifts, and how many copies per case."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Cure, SegconvError
from ..typed import Misfit, entries, mapping, number
from .grey import GREY, Limits, grey_transform

PLANES = ("sagittal", "coronal", "axial")
"""A rotation in the sagittal plane turns about the patient's x, in the coronal about y, in the axial about z (LPS)."""

AXES = ("i", "j", "k")
"""A rotation may turn about an axis of the grid instead: the first, second or third of ``(x, y, z)``."""

PATIENT, IMAGE = "patient", "image"
"""Whose axes a rotation turns about."""


@dataclass(frozen=True)
class Transform:
    """The parameters of one copy; they suffice to make it again.

    Parameters
    ----------
    angle_deg
        In the sagittal, coronal and axial plane, or about i, j and k; see `segconv.image.resample`
        for order and sign.
    grey
        Grey-value transform → its amount; see `grey`.
    frame
        `PATIENT` or `IMAGE`.
    """

    angle_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    grey: Mapping[str, float] = field(default_factory=dict, hash=False)
    frame: str = PATIENT

    @property
    def oblique_angles(self) -> int:
        """Number of angles that are not multiples of 90°: with 0, voxels mostly coincide; with 1, an axis is kept."""
        return sum(angle % 90 != 0 for angle in self.angle_deg)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of the lineage."""
        names = AXES if self.frame == IMAGE else PLANES
        amounts = {one.key: self.grey.get(one.name, one.unchanged) for one in GREY}
        return {"angle_deg": dict(zip(names, self.angle_deg, strict=True)), **amounts}

    @classmethod
    def from_json(cls, entry: Any) -> Transform:
        """Return the parameters in an entry of the lineage.

        Raises
        ------
        SegconvError
            ``SC096`` for anything but such an entry.
        """
        try:
            found = _recorded(entry)
        except Misfit as misfit:
            raise SegconvError(f"the transform of a copy cannot be read: {misfit}", code="SC096") from None
        angles = found["angle_deg"]
        frame = IMAGE if angles.keys() <= set(AXES) else PATIENT
        x, y, z = (angles.get(name, 0.0) for name in (AXES if frame == IMAGE else PLANES))
        grey = {one.name: found[one.key] for one in GREY if found.get(one.key, one.unchanged) != one.unchanged}
        return cls((x, y, z), grey, frame)

    def in_words(self) -> str:
        """Return what changes, such as ``sagittal 30°, shift -42 HU``."""
        names = AXES if self.frame == IMAGE else PLANES
        turns = [f"{name} {angle:.3g}°" for name, angle in zip(names, self.angle_deg, strict=True) if angle]
        shifts = [one.in_words(self.grey[one.name]) for one in GREY if one.name in self.grey]
        return ", ".join([*turns, *shifts]) or "unchanged"


@dataclass(frozen=True)
class AugmentSpec:
    """The user's options.

    Parameters
    ----------
    angles_deg
        Fixed angles; each makes one copy per plane in `planes`.
    planes
        Of `PLANES`, or of `AXES`.
    rotate_range_deg
        Random angles are uniform in ± this range, in each of `planes`; None for no random rotation.
    copies
        Copies per case; with fixed angles, per angle and plane.
    grey
        Grey-value transform → the limits of its random amount, such as ``{"hu_shift": (30, 50)}``.
    seed
        Seed of all random parameters.
    pad_value
        Value of voxels that a rotation brings in from outside an image; the image's smallest value if None.
    expand
        Whether grids grow so that a rotation crops no corner.
    label_soft
        Whether labels are interpolated class by class instead of by nearest neighbour.

    Raises
    ------
    SegconvError
        ``SC001`` if the options contradict each other.
    """

    angles_deg: tuple[float, ...] = ()
    planes: tuple[str, ...] = PLANES
    rotate_range_deg: float | None = None
    copies: int = 1
    grey: Mapping[str, Limits] = field(default_factory=dict)
    seed: int = 0
    pad_value: float | None = None
    expand: bool = False
    label_soft: bool = False

    def __post_init__(self) -> None:
        if not self.rotates and not self.grey:
            raise SegconvError(
                "nothing to do: neither rotation nor HU shift was asked for",
                cures=(Cure.of("rotate_by_angles"), Cure.of("rotate_in_range"), Cure.of("shift_hu")),
            )
        self._refuse_planes()
        self._refuse_angles()
        self._refuse_copies()
        if self.pad_value is not None and not math.isfinite(self.pad_value):
            raise SegconvError(f"the padding value {self.pad_value} is not a number that a voxel can have")
        for name, limits in self.grey.items():
            grey_transform(name).transformation.refuse_unfit(limits)

    def _refuse_planes(self) -> None:
        known = any(set(self.planes) <= set(names) for names in (PLANES, AXES))
        if not known or not self.planes or len(set(self.planes)) < len(self.planes):
            raise SegconvError(
                f"{','.join(self.planes)!r} is neither a choice of planes nor of axes",
                hint=f"planes are {', '.join(PLANES)}, axes {', '.join(AXES)}",
            )

    def _refuse_angles(self) -> None:
        if self.angles_deg and self.rotate_range_deg is not None:
            raise SegconvError("fixed angles and a range exclude each other", hint="run augment once for each")
        if not all(math.isfinite(angle) and abs(angle) <= 360 for angle in self.angles_deg):
            raise SegconvError("angles are between -360 and 360 degrees")
        if len(set(self.angles_deg)) < len(self.angles_deg):
            raise SegconvError("an angle is given twice")
        if self.rotate_range_deg is not None and not 0 < self.rotate_range_deg <= 180:
            raise SegconvError("the range of angles is above 0 and at most 180 degrees")

    def _refuse_copies(self) -> None:
        if self.copies < 1:
            raise SegconvError("at least one copy is made")
        if self.copies > 1 and self.angles_deg and not self.grey:
            raise SegconvError(
                f"{self.copies} copies with fixed angles would all be the same",
                hint="make one copy",
                cures=(Cure.of("shift_hu"), Cure.of("rotate_in_range")),
            )

    @property
    def rotates(self) -> bool:
        """Whether any copy is rotated."""
        return bool(self.angles_deg) or self.rotate_range_deg is not None

    @property
    def frame(self) -> str:
        """Frame of the rotation axes: `PATIENT` or `IMAGE`."""
        return IMAGE if set(self.planes) <= set(AXES) else PATIENT

    def as_json(self) -> dict[str, Any]:
        """Return the options, JSON-able."""
        said: dict[str, Any] = {}
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            said |= {one.name: value.get(one.name) for one in GREY} if option.name == "grey" else {option.name: value}
        return said


_recorded = entries({"angle_deg": mapping(number)}, {one.key: number for one in GREY})
