"""Options of augment other than angles: padding, grown grids, soft labels, formats, links, axes, recipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image
from skimage import io

from fixtures.make_fixtures import msd_ct
from segconv.augment import compiled
from segconv.augment.padding import padded
from segconv.augment.rotation import SIMPLEITK, plan_turn
from segconv.augment.spec import Transform
from segconv.dataset.layout import Dataset
from segconv.dataset.splits import leaks
from segconv.image.geometry import Geometry

from ..command import Command, tree_hash


@pytest.fixture
def ct(tmp_path: Path, segconv: Command) -> Path:
    segconv("convert", msd_ct(tmp_path / "src"), "--to", "7_Ct")
    return segconv.raw / "Dataset007_Ct"


@pytest.fixture
def straight(segconv: Command) -> Path:
    """A dataset on a grid along the patient's axes, with square pixels."""
    folder = segconv.raw / "Dataset012_Straight"
    random = np.random.default_rng(0)
    for case in ("a", "b"):
        for name, array in (
            (f"imagesTr/{case}_0000", random.integers(-1000, 1000, (20, 16, 10)).astype(np.int16)),
            (f"labelsTr/{case}", random.integers(0, 2, (20, 16, 10)).astype(np.uint8)),
        ):
            path = folder / f"{name}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array, np.diag([-1.5, -1.5, 3.0, 1.0])), path)
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "thing": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def by_hand(segconv: Command, ending: str, channels: list[str], files: dict[str, np.ndarray]) -> Path:
    """A dataset of pictures that another program made; ``files`` are names without ending → samples."""
    folder = segconv.raw / "Dataset011_Hand"
    for name, samples in files.items():
        path = folder / f"{name}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".tif":
            tifffile.imwrite(path, samples)
        elif samples.dtype == np.uint16 and samples.ndim == 3:
            import imagecodecs

            path.write_bytes(imagecodecs.png_encode(samples))
        else:
            io.imsave(path, samples, check_contrast=False)
    description = {
        "channel_names": {str(i): name for i, name in enumerate(channels)},
        "labels": {"background": 0, "thing": 1},
        "numTraining": sum(name.startswith("labelsTr") for name in files),
        "file_ending": ending,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def pictures(channels: int, dtype: str, shape: tuple[int, ...] = (21, 34)) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    limit = np.iinfo(dtype).max
    found = {}
    for case in ("a", "b"):
        for channel in range(channels):
            found[f"imagesTr/{case}_{channel:04d}"] = random.integers(1, limit, shape).astype(dtype)
        found[f"labelsTr/{case}"] = (random.random(shape[:2]) > 0.5).astype(np.uint8)
    return found


def test_what_comes_in_is_the_pad_value_and_no_shift_touches_it(ct: Path, segconv: Command) -> None:
    words = ["--rotate", "30", "--planes", "axial", "--hu-shift", "40", "--pad-value", "-500"]
    assert segconv("augment", "7", "--to", "107", *words).code == 0
    made = Dataset.open(next(segconv.raw.glob("Dataset107*")))
    for record in made.records():
        if record.parent:
            array = np.asarray(nib.load(made.image_files(record.case)[0]).dataobj)
            assert (array[0, 0] == -500).all(), "a corner of the plane comes from outside"
    done = segconv("augment", "7", "--to", "108", "--rotate", "30", "--planes", "axial", "--pad-value", "0.5")
    assert (done.code, set(done.codes())) == (2, {"SC001"})
    assert "int16" in done.err


def test_a_pad_value_beyond_the_floats_is_refused(straight: Path, segconv: Command) -> None:
    for path in (straight / "imagesTr").iterdir():
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj).astype(np.float32), image.affine), path)
    words = ["augment", "12", "--to", "107", "--rotate", "30", "--planes", "axial", "--pad-value"]
    done = segconv(*words, "1e300")
    assert (done.code, set(done.codes())) == (2, {"SC001"})
    assert "float32" in done.err
    assert not list(segconv.raw.glob(".segconv-107")), "it was found before anything was written"
    assert segconv(*words, "0.5").code == 0
    copy = nib.load(next(segconv.raw.glob("Dataset107*")) / "imagesTr" / "a_axial030_0000.nii.gz")
    assert np.asarray(copy.dataobj)[0, 0, 0] == 0.5


