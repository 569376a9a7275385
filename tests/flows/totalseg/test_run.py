"""``segconv totalseg run`` with a stand-in for TotalSegmentator's process: what is segmented, refused and resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.dataset import FileDataset

from segconv.image import opened
from segconv.image.geometry import Geometry, Volume

from ...command import Command, Done, tree_hash
from ...image.formats.test_dicom import write_series
from ...train.totalsegmentator.stand_in import LIVER, StandIn

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

GRID = Geometry((5, 6, 7), (1.0, 1.5, 2.0), (10.0, -20.0, 30.0), (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
LIMIT_S = 60.0


def image(seed: int = 0, grid: Geometry = GRID) -> Volume:
    array = np.random.default_rng(seed).integers(-100, 100, grid.array_shape).astype(np.int16)
    return Volume(array, grid)


def write(path: Path, volume: Volume) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(opened.encode(volume.array, volume.geometry, opened.ending_of(path.name) or "")))
    return path


def read(path: Path) -> Volume:
    return opened.read_label(opened.read_bytes(str(path)), path.name)


def is_of(label: Path, volume: Volume) -> bool:
    """Whether a label map is the stand-in's result of an image, on its grid."""
    found = read(label)
    grid = found.geometry.displacement_voxels(volume.geometry) < 1e-4
    return grid and np.array_equal(found.array, np.where(volume.array > 0, LIVER, 0))


