"""PNG folders: labels by value, unchanged names, and restoring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import io

from fixtures.make_fixtures import png_shapes

from ...command import Command, tree_hash

LABELS = "background=0,disc=128,ring=255"
MASK = "training/output/shape-1.png"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return png_shapes(tmp_path_factory.mktemp("png"))


@pytest.fixture
def source(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "src" / "png"))


def edit(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    Image.fromarray(change(np.asarray(Image.open(path)).copy())).save(path)


def test_pictures_are_carried_and_masks_become_indices(source: Path, segconv: Command) -> None:
    before = tree_hash(source)
    done = segconv("convert", source, "--to", "9_Shapes", "--labels", LABELS)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_Shapes"
    for path in sorted((source / "training" / "input").iterdir()):
        assert (made / "imagesTr" / f"{path.stem}_0000.png").read_bytes() == path.read_bytes()
        mask = io.imread(source / "training" / "output" / path.name)
        assert np.array_equal(io.imread(made / "labelsTr" / path.name), np.searchsorted([0, 128, 255], mask))
    assert len(list((made / "labelsTs").iterdir())) == 2
    description = json.loads((made / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    assert description["labels"] == {"background": 0, "disc": 1, "ring": 2}
    assert description["file_ending"] == ".png"
    assert tree_hash(source) == before


def test_predictions_come_back_in_name_and_value(source: Path, segconv: Command, tmp_path: Path) -> None:
    segconv("convert", source, "--to", "9", "--labels", LABELS)
    predictions = Path(shutil.copytree(segconv.raw / "Dataset009_png" / "labelsTs", tmp_path / "predictions"))
    (predictions / "plans.json").write_text("{}")
    done = segconv("restore", predictions, "--like", "9_png", "-o", tmp_path / "mine")
    assert done.code == 0, done.err
    for path in (source / "testing" / "output").iterdir():
        back = Image.open(tmp_path / "mine" / path.name)
        assert back.mode == "L"
        assert np.array_equal(np.asarray(back), io.imread(path))
    before = tree_hash(tmp_path / "mine")
    done = segconv("restore", tmp_path / "mine", "--like", "9_png", "-o", tmp_path / "again")
    assert (done.code, "nothing to do" in done.err) == (0, True)
    assert tree_hash(tmp_path / "mine") == before


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0, 255, 255), {"background": 0, "foreground": 1}),
        ((0, 1, 2), {"background": 0, "class_1": 1, "class_2": 2}),
        ((0, 7, 7), {"background": 0, "foreground": 1}),
    ],
)
def test_plain_codings_are_guessed_and_the_guess_is_reported(
    tmp_path: Path, segconv: Command, values: tuple[int, ...], labels: dict[str, int]
) -> None:
    source = png_shapes(tmp_path / "src", cases=5, values=values)
    done = segconv("convert", source, "--to", "9")
    assert done.code == 0, done.err
    assert "guessed" in done.err
    assert json.loads((segconv.raw / "Dataset009_png" / "dataset.json").read_text())["labels"] == labels


def test_other_codings_must_be_declared_or_accepted(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9")
    assert (done.code, done.codes()) == (65, ["SC074"])
    assert "--labels background=0,class_128=128,class_255=255" in done.err
    assert list(segconv.raw.iterdir()) == []
    assert segconv("convert", source, "--to", "9", "--accept-labels").code == 0


def test_an_undeclared_value_is_named_with_file_place_and_count(source: Path, segconv: Command) -> None:
    def stray(mask: np.ndarray) -> np.ndarray:
        mask[5, 3], mask[6, 3] = 77, 77
        return mask

    edit(source / MASK, stray)
    done = segconv("convert", source, "--to", "9", "--labels", LABELS)
    assert (done.code, done.codes()) == (65, ["SC070"])
    assert f"{MASK}: holds the value 77 in 2 pixels, the first at (3, 5)" in done.err
    done = segconv("convert", source, "--to", "9", "--labels", LABELS, "--map", "77=disc", "--restart")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("break_it", "exit_code", "code", "file"),
    [
        (lambda s: (s / MASK).unlink(), 65, "SC080", "training/input/shape-1.png"),
        (lambda s: (s / "training/input/shape-1.png").unlink(), 65, "SC081", MASK),
        (lambda s: (s / MASK).write_bytes((s / MASK).read_bytes()[:-30]), 65, "SC058", MASK),
        (lambda s: (s / MASK).write_bytes(b"\xff\xd8\xff\xe0JFIF"), 65, "SC051", MASK),
        (lambda s: edit(s / MASK, lambda m: m[:-1]), 65, "SC082", MASK),
        (lambda s: edit(s / MASK, lambda m: np.stack([m, m // 2, m], -1)), 65, "SC078", MASK),
        (lambda s: edit(s / "training/input/shape-1.png", lambda p: p[..., 0]), 65, "SC084", "training/input/shape-1.png"),
        (lambda s: shutil.copy(s / MASK, s / "training/output/shape-1.PNG"), 65, "SC085", MASK),
        (lambda s: ((s / MASK).unlink(), (s / MASK).symlink_to("/etc/passwd")), 65, "SC060", MASK),
        (lambda s: ((s / MASK).unlink(), (s / MASK).symlink_to("nowhere")), 66, "SC012", MASK),
        (lambda s: shutil.rmtree(s / "training"), 66, "SC011", ""),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_the_file_named_and_nothing_left(
    source: Path, segconv: Command, break_it: Callable[[Path], object], exit_code: int, code: str, file: str
) -> None:
    break_it(source)
    before = tree_hash(source)
    done = segconv("convert", source, "--to", "9", "--labels", LABELS)
    assert done.code == exit_code, done.err
    assert code in done.codes(), done.err
    assert f"Error {code}: {file}" in done.err
    assert not (segconv.raw / "Dataset009_png").exists()
    assert tree_hash(source) == before


def test_images_next_to_masks_are_read_with_grey_pictures_and_stray_files(
    template: Path, tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "flat"
    for kind, name in (("input", "images"), ("output", "masks")):
        shutil.copytree(template / "training" / kind, source / name)
    for path in (source / "images").iterdir():
        edit(path, lambda p: p[..., 0])
        path.rename(path.with_suffix(".PNG"))
    (source / "images" / "notes.txt").write_text("x")
    (source / "images" / "Thumbs.db").write_text("x")
    done = segconv("convert", source, "--to", "9", "--accept-labels")
    assert done.code == 0, done.err
    assert "1 other file in images left alone: notes.txt" in done.err
    made = segconv.raw / "Dataset009_flat"
    assert json.loads((made / "dataset.json").read_text())["channel_names"] == {"0": "gray"}
    assert len(list((made / "imagesTr").iterdir())) == 6


def test_opaque_alpha_is_dropped_and_transparency_refused(source: Path, segconv: Command) -> None:
    def with_alpha(alpha: int) -> Callable[[np.ndarray], np.ndarray]:
        return lambda p: np.concatenate([p[..., :3], np.full((*p.shape[:2], 1), alpha, np.uint8)], -1)

    for path in (source / "training" / "input").iterdir():
        edit(path, with_alpha(255))
    assert segconv("convert", source, "--to", "9", "--labels", LABELS).code == 0
    made = io.imread(segconv.raw / "Dataset009_png" / "imagesTr" / "shape-1_0000.png")
    assert made.shape[-1] == 3
    edit(source / "training" / "input" / "shape-2.png", with_alpha(100))
    assert segconv("convert", source, "--to", "8", "--labels", LABELS).codes() == ["SC084"]


@pytest.mark.parametrize("name", ["with space", "Zelle ä", "a.b.c", "-dash", "%s", "$(id)", "_lead", "x_0000", "日本"])
def test_any_name_is_mapped_and_comes_back(source: Path, segconv: Command, tmp_path: Path, name: str) -> None:
    for kind in ("input", "output"):
        (source / "testing" / kind / "shape-6.png").rename(source / "testing" / kind / f"{name}.png")
    done = segconv("convert", source, "--to", "9", "--labels", LABELS)
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset009_png" / "labelsTs"
    cases = {p.name.removesuffix(".png") for p in made.iterdir()}
    assert name in cases or any(f"{name!r} → {case}" in done.err for case in cases), "its new name is printed"
    assert all(p.name.isascii() and p.name[0].isalnum() for p in made.iterdir())
    segconv("restore", made, "--like", "9", "-o", tmp_path / "mine")
    assert np.array_equal(
        io.imread(tmp_path / "mine" / f"{name}.png"), io.imread(source / "testing/output" / f"{name}.png")
    )


def test_names_that_differ_only_in_case_or_unicode_form_are_reported(source: Path, segconv: Command) -> None:
    for kind in ("input", "output"):
        folder = source / "training" / kind
        shutil.copy(folder / "shape-1.png", folder / "SHAPE-1.png")
    done = segconv("convert", source, "--to", "9", "--labels", LABELS)
    assert done.code == 0
    assert "Warning SC085: " in done.err
    assert "Warning SC088: " in done.err, "and their content is the same"
    for kind in ("input", "output"):
        folder = source / "training" / kind
        (folder / "SHAPE-1.png").rename(folder / "caf\u00e9.png")
        (folder / "shape-2.png").rename(folder / "cafe\u0301.png")
    assert segconv("convert", source, "--to", "8", "--labels", LABELS).codes() == ["SC085"]


@pytest.mark.parametrize("to", ["42", "042", "42_Roads", "042_Roads", "Dataset042_Roads"])
def test_a_target_may_be_written_in_five_ways(source: Path, segconv: Command, to: str) -> None:
    assert segconv("convert", source, "--to", to, "--labels", LABELS).code == 0
    assert [p.name for p in segconv.raw.iterdir()] == ["Dataset042_Roads" if "Roads" in to else "Dataset042_png"]


@pytest.mark.parametrize("to", ["Roads", "0_Roads", "1000_Roads", "-1", "42_a/b", "42_"])
def test_a_target_without_a_good_id_or_name_is_a_usage_error(source: Path, segconv: Command, to: str) -> None:
    done = segconv("convert", source, f"--to={to}", "--labels", LABELS)
    assert (done.code, done.codes()) == (2, ["SC002"])


@pytest.mark.parametrize("where", ["nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"])
def test_an_id_that_is_taken_anywhere_is_refused(source: Path, segconv: Command, where: str) -> None:
    (segconv.folder / where / "Dataset042_Other").mkdir()
    done = segconv("convert", source, "--to", "42_Roads", "--labels", LABELS)
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert " is free" in done.err
    done = segconv("convert", source, "--to", "42_Other", "--labels", LABELS, "--overwrite")
    assert (done.code, done.codes()) == (73, ["SC020"]), "only what segconv made is replaced"


def test_a_dry_run_shows_the_plan_and_writes_nothing(source: Path, segconv: Command) -> None:
    done = segconv("convert", source, "--to", "9", "--labels", LABELS, "--dry-run", "--json")
    assert done.code == 0
    assert done.json["training_cases"] == 6
    assert done.json["label_values"] == {"0": 0, "128": 1, "255": 2}
    assert list(segconv.raw.iterdir()) == []


def test_real_pictures_convert_and_their_masks_come_back(data: Path, segconv: Command, tmp_path: Path) -> None:
    source = data / "dsb2018_pairs"
    done = segconv("convert", source, "--to", "501_Nuclei")
    assert done.code == 0, done.err
    made = segconv.raw / "Dataset501_Nuclei"
    assert json.loads((made / "dataset.json").read_text())["numTraining"] == 18
    for folder, part in (("labelsTr", "training"), ("labelsTs", "testing")):
        segconv("restore", made / folder, "--like", "501", "-o", tmp_path / part)
        theirs = sorted((source / part / "output").iterdir())
        assert len(theirs) > 5
        for path in theirs:
            assert np.array_equal(io.imread(tmp_path / part / path.name), io.imread(path))