@pytest.mark.parametrize("shift", [40.0, -40.0])
def test_shifting_a_rotated_volume_moves_only_voxels_that_are_not_air_or_padding(shift: float) -> None:
    geometry = Geometry.plain((40, 40, 10))
    body = np.full(geometry.array_shape, -1000, np.int16)
    body[:, 5:35, 5:35] = 50
    turn = plan_turn(geometry, Transform((0.0, 0.0, 30.0)))
    plain = padded(turn, body, air=-1000)
    shifted = padded(turn, body, air=-1000, grey={"hu_shift": shift})
    assert (shifted[plain == -1000] == -1000).all()
    assert (shifted[plain > -900] - plain[plain > -900] == shift).all()
    assert shifted.min() == -1000
    with_zeros = padded(turn, body, air=-1000, grey={"hu_shift": shift}, pad_value=0)
    assert (with_zeros[plain > -900] == shifted[plain > -900]).all()
    assert (with_zeros[:, 0, 0] == 0).all()


def test_a_grown_grid_holds_every_corner_and_image_and_label_share_it(straight: Path, segconv: Command) -> None:
    assert segconv("augment", "12", "--to", "107", "--rotate", "30,90", "--planes", "axial", "--expand").code == 0
    made = Dataset.open(next(segconv.raw.glob("Dataset107*")))
    for record in made.records():
        if not record.parent:
            continue
        image = sitk.ReadImage(str(made.image_files(record.case)[0]))
        label = sitk.ReadImage(str(made.label_file(record.case)))
        before = sitk.ReadImage(str(made.image_files(record.parent)[0]))
        assert image.GetSize() == label.GetSize() == tuple(record.geometry["size"])  # type: ignore[index]
        assert image.GetOrigin() == label.GetOrigin()
        middles = [
            i.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in i.GetSize()]) for i in (image, before)
        ]
        assert np.allclose(*middles, atol=1e-4)
        if "030" in record.case:
            assert all(a >= b for a, b in zip(image.GetSize(), before.GetSize(), strict=True))
        else:
            theirs, ours = (np.sort(sitk.GetArrayFromImage(i), axis=None) for i in (before, image))
            assert np.array_equal(theirs, ours), "a quarter turn only moves voxels"


def test_soft_labels_hold_the_same_classes(ct: Path, segconv: Command) -> None:
    for number, words in ((107, []), (108, ["--label-soft"])):
        assert segconv("augment", "7", "--to", str(number), "--rotate", "17", *words).code == 0
    nearest, soft = (Dataset.open(next(segconv.raw.glob(f"Dataset{n}*"))) for n in (107, 108))
    for case in nearest.cases():
        one, two = (np.asarray(nib.load(made.label_file(case)).dataobj) for made in (nearest, soft))
        assert set(np.unique(two)) <= {0, 1, 2, 3}
        assert (one == two).mean() > 0.9
        images = [made.image_files(case)[0].read_bytes() for made in (nearest, soft)]
        assert images[0] == images[1]


@pytest.mark.parametrize("ending", ["nii", "nrrd", "mha"])
def test_a_dataset_is_written_in_another_format_and_augmented_again(ct: Path, segconv: Command, ending: str) -> None:
    assert (
        segconv("augment", "7", "--to", "107", "--rotate", "30", "--planes", "sagittal", "--format", ending).code == 0
    )
    assert segconv("augment", "7", "--to", "108", "--rotate", "30", "--planes", "sagittal").code == 0
    other, same = (Dataset.open(next(segconv.raw.glob(f"Dataset{n}*"))) for n in (107, 108))
    assert other.description.file_ending == f".{ending}"
    assert other.cases() == same.cases()
    for case in same.cases():
        for one, two in (
            (other.image_files(case)[0], same.image_files(case)[0]),
            (other.label_file(case), same.label_file(case)),
        ):
            first, second = sitk.ReadImage(str(one)), sitk.ReadImage(str(two))
            assert np.array_equal(sitk.GetArrayFromImage(first), sitk.GetArrayFromImage(second))
            assert np.allclose(first.GetOrigin(), second.GetOrigin(), atol=1e-4)
            assert np.allclose(first.GetDirection(), second.GetDirection(), atol=1e-5)
    again = segconv("augment", "107", "--to", "109", "--rotate", "60", "--planes", "coronal")
    assert again.code == 0, again.err
    assert segconv("augment", "7", "--to", "110", "--rotate", "30", "--format", "png").code == 2
    assert segconv("augment", "7", "--to", "110", "--rotate", "30", "--format", "nii", "--link", "hard").code == 2


