"""Refuse datasets that cannot be augmented as asked: channels, file formats, case names and voxel types."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dataset.description import unknown_entries
from ..dataset.layout import DESCRIPTION, Dataset
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import CASE_IDENTIFIER
from ..dataset.strictjson import load_object, read_file
from ..errors import Cure, Finding, SegconvError
from ..image import opened, raster
from ..image.opened import probe
from ..work.caseio import COPY
from .grey import grey_transform
from .spec import PLANES, AugmentSpec

LONGEST_NAME = 200
"""Characters of a case identifier, which with channel and ending fit every file system."""


def refuse_unfit(source: Dataset, spec: AugmentSpec, ending: str, link: str) -> None:
    """Refuse a dataset that, by its dataset.json, cannot be augmented as asked.

    Parameters
    ----------
    ending, link
        Options of the new dataset; see `plan_augmentation`.

    Raises
    ------
    SegconvError
        ``SC094`` for files that cannot be augmented; ``SC091`` for a HU shift without a CT channel; ``SC001`` for
        planes that pictures do not have, and formats that do not match the files.
    """
    description = source.description
    found = description.file_ending
    if found not in opened.WRITABLE:
        raise SegconvError(f"files that end in {found} are not augmented", code="SC094", file=str(source.path))
    for name in spec.grey:
        transformation = grey_transform(name).transformation
        if not any(map(transformation.suits, description.channel_names)):
            raise SegconvError(
                f"{name.replace('_', ' ')} needs {transformation.NEEDS}, the dataset has"
                f" {', '.join(description.channel_names)}",
                code="SC091",
                file=str(source.path / DESCRIPTION),
                cures=(Cure.of("leave_out", field=name), Cure.of("rename_channels", dataset=source.path)),
            )
    # All three planes are the default, so the user may not have asked for them.
    if found in raster.ENDINGS and spec.rotates and spec.planes not in (("axial",), ("k",), PLANES):
        raise SegconvError(
            "pictures turn only in their own plane", file=str(source.path), cures=(Cure.of("turn_pictures"),)
        )
    _refuse_format(found, ending, link)


def _refuse_format(found: str, ending: str, link: str) -> None:
    if (found in raster.ENDINGS) != (ending in raster.ENDINGS):
        kind = "pictures" if found in raster.ENDINGS else "volumes"
        raise SegconvError(f"{kind} that end in {found} cannot be written as {ending}", cures=[Cure("keep_format")])
    if found != ending and link != COPY:
        raise SegconvError(
            f"links keep originals as they are, and {ending} files are written anew", hint="leave out one of the two"
        )


def unknown_in_description(source: Dataset) -> dict[str, Any]:
    """Return the unknown entries of the source's dataset.json.

    Raises
    ------
    SegconvError
        ``SC060`` if it names files elsewhere and segconv did not write it.
    """
    found = load_object(read_file(source.path / DESCRIPTION))
    if "dataset" in found and not source.external:
        raise SegconvError(
            "has the key 'dataset', which names files elsewhere, and segconv did not write it",
            code="SC060",
            file=str(source.path / DESCRIPTION),
            cures=(Cure.of("rewrite_external", dataset=source.path),),
        )
    return unknown_entries({key: value for key, value in found.items() if key != "dataset"})


def unfit_names(source: Dataset) -> dict[str, Finding]:
    """Return case → what is wrong with its name; other tools allow more names."""
    training = source.cases(TRAIN)
    unfit = {
        case: Finding(
            "SC090",
            f"a case cannot be called {case!r}, expected a letter or digit, then letters, digits, '.', '-' and '_',"
            f" at most {LONGEST_NAME} in all",
            file=str(source.image_files(case, split)[0]),
            cures=(Cure.of("rewrite", dataset=source.path),),
        )
        for split, cases in ((TRAIN, training), (TEST, source.cases(TEST)))
        for case in cases
        if not CASE_IDENTIFIER.fullmatch(case)
    }
    for case in sorted({*training} & {*source.cases(TEST)} - {*unfit}):
        what = f"the name {case!r} stands for a training case and a test case"
        unfit[case] = Finding("SC085", what, file=str(source.image_files(case, TEST)[0]), hint="rename one of them")
    return unfit


def unfit_for_png(path: str) -> list[Finding]:
    """Return why a picture cannot be written as PNG: samples that need a sign, or more than 8 or 16 bits.

    Parameters
    ----------
    path
        The file; only its header is read.
    """
    try:
        dtype = probe(path).value_dtype
    except SegconvError:
        return []  # an error in it is reported when it is read
    if dtype in (np.uint8, np.uint16):
        return []
    what = f"has samples of type {dtype.name}, and PNG holds only whole numbers of 8 or 16 bits"
    return [Finding("SC001", what, file=path, cures=(Cure.of("write_tiff"), Cure.of("keep_format")))]


def unfit_for_padding(pad_value: float, path: str) -> list[Finding]:
    """Return why the voxels of a file cannot have a value."""
    try:
        dtype = probe(path).value_dtype
    except SegconvError:
        return []  # an error in it is reported when it is read
    real = dtype.kind == "f"
    # Values beyond 32 bits are infinite to a network, even if the file stores 64.
    limits = np.finfo(np.float16 if dtype == np.float16 else np.float32) if real else np.iinfo(dtype)
    if float(limits.min) <= pad_value <= float(limits.max) and (real or float(pad_value).is_integer()):
        return []
    what = f"has voxels of type {dtype.name}, which cannot hold the padding value {pad_value:g}"
    fitting = f"a {'number' if real else 'whole number'} from {limits.min} to {limits.max}"
    return [Finding("SC001", what, file=path, hint=fitting)]
