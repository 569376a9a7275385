"""Place a label or a channel on the grid of its case's first image, and record the way back."""

from __future__ import annotations

from dataclasses import dataclass

from ...dataset.channels import is_ct
from ...dataset.losses import GRID, HEADER, ROTATION, Loss
from ...dataset.stored_label import StoredLabel
from ...image.formats.nifti import NiftiHeader
from ...image.formats.nifti_forms import forms_of
from ...image.geometry import NEAR_GRID_VOXELS, SAME_GRID_VOXELS, Geometry
from ...image.grids import FIRST_CHANNEL, IMAGE, difference, order_of, same_grid
from ...image.stored import DecodedVolume, VolumeHeader
from ..accepted import ORTHONORMAL
from ..repairs import goes_with_image, in_order, turned
from .resampling import ClassOf, is_resampled, lost_volumes, resampled_channel, resampled_label
from .work import CaseWork


@dataclass(frozen=True)
class FirstImage:
    """The first image of a case.

    Parameters
    ----------
    header
        Header of its file.
    grid
        Grid on which it is written.
    """

    header: VolumeHeader
    grid: Geometry

    @property
    def own(self) -> Geometry:
        """The grid in its file."""
        return self.header.geometry

    def way_back(self) -> StoredLabel:
        """Return what the lineage keeps to put predictions back on the image in its own file."""
        turned = self.own != self.grid or self.own.sheared
        forms = forms_of(self.header.block) if isinstance(self.header, NiftiHeader) else ""
        return StoredLabel(turned_from=self.own if turned else None, forms=forms)


@dataclass(frozen=True)
class Placed:
    """A label on the grid of its image.

    Parameters
    ----------
    volume
        Its voxels as written.
    takes_header
        Whether it is written with the header of its image.
    way_back
        Where the way back of this label differs from `FirstImage.way_back`.
    lost
        What cannot be restored from the file, or None.
    """

    volume: DecodedVolume
    takes_header: bool
    way_back: StoredLabel
    lost: Loss | None = None


def placed_label(work: CaseWork, path: str, label: DecodedVolume, first: FirstImage, class_of: ClassOf) -> Placed:
    """Return a label on the grid of its image; refuse it if it is elsewhere and may not be repaired.

    Parameters
    ----------
    class_of
        As in `lost_volumes`.
    """
    allowed, name = work.options.allowed_repairs, work.shown(path)
    own = label.header
    label = _in_order(work, path, label, first.own, IMAGE)
    reordered = label.header is not own
    squared = any(code == "SC093" for code, _ in own.oddities) and ORTHONORMAL in allowed.kinds
    lost = Loss(ROTATION) if squared else None
    if goes_with_image(label.header.geometry, first.own, allowed):
        takes = _takes_header(work, path, label.header.geometry, first.own, IMAGE)
        way_back = _of_label(own, first, reordered=reordered, takes_header=takes)
        if isinstance(own, NiftiHeader) or first.own.sheared:
            lost = None  # its forms, or its axes, are restored as they are
        label = turned(label, allowed, work.repairs, name, first.own)
        return Placed(label, takes, way_back, Loss(HEADER) if takes else lost)
    label = turned(label, allowed, work.repairs, name)
    if is_resampled(label, first.grid, allowed):
        label, lost = _resampled(work, path, label, first.grid, class_of), Loss(GRID)
    # If its size in the file differs, it was turned by its own header, which must then be right.
    takes = _takes_header(work, path, label.header.geometry, first.grid, IMAGE)
    return Placed(label, takes, StoredLabel(), Loss(HEADER) if takes else lost)


def _resampled(work: CaseWork, path: str, label: DecodedVolume, grid: Geometry, class_of: ClassOf) -> DecodedVolume:
    """Return a label on another grid; warn for each class that lost much of its volume."""
    moved = resampled_label(label, grid, work.repairs, work.shown(path), work.recipe.table.ignored)
    for what in lost_volumes(label, moved, class_of):
        hint = "label the images on their own grid, or resample the images to the grid of the labels"
        work.warn(path, "SC097", what, hint=hint)
    return moved


def placed_channel(
    work: CaseWork, path: str, image: DecodedVolume, first: FirstImage, channel: int
) -> tuple[DecodedVolume, bool]:
    """Return a further channel on the grid of the first one, and whether it is written with that header.

    Parameters
    ----------
    channel
        Number of the first channel in this file.
    """
    allowed, name = work.options.allowed_repairs, work.shown(path)
    image = _in_order(work, path, image, first.own, FIRST_CHANNEL)
    image = turned(image, allowed, work.repairs, name)
    if is_resampled(image, first.grid, allowed):
        names = work.recipe.channel_names[channel : channel + image.header.channels]
        image = resampled_channel(image, first.grid, work.repairs, name, of_ct=tuple(map(is_ct, names)))
    return image, _takes_header(work, path, image.header.geometry, first.grid, FIRST_CHANNEL)


def _of_label(own: VolumeHeader, first: FirstImage, *, reordered: bool, takes_header: bool) -> StoredLabel:
    """Return where predictions of a case are restored to, if its label's file decides that rather than its image's.

    It does if the label has its own voxel order and all readers place the image's file as SimpleITK does; otherwise
    predictions would not be on the image.
    """
    of_nifti = isinstance(first.header, NiftiHeader)
    plain = first.header.plain or not of_nifti
    grid: Geometry | None = None
    if reordered and plain:
        grid = own.geometry
        if takes_header:
            from ...image.orientation import same_points

            order = same_points(first.own, grid)
            grid = grid if order is None else order.grid(first.own)
    forms = ""
    if isinstance(own, NiftiHeader) and not takes_header and (grid is not None or not of_nifti):
        forms = forms_of(own.block)
    return StoredLabel(turned_from=grid, forms=forms)


def _in_order(work: CaseWork, path: str, volume: DecodedVolume, reference: Geometry, whose: str) -> DecodedVolume:
    """Do what `in_order` does, and warn."""
    found = in_order(volume, reference, whose, work.repairs, work.shown(path))
    if found is not volume:
        how = order_of(volume.header.geometry, reference, whose)
        work.warn(path, "SC093", f"{how}; they were put into that order")
    return found


def _takes_header(work: CaseWork, path: str, grid: Geometry, reference: Geometry, whose: str) -> bool:
    """Return whether a label or a channel takes the header of its image; refuse it if it is elsewhere.

    Parameters
    ----------
    whose
        `IMAGE` for a label, `FIRST_CHANNEL` for a channel.
    """
    whatever = whose == IMAGE and work.options.allowed_repairs.takes_header and grid.size == reference.size
    apart = grid.displacement_voxels(reference) if whatever else same_grid(grid, reference, whose)
    how_far = "was on another grid" if apart > NEAR_GRID_VOXELS else difference(grid, reference, apart, whose)
    if not how_far:
        return False
    from ...image.orientation import axis_codes, runs_alike

    if apart > NEAR_GRID_VOXELS and not runs_alike(grid, reference):
        how_far += f" whose axes run {axis_codes(grid)}, not {axis_codes(reference)}"
    if apart > SAME_GRID_VOXELS:
        work.warn(path, "SC093", f"{how_far}; it took that header")
    work.repairs.append(f"{work.shown(path)} {how_far}; it took that header")
    return True