class World:
    """Three images, and a command that segments them."""

    def __init__(self, folder: Path, segconv: Command, stand_in: StandIn) -> None:
        self.scans, self.output, self.stand_in = folder / "scans", folder / "out", stand_in
        self.segconv = segconv
        self.images = {"a": image(1), "b c.v2": image(2), "d": image(3)}
        for name, ending in (("a", ".nii.gz"), ("b c.v2", ".nrrd"), ("d", ".nii")):
            write(self.scans / f"{name}{ending}", self.images[name])

    def words(self, *more: object) -> list[object]:
        words = ["totalseg", "run", self.scans, "-o", self.output, "--fast", "--device", "cpu"]
        return [*words, *(more if "--task" in more or "--modality" in more else ("--task", "total", *more))]

    def run(self, *more: object) -> Done:
        return self.segconv(*self.words(*more))

    def start(self, *more: object, **variables: str) -> subprocess.Popen[bytes]:
        code = (
            "import sys; from segconv.train.totalsegmentator import working; from segconv.cli.main import main; "
            "from tests.train.totalsegmentator.stand_in import PROGRAM; working._PROGRAM = PROGRAM; main(sys.argv[1:])"
        )
        words = [sys.executable, "-c", code, *map(str, self.words(*more))]
        root = Path(__file__).parents[3]
        env = {**os.environ, **self.stand_in.variables, **variables}
        return subprocess.Popen(words, cwd=root, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def hidden(self) -> list[str]:
        return sorted(path.name for path in self.output.parent.glob(".segconv*"))

    def results(self) -> list[str]:
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*.nii.gz"))


@pytest.fixture
def world(tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    stand_in = StandIn(tmp_path / "stand-in")
    stand_in.install(monkeypatch)
    return World(tmp_path, segconv, stand_in)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


ALL = ["a.nii.gz", "b c.v2.nii.gz", "d.nii.gz"]


def test_each_image_of_any_format_gets_a_label_map_on_its_grid(world: World) -> None:
    before = dict(os.environ), tree_hash(world.scans)
    done = world.run("--json")
    assert done.code == 0, done.err
    assert world.results() == ALL
    assert all(is_of(world.output / f"{name}.nii.gz", volume) for name, volume in world.images.items())
    assert done.json["files"] == {"a": ["a.nii.gz"], "b_c.v2_" + done_hash(done): ["b c.v2.nii.gz"], "d": ["d.nii.gz"]}
    assert world.hidden() == []
    assert (dict(os.environ), tree_hash(world.scans)) == before
    assert len({process for what, process in world.stand_in.said() if what == "start"}) == 1
    with (world.output / "pairs.csv").open(newline="", encoding="utf-8") as pairs:
        rows = list(csv.DictReader(pairs))
    assert [row["label"] for row in rows] == ["a.nii.gz", "b c.v2.nii.gz", "d.nii.gz"]
    assert all((world.output / row["image"]).resolve().is_relative_to(world.scans) for row in rows)
    run = json.loads((world.output / "segconv" / "run.json").read_bytes())
    assert run["options"]["request"]["request"]["task"] == "total"
    assert run["options"]["made_by"][0]["resampling_order"] == 1
    assert run["options"]["resampled_to_mm"] == 3.0


def done_hash(done: Done) -> str:
    (name,) = (case for case in done.json["files"] if case.startswith("b_c"))
    return str(name.rpartition("_")[2])


def test_masks_are_a_folder_for_each_case(world: World) -> None:
    done = world.run("--masks", "-j", 2)
    assert done.code == 0, done.err
    assert len(world.results()) == 3 * 117
    assert f"Next: segconv convert {world.output} --from masks --images FOLDER" in done.err
    mask = read(world.output / "b c.v2" / "liver.nii.gz")
    assert np.array_equal(mask.array, world.images["b c.v2"].array > 0)
    assert not read(world.output / "a" / "spleen.nii.gz").array.any()


def test_a_failing_case_stops_no_other_and_is_segmented_by_the_next_run(world: World) -> None:
    whole = (world.scans / "a.nii.gz").read_bytes()
    (world.scans / "a.nii.gz").write_bytes(whole[:-40])
    world.stand_in.direct("d", "fail")
    done = world.run("-j", 2)
    assert (done.code, sorted(done.codes())) == (1, ["SC050", "SC197"])
    assert "d.nii: TotalSegmentator failed: ValueError: odd" in done.err
    assert f"{world.output}/segconv/totalsegmentator.log says more" in done.err
    assert (world.output / "segconv" / "totalsegmentator.log").is_file()
    assert world.results() == ["b c.v2.nii.gz"]
    made = (world.output / "b c.v2.nii.gz").read_bytes()
    done = world.run("-j", 2)  # nothing was corrected
    assert (done.code, sorted(done.codes()), world.results()) == (1, ["SC050", "SC197"], ["b c.v2.nii.gz"])
    (world.scans / "a.nii.gz").write_bytes(whole)
    world.stand_in.direct("d", None)
    before = len(world.stand_in.said())
    done = world.run()
    assert done.code == 0, done.err
    assert world.results() == ALL
    assert [case for case, _ in world.stand_in.said()[before:] if case != "start"] == ["a", "d"]
    assert (world.output / "b c.v2.nii.gz").read_bytes() == made
    before = len(world.stand_in.said())
    kept = tree_hash(world.output)
    done = world.run()
    assert (done.code, tree_hash(world.output), len(world.stand_in.said())) == (0, kept, before)
    assert "3 kept" in done.err


@pytest.mark.parametrize("name", ["out.nii.gz", "out.MHA"])
def test_an_output_that_is_called_like_a_file_is_refused(world: World, name: str) -> None:
    world.output = world.output.with_name(name)
    done = world.run()
    assert (done.code, done.codes(), world.stand_in.said()) == (2, ["SC001"], [])
    assert "name a folder to make" in done.err


def test_two_files_of_one_name_are_an_error_of_both(world: World) -> None:
    write(world.scans / "a.mha", image(4))
    done = world.run()
    assert (done.code, done.codes()) == (1, ["SC085"])
    assert world.results() == ["b c.v2.nii.gz", "d.nii.gz"]


def test_a_repair_that_a_refused_image_needs_keeps_the_results_of_others(world: World) -> None:
    holes = world.images["d"].array.astype(np.float32)
    holes[0, 0, 0] = np.nan
    write(world.scans / "d.nii", Volume(holes, GRID))
    done = world.run()
    assert (done.code, done.codes()) == (1, ["SC055"])
    before = len(world.stand_in.said())
    done = world.run("--repair", "orientation", "--nonfinite", "-1000")
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert world.run("--repair", "orthonormal", "--nonfinite", "-1000").code == 0
    assert [case for case, _ in world.stand_in.said()[before:] if case != "start"] == ["d"]
    assert world.results() == ALL
    done = world.run("--repair", "orthonormal", "--nonfinite", "0")
    assert (done.code, done.codes()) == (73, ["SC020"])


def test_a_ct_that_does_not_hold_hu_is_a_warning(world: World) -> None:
    windowed = np.random.default_rng(0).integers(0, 256, GRID.array_shape).astype(np.int16)
    write(world.scans / "d.nii", Volume(windowed, GRID))
    done = world.run()
    assert (done.code, world.results()) == (0, ALL)
    assert "Warning SC091: d.nii: does not hold HU" in done.err


def test_a_changed_image_is_segmented_again(world: World) -> None:
    world.run()
    write(world.scans / "d.nii", image(9))
    before = len(world.stand_in.said())
    assert world.run().code == 0
    assert [case for case, _ in world.stand_in.said()[before:] if case != "start"] == ["d"]
    assert is_of(world.output / "d.nii.gz", image(9))


def test_a_list_of_pairs_that_was_removed_comes_back_without_segmenting(world: World) -> None:
    world.run()
    pairs, before, said = world.output / "pairs.csv", tree_hash(world.output), len(world.stand_in.said())
    pairs.unlink()
    done = world.run()
    assert (done.code, tree_hash(world.output), len(world.stand_in.said())) == (0, before, said)


def test_a_link_that_leaves_has_no_advice_that_this_command_cannot_take(world: World, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.nii").write_bytes((world.scans / "d.nii").read_bytes())
    (world.scans / "d.nii").unlink()
    (world.scans / "d.nii").symlink_to(tmp_path / "elsewhere.nii")
    done = world.run()
    assert done.codes() == ["SC060"]
    assert "Hint: copy the file into the source\n" in done.err


def test_results_of_other_options_or_of_images_that_are_gone_are_not_replaced(world: World) -> None:
    world.run()
    before = tree_hash(world.output)
    done = world.run("--masks")
    assert (done.code, done.codes()) == (73, ["SC020"])
    (world.scans / "d.nii").unlink()
    done = world.run()
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert "results of d, which" in done.err
    assert tree_hash(world.output) == before
    (world.output / "mine.txt").write_text("mine", encoding="utf-8")
    done = world.run("--overwrite")
    assert (done.code, done.codes()) == (73, ["SC020"])
    (world.output / "mine.txt").unlink()
    assert world.run("--overwrite", "--masks").code == 0
    assert (world.output / "a" / "liver.nii.gz").is_file()


def test_a_corrected_label_is_not_lost(world: World) -> None:
    world.stand_in.direct("d", "fail")
    world.run()
    corrected = write(world.output / "a.nii.gz", Volume(np.ones(GRID.array_shape, np.uint8), GRID)).read_bytes()
    world.stand_in.direct("d", None)
    done = world.run()
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert "a.nii.gz, which changed since segconv wrote it" in done.err
    assert (world.output / "a.nii.gz").read_bytes() == corrected


def test_a_process_that_is_killed_fails_one_case_only(world: World) -> None:
    world.stand_in.direct("a", "die")
    done = world.run()
    assert (done.code, done.codes()) == (1, ["SC196"])
    assert world.results() == ["b c.v2.nii.gz", "d.nii.gz"]
    assert world.hidden() == []
    assert len({process for what, process in world.stand_in.said() if what == "start"}) == 2
    world.stand_in.direct("a", None)
    assert world.run().code == 0
    assert world.results() == ALL


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_goes_on_and_a_second_one_waits(world: World, number: int) -> None:
    world.stand_in.direct("d", "hold")
    process = world.start()
    wait_until(lambda: "d" in world.stand_in.cases() or process.poll() is not None)
    second = world.run()
    assert (second.code, second.codes()) == (75, ["SC035"])
    process.send_signal(number)
    assert process.wait(LIMIT_S) in (130, -signal.SIGKILL)
    assert not world.output.exists()
    world.stand_in.direct("d", None)
    before = len(world.stand_in.said())
    wait_until(lambda: (world.run().code) != 75)  # the last process of a killed run may take a moment
    assert world.results() == ALL
    assert [case for case, _ in world.stand_in.said()[before:] if case != "start"] == ["d"]
    assert world.hidden() == []


@pytest.mark.parametrize(
    ("fault", "ends"), [("kill@30", -signal.SIGKILL), ("kill@58", -signal.SIGKILL), ("ENOSPC@46", 74)]
)
def test_a_run_that_ends_at_any_change_of_the_disk_goes_on(world: World, fault: str, ends: int) -> None:
    assert world.start(SEGCONV_FAULT=fault).wait(LIMIT_S) == ends
    assert not world.output.exists()
    wait_until(lambda: world.run().code != 75)
    assert all(is_of(world.output / f"{name}.nii.gz", volume) for name, volume in world.images.items())
    assert len(world.stand_in.cases()) <= 4  # only what was at work is segmented twice
    assert world.hidden() == []


def test_what_was_begun_with_other_options_is_not_resumed_but_can_be_aborted(world: World) -> None:
    world.stand_in.direct("d", "hold")
    process = world.start()
    wait_until(lambda: "d" in world.stand_in.cases() or process.poll() is not None)
    process.kill()
    process.wait(LIMIT_S)
    world.stand_in.direct("d", None)

    def ended() -> bool:
        found.append(world.run("--masks"))
        return found[-1].code != 75

    found: list[Done] = []
    wait_until(ended)
    assert (found[-1].code, found[-1].codes()) == (73, ["SC021"])
    assert world.segconv("abort", world.output).code == 0
    assert world.hidden() == []


def test_a_process_that_does_not_start_is_one_error(world: World) -> None:
    world.stand_in.direct("start", "die")
    done = world.run()
    assert (done.code, done.codes()) == (78, ["SC195"])
    assert "RuntimeError: no such driver" in done.err
    assert not world.output.exists()
    assert world.hidden() == []


def test_a_model_that_holds_code_is_one_error(world: World) -> None:
    world.stand_in.direct("start", "unsafe")
    done = world.run()
    assert (done.code, done.codes()) == (65, ["SC064"])
    assert "--trust-model" in done.err
    assert world.hidden() == []


def test_missing_weights_are_refused_before_anything_is_written(world: World) -> None:
    (next(world.stand_in.weights.rglob("checkpoint_final.pth"))).unlink()
    done = world.run()
    assert (done.code, done.codes()) == (78, ["SC192"])
    assert world.stand_in.said() == []
    assert (world.output.exists(), world.hidden()) == (False, [])


def test_ct_or_mr_is_what_the_user_or_the_files_say(world: World) -> None:
    done = world.segconv("totalseg", "run", world.scans, "-o", world.output, "--fast")
    assert (done.code, done.codes()) == (65, ["SC199"])
    done = world.run("--task", "total", "--modality", "mr")
    assert (done.code, done.codes()) == (2, ["SC001"])
    done = world.run("--modality", "ct", "-n")
    assert done.code == 0, done.err
    for name, modality, series in (("x", "CT", "1"), ("y", "MR", "2")):
        (world.scans / name).mkdir(parents=True)
        array = np.random.default_rng(1).integers(-50, 50, (5, 6, 7)).astype(np.int16)

        def stated(_: int, file: FileDataset, modality: str = modality) -> None:
            file.Modality = modality

        write_series(world.scans / name, array, series=series, edit=stated)
    for path in list(world.scans.glob("*.n*")):
        path.unlink()
    done = world.segconv("totalseg", "run", world.scans, "-o", world.output, "--fast")
    assert (done.code, done.codes()) == (65, ["SC199"])
    assert "CT and MR" in done.err
    done = world.run()
    assert (done.code, done.codes()) == (1, ["SC199"])
    assert "y: states that it is MR; the task total is for CT" in done.err
    assert world.results() == ["x.nii.gz"]
    assert (world.output / "pairs.csv").read_text(encoding="utf-8").splitlines()[1] == "../scans/x,x.nii.gz,x"
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(world.scans / "x")))
    volume = reader.Execute()
    label = sitk.ReadImage(str(world.output / "x.nii.gz"))
    assert np.allclose(label.GetOrigin(), volume.GetOrigin())
    assert np.array_equal(sitk.GetArrayFromImage(label) > 0, sitk.GetArrayFromImage(volume) > 0)


def test_mr_and_a_subset_have_tasks_and_names_of_their_own(world: World) -> None:
    world.stand_in.make_models("total_mr", "fast", subset=True)
    done = world.run("--modality", "mr", "--roi-subset", "liver,spleen")
    assert done.code == 0, done.err
    assert "task total_mr: the images count as MR, as you say" in done.err
    label = world.output / "a.nii.gz"
    assert opened.decode(label.read_bytes(), label.name).label_names == {1: "spleen", 5: "liver"}
    assert "--channels MR" in done.err


def test_a_task_with_a_licence_and_wrong_names_are_refused(world: World) -> None:
    words = ["totalseg", "run", world.scans, "-o", world.output, "--task", "tissue_types", "-n"]
    done = world.segconv(*words)
    assert (done.code, done.codes()) == (78, ["SC200"])
    world.stand_in.make_models("tissue_types")
    (world.stand_in.folder / "home").mkdir()
    (world.stand_in.folder / "home" / "config.json").write_text('{"license_number": "aca_1"}', encoding="utf-8")
    done = world.segconv(*words)
    assert done.code == 0, done.err
    assert "its licence number is set" in done.err
    done = world.run("--roi-subset", "livr")
    assert (done.code, done.codes()) == (2, ["SC191"])
    assert "liver" in done.err
    done = world.run("--task", "totl")
    assert (done.code, done.codes()) == (2, ["SC191"])
