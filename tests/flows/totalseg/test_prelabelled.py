"""``segconv totalseg run --to``: from a folder of images to a dataset with pre-labels, resumed at every point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segconv.convert import conversion
from segconv.dataset.lineage import read_records, read_run
from segconv.train.totalsegmentator import registry

from ...command import Done
from ...convert.oracles import description, voxels
from ...image.formats.test_dicom import write_series
from ...train.totalsegmentator.stand_in import LIVER
from .test_run import ALL, World, read
from .test_run import world as world

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

TO = ("--to", "42_Organs")


def made(world: World) -> Path:
    return world.segconv.raw / "Dataset042_Organs"


def segmented_after(world: World, before: int) -> list[str]:
    return [case for case, _ in world.stand_in.said()[before:] if case != "start"]


def assert_dataset(world: World, done: Done) -> None:
    assert done.code == 0, done.err
    assert description(made(world))["labels"] == {"background": 0, "liver": 1}
    assert description(made(world))["channel_names"] == {"0": "CT"}
    records = {record.original_name: record for record in read_records(made(world))}
    assert set(records) == set(world.images)
    for name, volume in world.images.items():
        label = voxels(made(world) / f"labelsTr/{records[name].case}.nii.gz")
        assert np.array_equal(label, volume.array > 0)
        assert records[name].label_map == {"0": 0, str(LIVER): 1}


def test_one_command_makes_label_maps_and_a_dataset_with_the_registrys_names(world: World, tmp_path: Path) -> None:
    done = world.run(*TO)
    assert_dataset(world, done)
    assert world.results() == ALL
    assert "3 cases segmented, 0 failed" in done.err
    assert f"task total of TotalSegmentator {registry.version()} names the values" in done.err
    assert "Next: segconv plan 42" in done.err
    assert world.hidden() == []
    assert world.segconv("check", "42").code == 0
    back = world.segconv("restore", made(world) / "labelsTr", "--like", "42", "-o", tmp_path / "back")
    assert back.code == 0, back.err
    restored = read(tmp_path / "back" / "b c.v2.nii.gz")
    assert np.array_equal(restored.array, read(world.output / "b c.v2.nii.gz").array)


def test_a_source_that_is_a_series_itself_becomes_a_dataset(world: World) -> None:
    world.scans = world.scans.with_name("series")
    world.scans.mkdir()
    array = np.random.default_rng(1).integers(900, 1100, (5, 6, 7)).astype(np.int16)
    write_series(world.scans, array)
    done = world.run(*TO)
    assert done.code == 0, done.err
    (record,) = read_records(made(world))
    assert record.original_name == "series"
    assert np.array_equal(voxels(made(world) / f"labelsTr/{record.case}.nii.gz"), array > 1024)  # HU, from -1024
    done = world.run()
    assert f"Next: segconv convert {world.scans} --to 42_Name --pairs" in done.err


def test_the_datasets_lineage_says_what_made_its_labels(world: World) -> None:
    assert world.run(*TO, "--json").json["segmentation"]["segmented"] == 3
    run = read_run(made(world))
    assert run is not None
    assert run.said["options"]["numbering"] == f"task total of TotalSegmentator {registry.version()}"
    prelabels = run.said["extra"]["prelabels"]
    assert prelabels["request"]["request"]["task"] == "total"
    assert (prelabels["made_by"][0]["resampling_order"], prelabels["resampled_to_mm"]) == (1, 3.0)
    assert len(prelabels["models"]) == 1
    later = ("convert", world.scans, "--to", "43_Later", "--pairs", world.output / "pairs.csv", "--channels", "CT")
    assert world.segconv(*later).code == 0
    run = read_run(world.segconv.raw / "Dataset043_Later")
    assert run is not None
    assert run.said["extra"]["prelabels"] == prelabels


def test_an_interrupted_conversion_goes_on_without_segmenting_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(conversion, "_finish", interrupted)
        assert world.run(*TO).code == 130
    assert (world.results(), made(world).exists()) == (ALL, False)
    before = len(world.stand_in.said())
    done = world.run(*TO)
    assert_dataset(world, done)
    assert "0 cases segmented, 3 kept from an earlier run" in done.err
    assert "with 3 cases, 3 of them by an earlier run" in done.err
    assert segmented_after(world, before) == []


def test_a_failed_case_leaves_the_dataset_to_the_next_run(world: World) -> None:
    world.stand_in.direct("d", "fail")
    done = world.run(*TO)
    assert (done.code, done.codes()) == (1, ["SC197"])
    assert (world.results(), made(world).exists()) == (ALL[:2], False)
    assert "the same command segments what failed" in done.err
    assert f"a dataset without it: segconv convert {world.scans} --to 42_Name --pairs" in done.err
    world.stand_in.direct("d", None)
    before = len(world.stand_in.said())
    assert_dataset(world, world.run(*TO))
    assert segmented_after(world, before) == ["d"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--to", "42_Organs", "--keep", "livr"), "SC001", "similar: liver"),
        (("--to", "42_Organs", "--masks"), "SC001", "leave out --masks"),
        (("--to", "nothing"), "SC002", ""),
        (("--keep", "liver"), "SC001", "there is no --to"),
    ],
)
def test_what_could_not_be_made_is_refused_before_anything_is_segmented(
    words: tuple[str, ...], code: str, says: str, world: World
) -> None:
    done = world.run(*words)
    assert done.codes() == [code]
    assert says in done.err
    assert world.stand_in.said() == []


def test_a_taken_id_is_refused_before_anything_is_segmented(world: World) -> None:
    (world.segconv.raw / "Dataset042_Other").mkdir(parents=True)
    done = world.run(*TO)
    assert (done.code, done.codes(), world.stand_in.said()) == (73, ["SC020"], [])


def test_a_finished_dataset_is_answered_with_a_free_id_and_not_with_segmenting_again(world: World) -> None:
    assert world.run(*TO).code == 0
    done = world.run(*TO)
    assert (done.code, done.codes()) == (73, ["SC020"])
    (hint,) = (line for line in done.err.splitlines() if line.startswith("Hint: "))
    assert hint.startswith("Hint: --to ")
    assert "--overwrite" not in hint
    assert "--force" not in hint


def test_a_dataset_in_the_source_is_refused_before_anything_is_segmented(world: World) -> None:
    (world.scans / "raw").mkdir()
    done = world.run(*TO, "--raw", world.scans / "raw")
    assert (done.code, done.codes(), world.stand_in.said()) == (73, ["SC020"], [])


def test_only_the_kept_classes_become_labels(world: World) -> None:
    done = world.run(*TO, "--keep", "spleen,liv*")
    assert done.code == 0, done.err
    assert description(made(world))["labels"] == {"background": 0, "liver": 1}
    assert "SC076: no file has spleen, which is to be kept" in done.err
