"""Convert one volume case in a worker: read once, verify, check, change what must change, write."""

from __future__ import annotations

from typing import Any

from ...errors import SegconvError
from ...image import label_like, volumes
from ...image.geometry import Geometry
from ...image.gzipped import is_gzip
from ...image.stored import DecodedVolume, VolumeHeader
from ...image.voxels import refuse_infinite_in_32_bits, shares_of, value_range
from ...words import count_of
from ...work.caseio import CaseIO
from ...work.plan import Item
from ..repairs import cast, finite, turned
from ..source_files import read_head
from .placing import FirstImage, placed_channel
from .volume_files import open_volume, same_ending, warn_odd
from .volume_labels import convert_label
from .work import CaseWork


def convert_volumes(item: Item, io: CaseIO) -> dict[str, Any]:
    """Convert the channels and the label of one case; return its lineage."""
    work = CaseWork(item.payload, io)
    first = _convert_images(work)
    path = work.source.label
    if path is None:
        return work.record(None, first.way_back(), first.grid)
    with work.naming(path):
        label = convert_label(work, path, first)
    return work.record(label, first.way_back(), first.grid)


def _convert_images(work: CaseWork) -> FirstImage:
    """Write all channels of a case; return its first image."""
    first: FirstImage | None = None
    channels = 0
    for path in work.source.images:
        with work.naming(path):
            header = _carried_unproved(work, path, channels, first)
            if header is not None:
                first, channels = first or FirstImage(header, header.geometry), channels + 1
                continue
            image, data = open_volume(work, path)
            warn_odd(work, path, image)
            header, name, allowed = image.header, work.shown(path), work.options.allowed_repairs
            image = cast(finite(image, allowed, work.repairs, name), allowed, work.repairs, name)
            # Before any voxel moves: messages give positions as in the user's file.
            _look_at_voxels(work, path, image, channels)
            if first is None:
                image, takes = turned(image, allowed, work.repairs, name), False
                first = FirstImage(header, image.header.geometry)
            else:
                image, takes = placed_channel(work, path, image, first, channels)
            _write_channels(work, path, image, data, channels, first.grid if takes else None)
            channels += image.header.channels
    if first is None or channels != work.recipe.channels:
        raise SegconvError(
            f"has {count_of(channels, 'channel')}, expected {work.recipe.channels}",
            code="SC084",
            file=work.shown(work.source.images[0]),
        )
    return first


def _look_at_voxels(work: CaseWork, path: str, image: DecodedVolume, first: int) -> None:
    """Note the range of every channel; warn of one that is constant or looks like labels."""
    header, names = image.header, work.recipe.channel_names
    for number in range(header.channels):
        voxels = image.channel(number)
        low, high = value_range(voxels)
        if low == high:
            work.warn(path, "SC077", f"all voxels are {low:g}")
        ends = sorted((header.slope * low + header.intercept, header.slope * high + header.intercept))
        refuse_infinite_in_32_bits(*ends)
        work.intensity.append((ends[0], ends[1]))
        work.shares.append(tuple(sorted(header.slope * value + header.intercept for value in shares_of(voxels))))
        name = names[first + number] if first + number < len(names) else ""
        looks = label_like.told_of(voxels, header.slope, header.intercept, name)
        if looks is not None:
            work.warn(path, "SC091", looks, hint=label_like.CURE)


def _write_channels(
    work: CaseWork, path: str, image: DecodedVolume, data: bytes | None, first: int, geometry: Geometry | None
) -> None:
    """Write each channel: the unchanged bytes if it is a single file, otherwise slabs of bytes behind a new header.

    Parameters
    ----------
    data
        The file's bytes, if it is a single file.
    first
        Number of the first channel.
    geometry
        Grid to write instead of the image's own.
    """
    same_file = data is not None and not image.header.four_dimensional and same_ending(work, path)
    if data is not None and same_file and image.plain and not work.options.strip_headers and geometry is None:
        work.place(path, data, work.image_target(first))
        return
    for channel in range(image.header.channels):
        work.io.write(work.image_target(first + channel), *image.encoded(work.recipe.ending, geometry, channel))


def _ends_as_written(work: CaseWork, path: str) -> bool:
    """Return whether a volume is a single file with the ending of the dataset, and compressed as the ending says."""
    one_file = work.source.form(path) is None and same_ending(work, path)
    return one_file and is_gzip(read_head(path, 2)) is path.lower().endswith(".gz")  # readers go by the ending


def _carried_unproved(work: CaseWork, path: str, channel: int, first: FirstImage | None) -> VolumeHeader | None:
    """Carry a volume over without decompressing it, if its header shows that it needs no change and this is allowed.

    Returns
    -------
    header
        None if the volume must be opened after all.
    """
    recipe = work.recipe
    if recipe.options.verify_source or recipe.options.strip_headers or not _ends_as_written(work, path):
        return None
    header = volumes.probe_file(path, recipe.options.read_options)
    if first is not None and header.geometry != first.grid:
        return None
    if not header.plain or header.four_dimensional or not recipe.options.allowed_repairs.leaves(header):
        return None
    work.io.carry(path, work.image_target(channel), work.task.how)
    return header
