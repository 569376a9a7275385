"""nnU-Net's readers: which it takes for the files of a dataset, and which endings and files each can read.

nnU-Net tries those that know the ending, in the order of this table, and takes the first that reads one
image. A reader that ``overwrite_image_reader_writer`` names is taken without being tried.
"""

from __future__ import annotations

from ...errors import Finding, warning
from ...image.formats.nifti import NiftiHeader
from ...image.formats.nifti_block import NiftiBlock
from ...image.opened import Header
from ...image.picture import NNUNET_PIXELS, PictureHeader

READERS: dict[str, tuple[str, ...]] = {
    "NaturalImage2DIO": (".png", ".bmp", ".tif"),
    "SimpleITKIO": (".nii.gz", ".nrrd", ".mha", ".gipl"),
    "Tiff3DIO": (".tif", ".tiff"),
    "NibabelIO": (".nii", ".nii.gz"),
    "NibabelIOWithReorient": (".nii", ".nii.gz"),
}
"""Name → endings, as in ``reader_writer_registry`` of nnunetv2 2.8; a test compares the two."""

PAGES_AS_CHANNELS = (3, 4)
"""Pages of a TIFF that scikit-image takes for channels."""

_UNLISTED = {"SimpleITKIO": (".nii",), "NaturalImage2DIO": (".tiff",)}
"""Endings that a reader does not list and reads all the same where dataset.json names it."""

_NIBABEL = ("NibabelIO", "NibabelIOWithReorient")


def readers_of(ending: str) -> tuple[str, ...]:
    """Return the readers that nnU-Net tries for an ending, in its order."""
    return tuple(name for name, endings in READERS.items() if ending.lower() in endings)


def knows(reader: str, ending: str) -> bool:
    """Return whether a reader can be named for files with an ending."""
    return ending.lower() in (*READERS[reader], *_UNLISTED.get(reader, ()))


def reader_taken(readers: tuple[str, ...], first: Header | None) -> str:
    """Return the reader that nnU-Net takes for a dataset, as far as its first image tells: the first that reads it.

    scikit-image, which reads for NaturalImage2DIO, takes three or four pages of a TIFF for channels.
    """
    if isinstance(first, PictureHeader) and readers[:1] == ("NaturalImage2DIO",) and len(readers) > 1:
        flat = first.pages == 1 or first.pages in PAGES_AS_CHANNELS
        return readers[0] if flat else readers[1]
    return readers[0] if readers else ""


def channels_in_pages(header: Header, reader: str) -> bool:
    """Return whether a reader takes the pages of a file for channels."""
    return reader == "NaturalImage2DIO" and header.pages in PAGES_AS_CHANNELS and header.samples == 1


def judge_pages(name: str, header: PictureHeader, reader: str, channels: int | None) -> list[Finding]:
    """Return a warning if nnU-Net reads the pages of an image as something else than its file or dataset.json says.

    Parameters
    ----------
    channels
        How many dataset.json names.
    """
    as_channels = channels_in_pages(header, reader)
    if header.pages == 1 or header.channel_pages is as_channels or (as_channels and channels == header.pages):
        return []
    own, theirs = ("channels by its own word", "slices") if header.channel_pages else ("no channels", "channels")
    what = f"its {header.pages} pages are {own}, and nnU-Net's {reader} reads them as {theirs}"
    hint = "save each channel as a file of its own" if header.channel_pages else "save the volume as .nii.gz"
    return [warning("SC084", what, file=name, hint=hint)]


def judge_dimensions(name: str, header: Header, readers: tuple[str, ...], ending: str) -> list[Finding]:
    """Return an error if none of the readers takes a file for the number of its dimensions.

    Parameters
    ----------
    name, header
        The file.
    readers
        Those that nnU-Net may take.
    ending
        Of the file, in lower case.
    """
    without = f"remove overwrite_image_reader_writer from dataset.json: nnU-Net takes {{}} for {ending} then"
    if isinstance(header, NiftiHeader) and all(reader in _NIBABEL for reader in readers):
        dimensions = int(NiftiBlock(header.block)["dim"][0])
        if dimensions != 3:
            through = "segconv convert DATASET --to 43_New --format nii.gz: nnU-Net reads those through SimpleITKIO"
            return [
                Finding(
                    "SC073" if dimensions > 3 else "SC084",
                    f"has {dimensions} dimensions, and nnU-Net's {readers[0]} reads files of 3 alone",
                    file=name,
                    hint=through if ending == ".nii" else without.format("SimpleITKIO"),
                )
            ]
    if isinstance(header, PictureHeader) and readers == ("Tiff3DIO",) and header.pages == 1:
        renamed = "rename the files to .tif, and file_ending too, or segconv convert DATASET --to 43_New --format tif"
        return [
            Finding(
                "SC084",
                "is a single picture, and nnU-Net's Tiff3DIO reads stacks of pages alone",
                file=name,
                hint=renamed if ending == ".tiff" else without.format("NaturalImage2DIO"),
            )
        ]
    if isinstance(header, PictureHeader) and ending in (".png", ".bmp"):
        pixels = header.width * header.height
        if pixels > NNUNET_PIXELS:
            return [
                Finding(
                    "SC054",
                    f"has {header.width}×{header.height} pixels, nnU-Net opens {ending} of at most {NNUNET_PIXELS}",
                    file=name,
                    hint="segconv convert DATASET --to 43_New --format tif",
                )
            ]
    if isinstance(header, PictureHeader) and readers == ("NaturalImage2DIO",) and header.pages > 1:
        return [
            Finding(
                "SC084",
                f"is a stack of {header.pages} pages, and nnU-Net's NaturalImage2DIO reads single pictures alone",
                file=name,
                hint=without.format("Tiff3DIO"),
            )
        ]
    return []
