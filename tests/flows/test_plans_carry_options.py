"""Plans carry their options: what was planned runs, and whatever decides bytes decides the fingerprint."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.augment.augmentation import Augmentation
from segconv.augment.planning import plan_augmentation
from segconv.augment.runner import run_augmentation
from segconv.augment.spec import AugmentSpec
from segconv.convert import conversion as room
from segconv.convert.back.raw_predictions import run_raw_predictions
from segconv.convert.back.restore import plan_restore, plan_restore_of, run_restore
from segconv.convert.conversion import Conversion, plan_conversion, run_conversion
from segconv.convert.inputs import plan_inputs, run_inputs
from segconv.convert.model import ConvertOptions, Scan
from segconv.convert.sources.registry import scan_source
from segconv.convert.survey import Survey
from segconv.dataset.layout import Dataset
from segconv.dataset.names import DatasetName
from segconv.dataset.numbering import Numbering
from segconv.work.plan import Target
from segconv.work.run_options import RunOptions

from ..command import Command, tree_hash

SILENT = {"verify_source": False, "max_volume": 1 << 20}
"""Options of `ConvertOptions` that decide no byte: what they refuse is not made at all."""

OTHER: dict[str, list[Any]] = {
    "labels": [
        {"background": 0, "a": 128, "b": 255},
        {"background": 0, "b": 255, "a": 128},
        {"background": "#000000", "a": "#808080", "b": "#ffffff"},
    ],
    "numbering": [Numbering("a tool", {"a": 1}), Numbering("a tool 2", {"a": 2})],
    "keep": [("*",), ("*", "*8")],
    "value_map": [{"255": "a"}, {"128": "a"}],
    "snap": [1, 2],
    "accept_labels": [True],
    "ignore": ["unlabelled", "a"],
    "priority": [("a", "b"), ("b", "a")],
    "max_heads": [3],
    "channels": [("R", "G", "B"), ("B", "G", "R")],
    "images": [("*.png",)],
    "masks": ["*_m.png"],
    "image": [("ct",)],
    "pairs": [Path("a.csv"), Path("b.csv")],
    "case_names": ["path"],
    "cases": ["a", "a,b"],
    "without": [("a",), ("a", "b")],
    "patient_pattern": ["^."],
    "patients": [Path("a.csv")],
    "unlabelled": ["skip", "test"],
    "missing_masks": ["empty"],
    "mask_channels": [("a", "b"), ("b", "a")],
    "unite_masks": [True],
    "grey_to_rgb": [True],
    "drop_alpha": [True],
    "listed_only": [True],
    "label_header": ["image"],
    "repair": [("cast",), ("orthonormal", "cast")],
    "nonfinite": [0.0, -1000.0],
    "frames": [True],
    "slice_order": ["name", "reverse"],
    "spacing_mm": [(1.0, 1.0, 2.0), (2.0, 1.0, 1.0)],
    "link": ["hard", "symlink", "external"],
    "allow_external": [True],
    "strip_headers": [True],
    "file_ending": [".png", ".tif"],
}
"""Option → values that differ from its default."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return png_shapes(tmp_path_factory.mktemp("pictures"), cases=2, tests=0, size=(12, 10))


@pytest.fixture(scope="module")
def scanned(pictures: Path) -> Scan:
    return scan_source("png", Survey(pictures, ConvertOptions(accept_labels=True)))


