"""``segconv augment --preview``: what will be written, drawn before it is."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import io

from segconv.review.pictures.sealed import is_sealed

from ..command import Command, tree_hash
from ..review import datasets

SETS = {
    "7": (datasets.volumes, ["--rotate", "20,90", "--planes", "sagittal", "--hu-shift", "100:200"]),
    "8": (datasets.channels, ["--rotate-range", "30", "--copies", "2", "--expand", "--format", "nrrd"]),
    "9": (datasets.pictures, ["--rotate-range", "30", "--copies", "2", "--link", "symlink"]),
}


@pytest.mark.parametrize("dataset", SETS)
def test_the_preview_is_what_view_draws_of_the_new_dataset(dataset: str, segconv: Command) -> None:
    make, words = SETS[dataset]
    make(segconv.raw, cases=2)
    before = tree_hash(segconv.raw)
    words = ["augment", dataset, "--to", "20_Aug", *words]
    done = segconv(*words, "--dry-run", "--preview", segconv.folder / "dry.png")
    assert done.code == 0, done.err
    assert "nothing else was written (--dry-run)" in done.err
    assert tree_hash(segconv.raw) == before
    done = segconv(*words, "--preview", segconv.folder / "before.png", "--json")
    assert done.json["preview"] == str(segconv.folder / "before.png")
    assert segconv("view", "20", "--copies", "-o", segconv.folder / "after.png", "-j", "1").code == 0
    dry, before, after = (io.imread(segconv.folder / f"{name}.png") for name in ("dry", "before", "after"))
    assert is_sealed(segconv.folder / "dry.png")
    np.testing.assert_array_equal(dry, after)
    np.testing.assert_array_equal(before, after)


def test_many_cases_and_copies_are_bounded(segconv: Command) -> None:
    datasets.pictures(segconv.raw, cases=5)
    words = ["augment", "9", "--to", "20_Aug", "--rotate-range", "30", "--copies", "13", "--dry-run"]
    done = segconv(*words, "--preview", segconv.folder / "x.png")
    assert "drew s0, s2, s4 next to their copies" in done.err


def test_a_picture_that_cannot_be_written_or_a_case_that_cannot_be_read_is_refused_first(segconv: Command) -> None:
    root = datasets.pictures(segconv.raw, cases=2)
    words = ["augment", "9", "--to", "20_Aug", "--rotate-range", "30", "--preview"]
    mine = segconv.folder / "mine.png"
    mine.write_bytes(b"mine")
    assert segconv(*words, mine).codes() == ["SC020"]
    assert segconv(*words, mine, "--overwrite").codes() == ["SC020"]
    assert segconv(*words, root / "x.png").codes() == ["SC020"]
    assert segconv(*words, segconv.raw / "Dataset020_Aug" / "x.png").codes() == ["SC020"]
    assert segconv(*words, segconv.folder / "x.jpg").codes() == ["SC001"]
    (root / "imagesTr" / "s0_0000.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = segconv(*words, segconv.folder / "x.png")
    assert done.code != 0
    assert "s0_0000.png" in done.err
    assert not (segconv.folder / "x.png").exists()
    assert [path.name for path in segconv.raw.iterdir()] == ["Dataset009_Shapes"]