@pytest.mark.parametrize("how", ["hard", "symlink", "external"])
def test_originals_are_linked_and_not_copied(ct: Path, segconv: Command, how: str) -> None:
    words = ["augment", "7", "--rotate", "30", "--planes", "axial"]
    assert segconv(*words, "--to", "107", "--link", how).code == 0
    made = Dataset.open(next(segconv.raw.glob("Dataset107*")))
    original = Dataset.open(ct)
    assert len(made.cases()) == made.description.num_training == 2 * len(original.cases())
    for case in made.cases():
        files = [*made.image_files(case), made.label_file(case)]
        assert all(path.is_file() for path in files)
        for path in files if case in original.cases() else ():
            mine = ct / path.relative_to(ct if how == "external" else made.path)
            assert os.path.samefile(path, mine)
            assert path.is_symlink() == (how == "symlink")
    if how == "external":
        assert sorted(p.name for p in (made.path / "labelsTr").iterdir()) == [
            f"{case}_axial030.nii.gz" for case in original.cases()
        ]
        assert set(json.loads((made.path / "dataset.json").read_text())["dataset"]) == set(made.cases())
    records = list(made.records())
    splits = json.loads((made.path / "splits_final.json").read_text())
    assert leaks(splits, records) == []


@pytest.mark.parametrize(
    ("channels", "dtype", "shape"),
    [(3, "uint8", (21, 34)), (1, "uint16", (21, 34)), (1, "uint16", (21, 34, 3)), (1, "uint8", (21, 34, 3))],
)
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_pictures_of_every_kind_are_turned(
    segconv: Command, channels: int, dtype: str, shape: tuple[int, ...], ending: str
) -> None:
    names = ["R", "G", "B"] if channels == 3 or len(shape) == 3 else ["gray"]
    folder = by_hand(segconv, ending, names, pictures(channels, dtype, shape))
    done = segconv("augment", "11", "--to", "111", "--rotate", "180,30", "--planes", "axial")
    assert done.code == 0, done.err
    made = next(segconv.raw.glob("Dataset111*"))
    assert len(list((made / "imagesTr").iterdir())) == 2 * 3 * channels
    for path in (folder / "imagesTr").iterdir():
        case, channel = path.stem.rsplit("_", 1)
        before, half, some = (
            io.imread(p)
            for p in (path, *(made / "imagesTr" / f"{case}_axial{a}_{channel}{ending}" for a in ("180", "030")))
        )
        assert half.dtype == some.dtype == before.dtype
        assert np.array_equal(half, before[::-1, ::-1])
        assert some.shape == before.shape
    label = io.imread(made / "labelsTr" / f"a_axial180{ending}")
    assert np.array_equal(label, io.imread(folder / "labelsTr" / f"a{ending}")[::-1, ::-1])


def test_a_picture_of_one_bit_is_as_bright_as_its_copies(segconv: Command) -> None:
    folder = by_hand(segconv, ".png", ["gray"], pictures(1, "uint8"))
    for path in (folder / "imagesTr").iterdir():
        Image.fromarray(io.imread(path) > 99).save(path)
    assert segconv("augment", "11", "--to", "111", "--rotate", "180").code == 0
    made = next(segconv.raw.glob("Dataset111*")) / "imagesTr"
    before, after = (io.imread(made / f"a{end}_0000.png") for end in ("", "_axial180"))
    assert before.dtype == bool
    assert np.array_equal(after, before[::-1, ::-1]), "as nnU-Net reads them"


def test_axes_of_the_image_are_turned_about_and_recorded(ct: Path, segconv: Command) -> None:
    assert segconv("augment", "7", "--to", "107", "--rotate", "30", "--axis", "k").code == 0
    assert segconv("augment", "7", "--to", "108", "--rotate", "30", "--planes", "axial").code == 0
    made = Dataset.open(next(segconv.raw.glob("Dataset107*")))
    copies = [record for record in made.records() if record.parent]
    assert all(r.case.endswith("_k030") and r.transform["angle_deg"] == {"i": 0, "j": 0, "k": 30} for r in copies)  # type: ignore[index]
    assert segconv("augment", "7", "--to", "109", "--rotate", "30", "--axis", "k", "--planes", "axial").code == 2
    assert segconv("augment", "7", "--to", "109", "--rotate", "30", "--planes", "axial,k").code == 2


