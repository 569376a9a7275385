"""Pictures become a dataset of any format that ``--format`` offers, or a finding names what the format cannot hold."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from skimage import io

from segconv.image.formats.table import FORMATS, writable_of

from ...command import Command
from ..drawn import labels, picture, save

OFFERED = [ending.removeprefix(".") for ending in writable_of(FORMATS)]
KINDS = {"grey": (1, np.uint8), "RGB": (3, np.uint8), "16 bits": (1, np.uint16), "RGB of 16 bits": (3, np.uint16)}
LOSSLESS = ("png", "tif", "bmp")


def source_of(root: Path, kind: str) -> Path:
    samples, dtype = KINDS[kind]
    for number in range(3):
        (root / "images").mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(root / f"images/c{number}.tif", picture(number, samples, dtype))
        save(root / f"masks/c{number}.png", labels(number) * np.uint8(255))
    return root


@pytest.mark.parametrize("colours", [(), ("--grey-to-rgb",)], ids=["as they are", "grey to RGB"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", OFFERED)
def test_every_format_is_written_or_refused_by_name(
    tmp_path: Path, segconv: Command, ending: str, kind: str, colours: tuple[str, ...]
) -> None:
    source = source_of(tmp_path / "source", kind)
    done = segconv("convert", source, "--to", "5_X", "--format", ending, *colours, "--json")
    if ending == "bmp" and "16 bits" in kind:
        found = {(one["code"], one["message"], one["hint"]) for one in done.json["findings"]}
        assert found == {("SC056", "needs 16 bits, and a BMP has 8 for each channel", "--format tif has no such limit")}
        assert done.code == 65
        return
    if ending == "tiff":  # only volumes
        (finding,) = done.json["findings"]
        assert (done.code, finding["code"], finding["hint"]) == (2, "SC001", "--format tif")
        return
    assert done.code == 0, done.err
    assert segconv("check", "5").code == 0
    made = tmp_path / "nnUNet_raw/Dataset005_X"
    if ending in LOSSLESS:
        for number in range(3):
            assert (io.imread(made / f"labelsTr/c{number}.{ending}") == labels(number)).all()
            path = made / f"imagesTr/c{number}_0000.{ending}"
            image = imagecodecs.imread(path) if ending == "png" else io.imread(path)  # Pillow reads 8 bits of RGB
            grey = picture(number, *KINDS[kind])
            assert (image == (grey if image.ndim == grey.ndim else grey[..., np.newaxis])).all()
            assert image.ndim == (3 if colours or grey.ndim == 3 else 2)
