"""Names of label values in NIfTI headers, as Caret and TotalSegmentator write them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.image import volumes
from segconv.image.formats.nifti_names import label_names

TABLE = '<CaretExtension><VolumeInformation Index="0"><LabelTable>{}</LabelTable></VolumeInformation></CaretExtension>'
LIVER = '<Label Key="5" Red="0.0" Green="1.0" Blue="0.0" Alpha="1"><![CDATA[liver]]></Label>'
SPLEEN = '<Label Red="1" Key="1">\n<![CDATA[ spleen ]]>\n</Label>'
ESCAPED = '<Label Key="2">left &amp; right</Label>'


def names(*extensions: tuple[int, str], big: bool = False) -> dict[int, str]:
    image = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4))
    if big:
        image = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4), nib.Nifti1Header(endianness=">"))
    for code, text in extensions:
        image.header.extensions.append(nib.nifti1.Nifti1Extension(code, text.encode()))
    return volumes.decode(image.to_bytes(), "a.nii").label_names


@pytest.mark.parametrize(
    ("extensions", "found"),
    [
        ((), {}),
        (((0, TABLE.format(LIVER + SPLEEN)),), {1: "spleen", 5: "liver"}),
        (((30, TABLE.format(ESCAPED)),), {2: "left & right"}),
        (((6, "a comment"), (30, TABLE.format(LIVER))), {5: "liver"}),
        (((6, TABLE.format(LIVER)),), {}),
        (((0, LIVER),), {}),
        (((0, TABLE.format('<Label Key="x"><![CDATA[liver]]></Label><Label Key="3"></Label>')),), {}),
        (((0, TABLE.format(LIVER)[:-90]),), {}),
    ],
)
@pytest.mark.parametrize("big", [False, True])
def test_the_label_table_of_a_header_names_values(
    extensions: tuple[tuple[int, str], ...], found: dict[int, str], big: bool
) -> None:
    assert names(*extensions, big=big) == found


def test_an_extension_of_impossible_size_ends_the_list() -> None:
    image = nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension(0, TABLE.format(LIVER).encode()))
    whole = bytearray(image.to_bytes())
    for size in (0, 7, 1 << 30):
        whole[352:356] = size.to_bytes(4, "little")
        assert volumes.decode(bytes(whole), "a.nii").label_names == {}


def test_a_table_that_never_ends_takes_no_longer_than_its_length() -> None:
    assert names((0, "<CaretExtension>" + '<Label Key="1"><![CDATA[' * 20_000)) == {}


@given(st.binary(max_size=200), st.sampled_from([0, 30]), st.booleans())
def test_any_bytes_after_the_header_are_read_without_an_error(noise: bytes, code: int, little: bool) -> None:
    order: Literal["little", "big"] = "little" if little else "big"
    size = (len(noise) + 8).to_bytes(4, order)
    head = bytes(348) + b"\1\0\0\0" + size + code.to_bytes(4, order) + noise
    for voxels_at in (352, len(head) - 1, len(head)):
        assert label_names(head, voxels_at, little=little) == {}
    assert label_names(head + noise, len(head) + len(noise), little=not little) == {}


@pytest.mark.parametrize(("file", "count"), [("example_seg.nii.gz", 117), ("example_seg_mr.nii.gz", 50)])
def test_label_maps_of_totalsegmentator_name_their_values(data: Path, file: str, count: int) -> None:
    path = data / "totalseg_small" / file
    found = volumes.decode(path.read_bytes(), path.name).label_names
    assert (len(found), found[5]) == (count, "liver")
    written = nib.load(path).header.extensions[0].get_content().decode()
    assert all(f'Key="{value}"' in written and f"[{name}]" in written for value, name in found.items())