def test_a_recipe_gives_what_options_gave_and_options_beat_it(ct: Path, segconv: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "run.toml"
    words = ["--rotate-range", "12.5", "--copies", "2", "--hu-shift", "30:50", "--seed", "7", "--expand"]
    assert segconv("augment", "7", "--to", "107_A", *words, "--save-recipe", recipe).code == 0
    assert recipe.read_text().startswith("[augment]\n")
    assert 'hu-shift = "30:50"' in recipe.read_text()
    assert segconv("augment", "7", "--to", "108_A", "--recipe", recipe).code == 0
    one, two = (segconv.raw / f"Dataset{n}_A" for n in (107, 108))
    assert tree_hash(one / "imagesTr") == tree_hash(two / "imagesTr")
    assert segconv("augment", "7", "--to", "109_A", "--recipe", recipe, "--copies", "1").code == 0
    assert len(Dataset.open(segconv.raw / "Dataset109_A").cases()) == 2 * len(Dataset.open(ct).cases())
    other = segconv("augment", "7", "--to", "110_A", "--rotate", "5", "--save-recipe", recipe)
    assert (other.code, other.codes()) == (73, ["SC020"])
    recipe.write_text("[augment]\nrotate = [30, 60]\nplanes = ['sagittal']\n")
    done = segconv("augment", "7", "--to", "110_A", "--recipe", recipe, "--json", "-n")
    assert done.json["copies"] == 8


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[augment", 78),
        ("[convert]\n", 78),
        ("[augment]\nrotat = '30'\n", 78),
        ("[augment]\nrotate = {a = 1}\n", 78),
        (None, 66),
    ],
)
def test_a_recipe_that_is_wrong_is_refused(
    ct: Path, segconv: Command, tmp_path: Path, text: str | None, code: int
) -> None:
    recipe = tmp_path / "run.toml"
    if text is not None:
        recipe.write_text(text)
    done = segconv("augment", "7", "--to", "107", "--recipe", recipe)
    assert done.code == code, done.err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("expand = 0", "expand is 0, expected true or false"),
        ('label-soft = "yes"', "label-soft is 'yes', expected true or false"),
        ("copies = 2.5", "copies is 2.5, expected a whole number"),
        ("copies = true", "copies is true, expected a whole number"),
        ("copies = 0", "copies is 0: "),
        ("seed = 1.0", "seed is 1.0, expected a whole number"),
        ('rotate-range = "15"', "rotate-range is '15', expected a number"),
        (f"rotate-range = 1{400 * '0'}", "expected a smaller number"),
        ("rotate = true", "rotate is true, expected text, a number or a list of them"),
        ("rotate = [true]", "rotate is [True], expected text, a number or a list of them"),
        ("rotate = []", "rotate is [], expected text, a number or a list of them"),
        ("rotate = 1979-05-27", "expected text, a number or a list of them"),
        (f"rotate{5000 * '.a'} = 1", "expected text, a number or a list of them"),
        (f"rotate = {5000 * '['}", "is not TOML"),
        ('link = "soft"', "link is 'soft': "),
        ("format = 3", "format is 3, expected one of nii, "),
    ],
)
def test_a_value_of_another_type_than_its_option_is_refused(
    ct: Path, segconv: Command, tmp_path: Path, line: str, expected: str
) -> None:
    recipe = tmp_path / "run.toml"
    recipe.write_text(f"[augment]\n{line}\n")
    done = segconv("augment", "7", "--to", "107", "--recipe", recipe)
    assert (done.code, done.codes()) == (78, ["SC042"])
    assert f"{recipe}: " in done.err
    assert expected in done.err


