"""nnU-Net's readers: which one it chooses for a dataset, and what each can read.

nnU-Net tries the readers that support the ending, in the order of this table, and takes the first that reads one
image. It takes a reader named by ``overwrite_image_reader_writer`` without trying it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import Cure, Finding, warning
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
"""Numbers of pages of a TIFF that scikit-image takes for channels."""

_UNLISTED = {"SimpleITKIO": (".nii",), "NaturalImage2DIO": (".tiff",)}
"""Endings that a reader does not list, but reads if dataset.json names the reader."""

_NIBABEL = ("NibabelIO", "NibabelIOWithReorient")


def readers_of(ending: str) -> tuple[str, ...]:
    """Return the readers that nnU-Net tries for an ending, in its order."""
    return tuple(name for name, endings in READERS.items() if ending.lower() in endings)


def knows(reader: str, ending: str) -> bool:
    """Return whether a reader supports files with an ending."""
    return ending.lower() in (*READERS[reader], *_UNLISTED.get(reader, ()))


def reader_taken(readers: tuple[str, ...], first: Header | None) -> str:
    """Return the reader that nnU-Net chooses for a dataset, judging by its first image: the first that reads it.

    scikit-image, which NaturalImage2DIO uses, reads three or four pages of a TIFF as channels.
    """
    if isinstance(first, PictureHeader) and readers[:1] == ("NaturalImage2DIO",) and len(readers) > 1:
        flat = first.pages == 1 or first.pages in PAGES_AS_CHANNELS
        return readers[0] if flat else readers[1]
    return readers[0] if readers else ""


def channels_in_pages(header: Header, reader: str) -> bool:
    """Return whether a reader reads the pages of a file as channels."""
    return reader == "NaturalImage2DIO" and header.pages in PAGES_AS_CHANNELS and header.samples == 1


def judge_pages(name: str, header: PictureHeader, reader: str, channels: int | None) -> Iterator[Finding]:
    """Yield a warning if nnU-Net reads the pages of an image differently than its file or dataset.json declares.

    Parameters
    ----------
    channels
        Number of channels in dataset.json.
    """
    as_channels = channels_in_pages(header, reader)
    if header.pages == 1 or header.channel_pages is as_channels or (as_channels and channels == header.pages):
        return
    own, theirs = ("channels by its own word", "slices") if header.channel_pages else ("not channels", "channels")
    message = f"its {header.pages} pages are {own}, but nnU-Net's {reader} reads them as {theirs}"
    hint = "save each channel as a file of its own" if header.channel_pages else "save the volume as .nii.gz"
    yield warning("SC084", message, file=name, hint=hint)


def judge_dimensions(name: str, header: Header, readers: tuple[str, ...], ending: str) -> Iterator[Finding]:
    """Yield an error if no reader accepts the dimensions or the size of a file.

    Parameters
    ----------
    name, header
        The file.
    readers
        Readers that nnU-Net may choose.
    ending
        Ending of the file, in lower case.
    """
    if isinstance(header, PictureHeader):
        yield from _judge_picture(name, header, readers, ending)
    elif isinstance(header, NiftiHeader) and all(reader in _NIBABEL for reader in readers):
        dimensions = int(NiftiBlock(header.block)["dim"][0])
        if dimensions != 3:
            code = "SC073" if dimensions > 3 else "SC084"
            message = f"has {dimensions} dimensions; nnU-Net's {readers[0]} reads only files of 3"
            if ending == ".nii":
                yield Finding(code, message, file=name, cures=(Cure.of("rewrite_as", format="nii.gz"),))
            else:
                yield Finding(code, message, _choose("SimpleITKIO", ending), name)


def _judge_picture(name: str, header: PictureHeader, readers: tuple[str, ...], ending: str) -> Iterator[Finding]:
    as_tif = (Cure.of("rewrite_as", format="tif"),)
    if readers == ("Tiff3DIO",) and header.pages == 1:
        message = "is a single picture; nnU-Net's Tiff3DIO reads only stacks of pages"
        if ending == ".tiff":
            yield Finding("SC084", message, "rename the files to .tif, and file_ending too", name, cures=as_tif)
        else:
            yield Finding("SC084", message, _choose("NaturalImage2DIO", ending), name)
    elif ending in (".png", ".bmp") and header.width * header.height > NNUNET_PIXELS:
        message = f"has {header.width}×{header.height} pixels; nnU-Net opens {ending} of at most {NNUNET_PIXELS}"
        yield Finding("SC054", message, file=name, cures=as_tif)
    elif readers == ("NaturalImage2DIO",) and header.pages > 1:
        message = f"is a stack of {header.pages} pages; nnU-Net's NaturalImage2DIO reads only single pictures"
        yield Finding("SC084", message, _choose("Tiff3DIO", ending), name)


def _choose(reader: str, ending: str) -> str:
    return f"remove overwrite_image_reader_writer from dataset.json: nnU-Net then takes {reader} for {ending}"
