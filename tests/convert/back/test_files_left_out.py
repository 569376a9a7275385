"""Files among predictions that do not belong to the dataset are named."""

from __future__ import annotations

import shutil
from pathlib import Path

from fixtures.make_fixtures import png_shapes

from ...command import Command


def test_what_restore_leaves_out_is_named(tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path, cases=4, tests=0, size=(16, 12))
    assert segconv("convert", source, "--to", "3_A", "--labels", "background=0,disc=128,ring=255").code == 0
    labels = sorted((segconv.raw / "Dataset003_A" / "labelsTr").iterdir())
    predictions = tmp_path / "predictions"
    (predictions / "sub").mkdir(parents=True)
    for path, name in zip(labels, ("a.png", "b.PNG", "sub/c.png", "d.tif"), strict=True):
        shutil.copy(path, predictions / name)
    (predictions / "plans.json").write_text("{}")
    done = segconv("restore", predictions, "--like", "3", "-o", tmp_path / "out")
    assert done.code == 0
    assert "Warning SC063: b.PNG, d.tif, sub: left out" in done.err
    assert "plans.json" not in done.err
    strict = segconv("restore", predictions, "--like", "3", "-o", tmp_path / "strict", "--strict")
    assert (strict.code, strict.codes()) == (65, ["SC063"])