def test_a_number_does_for_an_option_that_is_text(ct: Path, segconv: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "run.toml"
    for line, angle in (("rotate = 30", 30), ("rotate = [22.2134567]", 22.2134567), ("rotate = -5e-1", -0.5)):
        recipe.write_text(f"[augment]\n{line}\nplanes = 'axial'\n")
        done = segconv("augment", "7", "--to", "107_A", "--recipe", recipe, "--overwrite")
        assert done.code == 0, done.err
        records = Dataset.open(segconv.raw / "Dataset107_A").records()
        assert {r.transform["angle_deg"]["axial"] for r in records if r.transform} == {angle}


@pytest.mark.parametrize(
    ("recipe", "given", "made"),
    [
        ("rotate = 30\naxis = 'k'", ["--planes", "axial"], "axial030"),
        ("rotate = 30\nplanes = 'axial'", ["--axis", "k"], "k030"),
        ("rotate = 30\nplanes = 'axial'", ["--rotate-range", "5"], "aug01"),
        ("rotate-range = 5\nplanes = 'axial'", ["--rotate", "60"], "axial060"),
    ],
)
def test_an_option_beats_what_it_excludes_in_a_recipe(
    ct: Path, segconv: Command, tmp_path: Path, recipe: str, given: list[str], made: str
) -> None:
    path, kept = tmp_path / "run.toml", tmp_path / "kept.toml"
    path.write_text(f"[augment]\n{recipe}\n")
    done = segconv("augment", "7", "--to", "107_A", "--recipe", path, *given, "--save-recipe", kept)
    assert done.code == 0, done.err
    copies = [case for case in Dataset.open(segconv.raw / "Dataset107_A").cases() if case.count("_") > 1]
    assert {case.split("_", 2)[2] for case in copies} == {made}
    assert segconv("augment", "7", "--to", "108_A", "--recipe", kept).code == 0
    one, two = (segconv.raw / f"Dataset{n}_A" for n in (107, 108))
    assert tree_hash(one / "imagesTr") == tree_hash(two / "imagesTr")


def test_options_that_exclude_each_other_are_refused_within_a_recipe(
    ct: Path, segconv: Command, tmp_path: Path
) -> None:
    recipe = tmp_path / "run.toml"
    for lines in ("rotate = 30\nrotate-range = 5", "rotate = 30\nplanes = 'axial'\naxis = 'k'"):
        recipe.write_text(f"[augment]\n{lines}\n")
        assert segconv("augment", "7", "--to", "107", "--recipe", recipe).codes() == ["SC001"]


def test_what_a_recipe_switches_on_an_option_switches_off(ct: Path, segconv: Command, tmp_path: Path) -> None:
    recipe = tmp_path / "run.toml"
    recipe.write_text("[augment]\nrotate = 30\nplanes = 'axial'\nexpand = true\nlabel-soft = true\n")
    off = ["--no-expand", "--no-label-soft"]
    assert segconv("augment", "7", "--to", "107_A", "--recipe", recipe, *off).code == 0
    options = (Dataset.open(segconv.raw / "Dataset107_A").run or {})["options"]
    assert (options["expand"], options["label_soft"]) == (False, False)


def test_verbose_output_says_which_way_rotations_go(straight: Path, segconv: Command) -> None:
    done = segconv("augment", "12", "--to", "107", "--rotate", "30,180", "--planes", "sagittal", "-n", "-v")
    assert "2 copies: voxels moved" in done.err
    assert ("2 copies: kernel along rows" if compiled.available() else "2 copies: SimpleITK") in done.err


def test_without_numba_everything_works(straight: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["augment", "12", "--rotate", "30", "--planes", "sagittal,coronal,axial"]
    assert segconv(*words, "--to", "107_A").code == 0
    monkeypatch.setattr(compiled, "available", lambda: False)
    assert segconv(*words, "--to", "108_A", "-j", "1").code == 0
    one, two = (Dataset.open(segconv.raw / f"Dataset{n}_A") for n in (107, 108))
    for case in one.cases():
        a, b = (np.asarray(nib.load(made.image_files(case)[0]).dataobj).astype(int) for made in (one, two))
        assert (a == b).mean() > 0.999
        la, lb = (np.asarray(nib.load(made.label_file(case)).dataobj) for made in (one, two))
        assert (la == lb).mean() > 0.999


def test_a_numba_that_cannot_be_loaded_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numba.py").write_text('raise ImportError("Numba needs NumPy 2.3 or less")')
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    assert not compiled.available.__wrapped__()
    monkeypatch.setattr(compiled, "available", compiled.available.__wrapped__)
    assert plan_turn(Geometry.plain((4, 5, 6)), Transform((0.0, 0.0, 30.0))).way == SIMPLEITK


USE = """
import resource, sys
import numpy as np
from segconv.augment.rotation import ROWS, plan_turn, turned
from segconv.augment.spec import Transform
from segconv.image.geometry import Geometry

if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
turn = plan_turn(Geometry.plain((9, 8, 7)), Transform((0.0, 0.0, 30.0)))
assert turn.way == ROWS
turned(turn, np.zeros((7, 8, 9), np.int16), sys.argv[2], 0)
"""


@pytest.mark.skipif(not compiled.available(), reason="Numba is not installed")
def test_kernels_do_without_a_cache_that_is_damaged_or_cannot_grow(tmp_path: Path) -> None:
    def use(how: str) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
        environment["XDG_CACHE_HOME"] = str(tmp_path)
        subprocess.run([sys.executable, "-c", USE, how, "nearest"], env=environment, check=True)

    use("full")
    use("free")
    kept = [path for path in tmp_path.rglob("*.nb?") if path.stat().st_size]
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    for suffix in (".nbc", ".nbi"):
        for path in kept:
            if path.suffix == suffix:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        use("free")


def test_a_place_for_compiled_code_is_found_where_the_home_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = compiled.cache_folder.__wrapped__
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert find() == tmp_path / "cache" / "segconv" / f"numba-{compiled.VERSION}"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert find() in (Path(compiled.__file__).parent / "__pycache__", None)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert find() == tmp_path / "mine"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert find() == tmp_path / "cache" / "segconv" / f"numba-{compiled.VERSION}", "a choice that cannot be used"
