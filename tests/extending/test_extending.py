"""A format and a command are each added by one file and one line, as docs/extending.md says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from segconv.image.geometry import Geometry
from segconv.image.opened import read_image

from . import pgm
from .conftest import Extended


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