def planned(scan: Scan, options: ConvertOptions) -> Conversion:
    """A conversion that finds the same in its source whatever the options are: only they can tell it from others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "scan_source", lambda kind, survey: scan)
        return plan_conversion(scan.root, "5_A", raw=scan.root.parent, kind="png", options=options)


def test_every_option_is_known_to_this_test() -> None:
    assert {field.name for field in dataclasses.fields(ConvertOptions)} == {*OTHER, *SILENT}


@pytest.mark.parametrize("name", OTHER)
def test_an_option_that_decides_bytes_decides_the_fingerprint(scanned: Scan, name: str) -> None:
    said = [ConvertOptions(), *(ConvertOptions(**{name: value}) for value in OTHER[name])]
    plans = [planned(scanned, options).plan for options in said]
    assert len({plan.fingerprint for plan in plans}) == len(plans)


def test_an_option_that_decides_no_byte_lets_a_run_be_continued(scanned: Scan) -> None:
    usual = planned(scanned, ConvertOptions()).plan.fingerprint
    for name, value in SILENT.items():
        assert planned(scanned, ConvertOptions(**{name: value})).plan.fingerprint == usual


some_options = st.lists(st.sampled_from(sorted(OTHER)), max_size=5, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(OTHER[name]) for name in names})
)


@given(one=some_options, other=some_options)
def test_fingerprints_are_equal_only_for_equal_options(
    scanned: Scan, one: dict[str, Any], other: dict[str, Any]
) -> None:
    for said in (one, other):
        if "strip_headers" in said:
            said.pop("link", None)  # they exclude each other
        if "label_header" in said:
            said.pop("repair", None)
    said = [json.dumps(dataclasses.asdict(ConvertOptions(**options)), default=str) for options in (one, other)]
    plans = [planned(scanned, ConvertOptions(**options)).plan for options in (one, other)]
    assert (plans[0].fingerprint == plans[1].fingerprint) == (said[0] == said[1])


def test_options_are_those_that_were_planned_with_whatever_the_caller_changes(pictures: Path, tmp_path: Path) -> None:
    labels: dict[str, int | str] = {"background": 0, "disc": 128, "ring": 255}
    channels = ["R", "G", "B"]
    made = {}
    for target in ("5_A", "6_A"):
        (tmp_path / target).mkdir()
        options = ConvertOptions(labels=labels, channels=channels, link="hard")  # type: ignore[arg-type]
        conversion = plan_conversion(pictures, target, raw=tmp_path / target, options=options)
        if target == "6_A":
            labels.clear()
            channels.clear()
        assert conversion.options == ConvertOptions(**vars(options))
        made[target] = run_conversion(conversion).target
    assert tree_hash(made["5_A"]) == tree_hash(made["6_A"])


def test_planned_links_are_made_and_options_are_given_only_once(pictures: Path, tmp_path: Path) -> None:
    options = ConvertOptions(link="external", labels={"background": 0, "disc": 128, "ring": 255})
    conversion = plan_conversion(pictures, "5_A", raw=tmp_path, options=options)
    with pytest.raises(TypeError):
        run_conversion(conversion, RunOptions(), ConvertOptions())  # type: ignore[call-arg]
    made = run_conversion(conversion).target
    named = json.loads((made / "dataset.json").read_text())["dataset"]
    assert named
    for files in named.values():
        assert all(Path(path).is_file() for path in (*files["images"], files["label"]))


@pytest.mark.parametrize("run", [run_conversion, run_augmentation, run_restore, run_raw_predictions, run_inputs])
def test_what_runs_a_plan_takes_the_plan_and_how(run: Any) -> None:
    plan, how = inspect.signature(run).parameters.values()
    assert plan.kind is how.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert how.annotation == "RunOptions"


def test_a_run_with_labels_in_another_order_does_not_continue_the_first(tmp_path: Path, segconv: Command) -> None:
    root = png_shapes(tmp_path, cases=2, tests=0, size=(12, 10))
    colours = ["disc=#808080", "ring=#ffffff"]
    words = ["convert", root, "--to", "7_A", "--labels"]
    picture = next(root.rglob("input/*.png"))
    whole = picture.read_bytes()
    picture.write_bytes(whole[:-20])
    assert segconv(*words, ",".join(["background=#000000", *colours])).code == 65
    picture.write_bytes(whole)
    assert segconv(*words, ",".join(["background=#000000", *colours[::-1]])).codes() == ["SC021"]
    assert segconv(*words, ",".join(["background=#000000", *colours])).code == 0


# --- augment


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("volumes")
    (folder / "raw").mkdir()
    source = msd_ct(folder / "src", cases=2, tests=0, size=(8, 7, 6))
    conversion = plan_conversion(source, "7_Ct", raw=folder / "raw")
    return Dataset.open(run_conversion(conversion).target)


def augmentation(source: Dataset, spec: dict[str, Any], **options: Any) -> Augmentation:
    name = DatasetName.of_folder("Dataset107_Aug")
    assert name is not None
    return plan_augmentation(source, name, source.path.parent, AugmentSpec(**spec), **options)


SPEC: dict[str, list[Any]] = {
    "angles_deg": [(30.0,), (30.0, 60.0)],
    "planes": [("axial",), ("sagittal", "axial"), ("axial", "sagittal"), ("k",)],
    "rotate_range_deg": [10.0, 20.0],
    "copies": [2],
    "grey": [{"hu_shift": (30.0, 50.0)}, {"hu_shift": (30.0, 30.0)}],
    "seed": [1],
    "pad_value": [-1000.0],
    "expand": [True],
    "label_soft": [True],
}


@settings(max_examples=20)
@given(data=st.data())
def test_fingerprints_of_augmentations_are_equal_only_for_equal_specs(volumes: Dataset, data: st.DataObject) -> None:
    assert {field.name for field in dataclasses.fields(AugmentSpec)} == set(SPEC)
    usual: dict[str, Any] = {"rotate_range_deg": 15.0, "grey": {"hu_shift": (10.0, 20.0)}}
    name = data.draw(st.sampled_from(sorted(SPEC)))
    if name == "angles_deg":
        usual["rotate_range_deg"] = None
    one = {**usual, **({} if name != "angles_deg" else {"angles_deg": (15.0,)})}
    other = {**one, name: data.draw(st.sampled_from(SPEC[name]))}
    assert augmentation(volumes, one).plan.fingerprint != augmentation(volumes, other).plan.fingerprint
    assert augmentation(volumes, one).plan.fingerprint == augmentation(volumes, dict(one)).plan.fingerprint


def test_endings_links_and_folds_decide_the_fingerprint_of_an_augmentation(volumes: Dataset, tmp_path: Path) -> None:
    spec = {"angles_deg": (30.0,)}
    said: list[dict[str, Any]] = [{}, {"ending": ".nii"}, {"link": "hard"}, {"preprocessed": tmp_path}]
    plans = [augmentation(volumes, spec, **options).plan for options in said]
    assert len({plan.fingerprint for plan in plans}) == len(said)


def test_an_augmentation_carries_its_spec_as_it_applies(pictures: Path, tmp_path: Path) -> None:
    options = ConvertOptions(accept_labels=True)
    source = Dataset.open(run_conversion(plan_conversion(pictures, "7_A", raw=tmp_path, options=options)).target)
    planned = augmentation(source, {"angles_deg": (30.0,)})
    assert planned.spec.planes == ("axial",)
    assert planned.originals == planned.copies == 2


# --- the way in and the way back of predictions


def test_the_dataset_decides_the_fingerprint_of_inputs_and_of_the_way_back(volumes: Dataset, tmp_path: Path) -> None:
    files = volumes.path / "imagesTr"
    like = volumes.description
    plans = [
        plan_inputs(files, description, Target(tmp_path / "out", "inputs")).plan
        for description in (like, dataclasses.replace(like, file_ending=".nrrd"))
    ]
    assert plans[0].fingerprint != plans[1].fingerprint
    predictions, case = volumes.path / "labelsTr", volumes.cases("train")[0]
    back = [plan_restore(predictions, volumes, tmp_path / "out").plan] + [
        plan_restore_of({case: name}, predictions, volumes, tmp_path / "out").plan for name in ("mine", "yours")
    ]
    assert len({plan.fingerprint for plan in back}) == 3
