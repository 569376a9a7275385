"""DICOM series: read as SimpleITK reads them, and refused where slices do not make a volume."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    RTDoseStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from segconv.errors import SegconvError
from segconv.image.formats import dicom, dicom_folder, dicom_head

from ..test_geometry import angles, rotation

ROOT = "1.2.826.0.1.3680043.2.1125."


def write_series(
    folder: Path,
    array: np.ndarray,
    *,
    direction: np.ndarray | None = None,
    spacing: tuple[float, float, float] = (0.5, 0.7, 2.0),
    origin: tuple[float, float, float] = (10.0, 20.0, 30.0),
    series: str = "1",
    edit: Callable[[int, FileDataset], Any] | None = None,
) -> list[Path]:
    """A small CT series by pydicom, its file names in no order; `array` is ``(z, y, x)``, int16 or uint16."""
    folder.mkdir(exist_ok=True)
    cosines = np.eye(3) if direction is None else direction
    names = list(range(len(array)))
    random.Random(len(array)).shuffle(names)
    paths = []
    for z, pixels in enumerate(array):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"{ROOT}{series}.{z + 1}"
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{series}_{names[z]:03d}.dcm"
        file = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
        file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        file.Modality, file.PatientID, file.SeriesDescription = "CT", "P7", f"series {series}"
        file.SeriesInstanceUID, file.StudyInstanceUID = f"{ROOT}{series}", f"{ROOT}9"
        file.FrameOfReferenceUID, file.InstanceNumber = f"{ROOT}8", names[z]
        position = np.array(origin) + cosines[:, 2] * spacing[2] * z
        file.ImagePositionPatient = [f"{v:.10g}" for v in position]
        file.ImageOrientationPatient = [f"{v:.10g}" for v in (*cosines[:, 0], *cosines[:, 1])]
        file.PixelSpacing = [spacing[1], spacing[0]]
        file.SliceThickness = spacing[2]
        file.Rows, file.Columns = pixels.shape[:2]
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit = 16, 16, 15
        file.PixelRepresentation = int(array.dtype == np.int16)
        file.RescaleSlope, file.RescaleIntercept = "1", "-1024"
        file.PixelData = pixels.tobytes()
        if edit is not None:
            edit(z, file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's notes on values that are written to be wrong
            file.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def by_simpleitk(folder: Path) -> sitk.Image:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


ARRAY = np.random.default_rng(0).integers(0, 3000, (5, 6, 7)).astype(np.int16)


def refused(folder: Path, code: str) -> SegconvError:
    files = [file for files in dicom_folder.series_of(str(folder)).values() for file in files]
    for function in (dicom.probe_series, dicom.read_series):
        with pytest.raises(SegconvError) as raised:
            function(files)
        assert raised.value.code == code, raised.value.message
    return raised.value


@given(turn=st.tuples(angles, angles, angles), size=st.tuples(*[st.integers(2, 6)] * 3))
@settings(max_examples=15)
def test_a_series_is_read_as_simpleitk_reads_it(
    tmp_path_factory: pytest.TempPathFactory, turn: tuple[float, float, float], size: tuple[int, int, int]
) -> None:
    folder = tmp_path_factory.mktemp("series")
    array = np.random.default_rng(0).integers(0, 3000, size[::-1]).astype(np.int16)
    write_series(folder, array, direction=rotation(turn))
    files = dicom_folder.one_series(str(folder))
    found = dicom.read_series(files)
    image = by_simpleitk(folder)
    assert np.array_equal(found.values, sitk.GetArrayFromImage(image))
    assert np.array_equal(found.values, array - 1024)
    geometry = found.header.geometry
    assert geometry.size == image.GetSize()
    assert np.allclose(geometry.spacing_mm, image.GetSpacing(), rtol=1e-4)
    assert np.allclose(geometry.origin_mm, image.GetOrigin(), atol=1e-4)
    assert np.allclose(geometry.direction, image.GetDirection(), atol=1e-4)
    assert dicom.probe_series(files) == found.header
    assert not found.plain
    assert dicom.patient_of(files) == "P7"


def test_slices_are_ordered_by_position(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY)
    assert list(dicom.ordered(dicom_folder.one_series(str(tmp_path / "s")))) == [str(path) for path in paths]


def test_each_slice_has_its_own_rescaling(tmp_path: Path) -> None:
    def edit(z: int, file: FileDataset) -> None:
        file.RescaleSlope, file.RescaleIntercept = ("1", "0") if z == 0 else ("0.5", "0.25")

    write_series(tmp_path / "s", ARRAY, edit=edit)
    values = dicom.read_series(dicom_folder.one_series(str(tmp_path / "s"))).values
    assert values.dtype.kind == "f"
    assert np.array_equal(values[0], ARRAY[0])
    assert np.array_equal(values[1:], ARRAY[1:] * 0.5 + 0.25)


def test_one_slice_has_the_thickness_it_says(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY[:1])
    header = dicom.probe_series(dicom_folder.one_series(str(tmp_path / "s")))
    assert header.geometry.spacing_mm == (0.5, 0.7, 2.0)


def test_several_series_are_listed(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY, series="1")
    write_series(tmp_path / "s", ARRAY[:3], series="2")
    (tmp_path / "s" / "notes.txt").write_text("no DICOM")
    found = dicom_folder.series_of(str(tmp_path / "s"))
    assert [len(files) for files in found.values()] == [5, 3]
    with pytest.raises(SegconvError) as raised:
        dicom_folder.one_series(str(tmp_path / "s"))
    assert raised.value.code == "SC087"
    for wording in (f"{ROOT}1", f"{ROOT}2", "series 2", "3 files"):
        assert wording in raised.value.message


def test_objects_that_are_not_images_are_left_out(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY)
    structures = pydicom.dcmread(next((tmp_path / "s").iterdir()))
    structures.file_meta.MediaStorageSOPClassUID = structures.SOPClassUID = RTStructureSetStorage
    structures.SeriesInstanceUID = f"{ROOT}77"
    del structures.PixelData, structures.Rows, structures.Columns
    structures.save_as(tmp_path / "s" / "structures.dcm")
    assert list(dicom_folder.series_of(str(tmp_path / "s"))) == [f"{ROOT}1"]


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as raised:
        dicom_folder.one_series(str(tmp_path))
    assert raised.value.code == "SC011"


def test_a_missing_slice_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY)
    paths[2].unlink()
    error = refused(tmp_path / "s", "SC087")
    assert "1 missing" in error.message
    assert paths[1].name in error.message
    assert paths[3].name in error.message


def set_all(**values: Any) -> Callable[[int, FileDataset], None]:
    def edit(_: int, file: FileDataset) -> None:
        for key, value in values.items():
            setattr(file, key, value)

    return edit


def set_one(**values: Any) -> Callable[[int, FileDataset], None]:
    def edit(z: int, file: FileDataset) -> None:
        if z == 2:
            set_all(**values)(z, file)

    return edit


def tilt(z: int, file: FileDataset) -> None:
    file.ImagePositionPatient = [10.0, 20.0 + 0.3 * z, 30.0 + 2.0 * z]


def crowd(z: int, file: FileDataset) -> None:
    file.ImagePositionPatient = [10.0, 20.0, 30.0 + 2.0 * (z > 0)]


def colour(_: int, file: FileDataset) -> None:
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PlanarConfiguration = 3, "RGB", 0
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 8, 8, 7, 0
    del file.RescaleSlope, file.RescaleIntercept
    file.PixelData = bytes(file.Rows * file.Columns * 3)


def palette(_: int, file: FileDataset) -> None:
    file.PhotometricInterpretation = "PALETTE COLOR"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 8, 8, 7, 0
    del file.RescaleSlope, file.RescaleIntercept
    file.PixelData = bytes(file.Rows * file.Columns)
    for name in ("Red", "Green", "Blue"):
        setattr(file, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(file, f"{name}PaletteColorLookupTableData", bytes(512))


def frames(_: int, file: FileDataset) -> None:
    file.NumberOfFrames = 2
    file.PixelData = file.PixelData * 2


def smaller(z: int, file: FileDataset) -> None:
    if z == 2:
        file.Rows = 4
        file.PixelData = file.PixelData[: 4 * 7 * 2]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (tilt, "SC057"),
        (colour, "SC056"),
        (palette, "SC056"),
        (frames, "SC056"),
        (smaller, "SC082"),
        (set_one(PixelSpacing=[0.7, 0.6]), "SC057"),
        (set_one(ImageOrientationPatient=[0, 1, 0, 1, 0, 0]), "SC057"),
        (set_one(ImagePositionPatient=[10, 20, 32.0]), "SC084"),
        (set_one(ImagePositionPatient=[10, 20, 34.1]), "SC087"),
        (set_all(ImagePositionPatient=[10, 20, 30]), "SC084"),
        (set_all(ImagePositionPatient=None), "SC057"),
        (crowd, "SC084"),
        (set_all(PixelSpacing=None), "SC057"),
        (set_all(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "SC057"),
    ],
)
def test_slices_that_make_no_volume_are_refused(edit: Any, code: str, tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY, edit=edit)
    refused(tmp_path / "s", code)


def test_colour_is_named_as_what_is_wrong(tmp_path: Path) -> None:
    for number, edit in enumerate((colour, palette)):
        write_series(tmp_path / f"{number}", ARRAY, edit=edit)
        assert "has colour pixels" in refused(tmp_path / f"{number}", "SC056").message


@pytest.mark.parametrize(("shift_mm", "codes"), [(0.004, []), (0.03, ["SC093"]), (0.06, None)])
def test_a_slight_shift_of_slices_is_reported_and_a_larger_one_refused(
    shift_mm: float, codes: list[str] | None, tmp_path: Path
) -> None:
    def edit(z: int, file: FileDataset) -> None:
        file.ImagePositionPatient = [10.0, 20.0 + shift_mm * z / 4, 30.0 + 2.0 * z]

    write_series(tmp_path / "s", ARRAY, edit=edit)
    if codes is None:
        refused(tmp_path / "s", "SC057")
        return
    found = dicom.probe_series(dicom_folder.one_series(str(tmp_path / "s")))
    assert [code for code, _ in found.oddities] == codes


def test_one_slice_without_a_thickness_is_reported(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY[:1], edit=set_all(SliceThickness=None))
    found = dicom.probe_series(dicom_folder.one_series(str(tmp_path / "s")))
    assert found.geometry.spacing_mm[2] == 1
    assert [code for code, _ in found.oddities] == ["SC092"]


def test_text_in_place_of_numbers_is_refused(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY)
    for path in paths:
        data = path.read_bytes()
        assert data.count(b"0.7\\0.5") == 1
        path.write_bytes(data.replace(b"0.7\\0.5", b"nan\\0.5"))
    assert "its spacing" in refused(tmp_path / "s", "SC057").message


def packed(syntax: str, pixels: bytes) -> Callable[[int, FileDataset], None]:
    def edit(z: int, file: FileDataset) -> None:
        if z == 2:
            file.file_meta.TransferSyntaxUID = syntax
            file.PixelData = encapsulate([pixels])
            file["PixelData"].is_undefined_length = True

    return edit


@pytest.mark.parametrize("segments", [0, 16])
def test_run_lengths_of_no_segments_do_not_end_the_process(segments: int, tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY, edit=packed(RLELossless, segments.to_bytes(4, "little") + bytes(80)))
    with pytest.raises(SegconvError, match=f"run lengths of {segments} segments") as raised:
        dicom_folder.one_series(str(tmp_path / "s"))
    assert raised.value.code == "SC052"


@pytest.mark.parametrize("segments", [1, 15])
def test_run_lengths_of_segments_are_left_to_the_decoder(segments: int, tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY, edit=packed(RLELossless, segments.to_bytes(4, "little") + bytes(80)))
    assert len(dicom_folder.one_series(str(tmp_path / "s"))) == len(ARRAY)


def test_pixels_that_no_decoder_reads_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY, edit=packed(JPEGLSLossless, b"\xff" * 84))
    files = dicom_folder.one_series(str(tmp_path / "s"))
    dicom.probe_series(files)
    with pytest.raises(SegconvError) as raised:
        dicom.read_series(files)
    assert raised.value.code == "SC052"


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SegconvError) as raised:
        dicom_folder.series_of(str(tmp_path / "file"))
    assert (raised.value.code, raised.value.file) == ("SC030", str(tmp_path / "file"))


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY)
    whole = paths[1].read_bytes()
    for cut in (len(whole) - 1, len(whole) - 40, len(whole) - 84, 400, 140):
        paths[1].write_bytes(whole[:cut])
        with pytest.raises(SegconvError) as raised:
            dicom.read_series([str(path) for path in paths])
        assert raised.value.code in ("SC052", "SC053", "SC057", "SC056", "SC082"), cut


def test_a_volume_over_budget_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY)
    files = dicom_folder.one_series(str(tmp_path / "s"))
    needed = 2 * ARRAY.nbytes  # rescaled voxels take 32 bits
    dicom.read_series(files, limit=needed)
    with pytest.raises(SegconvError) as raised:
        dicom.read_series(files, limit=needed - 1)
    assert raised.value.code == "SC054"


def test_values_are_those_that_pydicom_reads(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "s", ARRAY.astype(np.uint16))
    found = dicom.read_series([str(path) for path in paths])
    theirs = [pydicom.dcmread(path) for path in paths]
    expected = np.stack([file.pixel_array.astype(int) + int(file.RescaleIntercept) for file in theirs])
    assert np.array_equal(found.values, expected)


def of_class(uid: str, frames: int = 1) -> Callable[[int, FileDataset], None]:
    def edit(_: int, file: FileDataset) -> None:
        file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = uid
        file.NumberOfFrames, file.PixelData = frames, file.PixelData * frames

    return edit


@pytest.mark.parametrize(
    ("uid", "what", "tools"),
    [
        (SegmentationStorage, "is a segmentation (DICOM SEG)", ("dcmqi", "3D Slicer")),
        (RTStructureSetStorage, "is a structure set (RTSTRUCT)", ("plastimatch", "3D Slicer")),
    ],
)
def test_labels_that_are_not_slices_are_reported_with_what_makes_them_volumes(
    uid: str, what: str, tools: tuple[str, ...], tmp_path: Path
) -> None:
    (path,) = write_series(tmp_path / "s", ARRAY[:1], edit=of_class(uid, 2))
    with pytest.raises(SegconvError) as raised:
        dicom_folder.one_series(str(tmp_path / "s"))
    assert (raised.value.code, raised.value.file) == ("SC056", str(path))
    assert what in raised.value.message
    assert all(tool in raised.value.hint for tool in tools)
    write_series(tmp_path / "s", ARRAY, series="2")  # next to slices they are ignored
    assert len(dicom_folder.one_series(str(tmp_path / "s"))) == len(ARRAY)


@pytest.mark.parametrize("uid", [BasicTextSRStorage, RTDoseStorage])
def test_other_objects_are_not_labels(uid: str, tmp_path: Path) -> None:
    write_series(tmp_path / "s", ARRAY[:1], edit=of_class(uid))
    dicom_folder.refuse_labels(str(tmp_path / "s"))
    with pytest.raises(SegconvError) as raised:
        dicom_folder.one_series(str(tmp_path / "s"))
    assert raised.value.code == "SC011"


def test_several_files_of_several_frames_are_not_taken_for_several_series(tmp_path: Path) -> None:
    for series in ("1", "2"):
        write_series(tmp_path / "s", ARRAY[:1], series=series, edit=of_class(EnhancedCTImageStorage, 3))
    with pytest.raises(SegconvError) as raised:
        dicom_folder.one_series(str(tmp_path / "s"))
    assert raised.value.code == "SC056"
    assert "is multi-frame DICOM: 3 frames in one file" in raised.value.message
    assert "dcm2niix" in raised.value.hint


@pytest.mark.parametrize("implicit", [None, False, True])
def test_files_without_a_preamble_are_read_where_simpleitk_and_pydicom_agree(
    implicit: bool | None, tmp_path: Path
) -> None:
    whole = write_series(tmp_path / "whole", ARRAY)
    (tmp_path / "bare").mkdir()
    for path in whole:
        bare = tmp_path / "bare" / path.stem
        if implicit is None:  # the meta information exists, without the preamble
            bare.write_bytes(path.read_bytes()[132:])
        else:
            file = pydicom.dcmread(path)
            data = pydicom.Dataset({element.tag: element for element in file})
            data.save_as(bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        assert not dicom_head.is_dicom(bare.read_bytes()[1:1024])
        own = pydicom.dcmread(bare, force=True)
        assert own.Rows == ARRAY.shape[1]
        assert own.PixelData == pydicom.dcmread(path).PixelData
    files = dicom_folder.one_series(str(tmp_path / "bare"))
    expected = by_simpleitk(tmp_path / "whole")
    found = dicom.read_series(files)
    assert np.array_equal(found.values, sitk.GetArrayFromImage(expected))
    assert found.header.geometry == dicom.probe_series([str(path) for path in whole]).geometry
    assert not found.header.oddities


def test_text_and_other_bytes_are_not_dicom_without_a_preamble() -> None:
    for head in (b"", b"\x08\x00\x05\x00", b"\x08\x00" * 500, b"\x02\x00\x00\x00UL", bytes(1024), b"MZ" * 300):
        assert not dicom_head.is_dicom(head)
