"""A kind of source, a format, a transform and a command are each added by one file and one line, as docs/extending.md says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segconv.dataset.lineage import read_records
from segconv.image.geometry import Geometry
from segconv.image.opened import read_image, read_label

from ..convert.oracles import assert_same, ct, write
from ..review.datasets import volumes
from . import pgm
from .conftest import Extended


def test_a_kind_of_source_is_recognised_converted_and_restored(extended: Extended, tmp_path: Path) -> None:
    extended.add_file("by_name.py", "convert/sources/by_name.py")
    extended.add_line(
        "convert/sources/registry.py", '"dicom": "', '    "by-name": "scans and masks that the same name begins",'
    )
    for name in "ab":
        phantom = ct(ord(name))
        write(tmp_path / "source" / f"{name}.scan.nii.gz", phantom.images[0])
        write(tmp_path / "source" / f"{name}.mask.nii.gz", phantom.label, (phantom.label.array == 1).astype(np.uint8))
    made = Path(extended("convert", "source", "--to", "5", "--from", "by-name")["target"])
    assert extended("check", "5")["counts"]["errors"] == 0
    extended("restore", made / "labelsTr", "--like", "5", "-o", "back")
    assert_same(tmp_path / "back" / "a.nii.gz", tmp_path / "source" / "a.mask.nii.gz", within_mm=1e-4)


def test_a_format_is_read_checked_and_written(extended: Extended, tmp_path: Path) -> None:
    extended.add_file("pgm.py", "image/formats/pgm.py")
    extended.add_line(
        "image/formats/table.py",
        'Format("BMP picture"',
        '    Format("PGM picture", "pgm", (".pgm",), (".pgm",), ((0, b"P5"),)),',
    )
    grey = np.arange(20 * 24, dtype=np.uint8).reshape(20, 24)
    mask = (grey > 100).astype(np.uint8) * 255
    for folder, array in (("images", grey), ("masks", mask)):
        (tmp_path / "source" / folder).mkdir(parents=True)
        for name in "ab":
            pieces = pgm.encode(np.roll(array, ord(name)), Geometry.plain((24, 20)))
            (tmp_path / "source" / folder / f"{name}.pgm").write_bytes(b"".join(pieces))
    made = Path(extended("convert", "source", "--to", "5", "--labels", "background=0,cell=255")["target"])
    assert extended("check", "5")["counts"]["errors"] == 0
    image = next((made / "imagesTr").iterdir())
    assert np.array_equal(read_image(image.read_bytes()).array, np.roll(grey, ord("a")))
    extended("restore", made / "labelsTr", "--like", "5", "-o", "back")
    assert (tmp_path / "back" / "a.pgm").read_bytes() == (tmp_path / "source" / "masks" / "a.pgm").read_bytes()


def test_a_command_is_listed_and_run(extended: Extended) -> None:
    extended.add_file("count.py", "cli/count.py")
    extended.add_line("cli/main.py", '"check": "', '    "count": "Count the cases of a dataset.",')
    for name in ("imagesTr", "labelsTr"):
        (extended.raw / "Dataset005_A" / name).mkdir(parents=True)
    (extended.raw / "Dataset005_A" / "dataset.json").write_text(
        '{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 0, "file_ending": ".nii.gz"}'
    )
    assert extended("count", "5")["cases"] == {"train": 0, "test": 0}


def test_a_transform_is_drawn_applied_and_recorded(extended: Extended) -> None:
    extended.add_file("gamma.py", "augment/gamma.py")
    extended.add_line(
        "augment/grey.py",
        'GreyTransform("hu_shift"',
        '    GreyTransform("gamma", "gamma", "gamma", "gamma", "Random power of grey values.", unchanged=1.0),',
    )
    source = volumes(extended.raw, cases=2)
    made = Path(
        extended("augment", "7", "--to", "107_Aug", "--gamma", "1.5:2", "--copies", "2", "--seed", "1")["target"]
    )
    copies = [record for record in read_records(made) if record.parent is not None]
    assert len(copies) == 4
    for record in copies:
        assert record.transform is not None
        gamma = record.transform["gamma"]
        assert 1.5 <= gamma <= 2
        before, after = (
            read_image((root / "imagesTr" / f"{case}_0000.nii.gz").read_bytes()).array.astype(float)
            for root, case in ((source, record.parent), (made, record.case))
        )
        low, high = before.min(), before.max()
        expected = low + ((before - low) / (high - low)) ** gamma * (high - low)
        assert np.abs(after - expected).max() <= 0.5
        label = f"labelsTr/{record.case}.nii.gz"
        assert np.array_equal(
            read_label((made / label).read_bytes()).array,
            read_label((source / f"labelsTr/{record.parent}.nii.gz").read_bytes()).array,
        )
