"""Where a DICOM file ends, in every transfer syntax and with any elements."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from segconv.errors import SegconvError
from segconv.image.formats import dicom
from segconv.image.formats.dicom_end import trailing_bytes

from ...command import Command
from .test_dicom import ARRAY, write_series


def nested(file: FileDataset) -> None:
    """Sequences of known and of unknown length within one another."""
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.ConceptNameCodeSequence = Sequence([inner, Dataset()])
    outer["ConceptNameCodeSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    file.ReferencedImageSequence = Sequence([outer, inner])
    file["ReferencedImageSequence"].is_undefined_length = True
    file.ProcedureCodeSequence = Sequence([outer])
    file.add_new(0x00091001, "UN", b"private!")


def padded(file: FileDataset) -> None:
    file.add_new(0xFFFCFFFC, "OB", bytes(20))


@lru_cache
def written(syntax: str, edit: Callable[[FileDataset], None] | None) -> bytes:
    with TemporaryDirectory() as folder:
        (path,) = write_series(Path(folder), ARRAY[:1])
        file = pydicom.dcmread(path)
        if edit is not None:
            edit(file)
        if syntax == RLELossless:
            file.compress(RLELossless)
        elif syntax == ExplicitVRBigEndian:
            file.PixelData = ARRAY[:1].astype(">i2").tobytes()
        slice_ = Dataset()
        slice_.update({element.tag: element for element in file})
        slice_.file_meta = file.file_meta
        slice_.file_meta.TransferSyntaxUID = syntax
        way = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
        pydicom.dcmwrite(path, slice_, enforce_file_format=True, **way)
        return path.read_bytes()


@pytest.mark.parametrize("edit", [None, nested, padded])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(junk=st.binary(max_size=40) | st.integers(1, 300).map(bytes))
def test_what_follows_the_last_element_is_counted(
    syntax: str, edit: Callable[[FileDataset], None] | None, junk: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "slice.dcm"
    whole = written(syntax, edit)
    path.write_bytes(whole)
    assert trailing_bytes(str(path)) == 0
    path.write_bytes(whole + junk)
    assert trailing_bytes(str(path)) == len(junk)


@given(at=st.integers(0, 100_000), value=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_walked_to_an_end(at: int, value: int, tmp_path: Path) -> None:
    path = tmp_path / "slice.dcm"
    data = bytearray(written(RLELossless, nested))
    data[at % len(data)] = value
    path.write_bytes(data)
    assert 0 <= trailing_bytes(str(path)) < len(data)
    path.write_bytes(data[: at % len(data)])
    assert 0 <= trailing_bytes(str(path)) < len(data)


def test_a_deflated_file_does_not_tell(tmp_path: Path) -> None:
    path = tmp_path / "slice.dcm"
    path.write_bytes(written(DeflatedExplicitVRLittleEndian, None) + b"abc")
    assert trailing_bytes(str(path)) == 0


def test_bytes_after_the_end_of_slices_are_dropped_and_reported(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY)
    clean = dicom.read_series(list(map(str, paths)))
    assert clean.header.oddities == ()
    paths[2].write_bytes(paths[2].read_bytes() + b"abc")
    found = dicom.read_series(list(map(str, paths)))
    wording = f"bytes after the end of the slice {paths[2].name} (3 bytes) were dropped"
    assert found.header.oddities == (("SC059", wording),)
    assert np.array_equal(found.values, clean.values)
    paths[4].write_bytes(paths[4].read_bytes() + bytes(1 << 20))
    ((_, wording),) = dicom.read_series(list(map(str, paths))).header.oddities
    assert wording == f"bytes after the end of 2 slices, the first of them {paths[2].name} (3 bytes) were dropped"
    paths[0].write_bytes(paths[0].read_bytes() + bytes((1 << 20) + 1))
    with pytest.raises(SegconvError) as raised:
        dicom.read_series(list(map(str, paths)))
    assert (raised.value.code, raised.value.file) == ("SC054", str(paths[0]))


def test_convert_warns_of_them(tmp_path: Path, segconv: Command) -> None:
    from ...convert.sources.test_pairs import series

    root = series(tmp_path / "src")
    path = min((root / "p1/CT").glob("*.dcm"))
    path.write_bytes(path.read_bytes() + b"abc")
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.code == 0, done.err
    assert f"Warning SC059: p1/CT: bytes after the end of the slice {path.name} (3 bytes) were dropped" in done.err
