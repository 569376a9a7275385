"""A plan made with relative paths means the same folders wherever it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.augment.planning import plan_augmentation
from segconv.augment.runner import run_augmentation
from segconv.augment.spec import AugmentSpec
from segconv.convert.back.raw_predictions import plan_raw_predictions, run_raw_predictions
from segconv.convert.back.restore import plan_restore, plan_restore_of, run_restore
from segconv.convert.conversion import plan_conversion, plan_v1_task, run_conversion
from segconv.convert.inputs import plan_inputs, run_inputs
from segconv.convert.model import ConvertOptions
from segconv.dataset.edit import apply_edit, plan_regions, plan_rename
from segconv.dataset.layout import Dataset
from segconv.dataset.names import DatasetName
from segconv.flows.stress.plan import plan_stress
from segconv.work.plan import Plan, Target

RAW = Path("raw")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """A current folder that runs leave, with a function that goes to an empty one and returns that."""
    monkeypatch.chdir(tmp_path)
    RAW.mkdir()
    (tmp_path / "elsewhere").mkdir()

    def go() -> Path:
        monkeypatch.chdir(tmp_path / "elsewhere")
        return tmp_path / "elsewhere"

    return go


def dataset() -> Dataset:
    plan = plan_conversion(msd_ct(Path("source"), cases=2, tests=0, size=(6, 5, 4)), "7_Ct", raw=RAW)
    run_conversion(plan)
    return Dataset.open(RAW / "Dataset007_Ct")


def all_absolute(plan: Plan) -> bool:
    paths = [str(plan.target.path), str(plan.source_root), *(source for item in plan.items for source in item.sources)]
    return all(map(os.path.isabs, paths))


OF_CONVERSIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "folders": lambda: {"source": msd_ct(Path("source"), cases=2, tests=0, size=(6, 5, 4))},
    "v1": lambda: {"source": msd_ct(Path("source"), cases=2, tests=0, size=(6, 5, 4))},
    "pairs": lambda: listed(),
    "repair": lambda: {"source": dataset().path, "options": ConvertOptions(repair=("header",))},
}


def listed() -> dict[str, Any]:
    """Pictures with a list of pairs, both given by relative paths."""
    source = png_shapes(Path("source"), cases=2, tests=0, size=(9, 8))
    rows = [f"training/{part}/shape-{n}.png" for n in (0, 1) for part in ("input", "output")]
    Path("list.csv").write_text(f"image,label\n{rows[0]},{rows[1]}\n{rows[2]},{rows[3]}\n")
    labels = {"background": 0, "disc": 128, "ring": 255}
    return {"source": source, "options": ConvertOptions(pairs=Path("list.csv"), labels=labels)}


@pytest.mark.parametrize("kind", OF_CONVERSIONS)
def test_conversions(kind: str, elsewhere: Callable[[], Path], tmp_path: Path) -> None:
    plan = plan_v1_task if kind == "v1" else plan_conversion
    conversion = plan(**OF_CONVERSIONS[kind](), to="8_New", raw=RAW)
    empty = elsewhere()
    outcome = run_conversion(conversion)
    assert all_absolute(conversion.plan)
    assert outcome.done == 2
    assert outcome.target.parent == tmp_path / "raw"
    assert not any(empty.iterdir())


def test_augmentations(elsewhere: Callable[[], Path], tmp_path: Path) -> None:
    source = dataset()
    folds = Path("preprocessed", source.path.name, "splits_final.json")
    folds.parent.mkdir(parents=True)
    first, second = source.cases()
    folds.write_text(json.dumps([{"train": [first], "val": [second]}, {"train": [second], "val": [first]}]))
    planned = plan_augmentation(
        source, DatasetName(8, "B"), RAW, AugmentSpec(angles_deg=(90.0,)), preprocessed=Path("preprocessed")
    )
    empty = elsewhere()
    made = run_augmentation(planned).target
    assert all_absolute(planned.plan)
    assert made == tmp_path / "raw" / "Dataset008_B"
    assert len(json.loads((made / "splits_final.json").read_text())) == 2, "the folds of the preprocessed folder"
    assert not any(empty.iterdir())


def test_restorations_and_inputs(elsewhere: Callable[[], Path], tmp_path: Path) -> None:
    like = dataset()
    predictions = like.path.relative_to(tmp_path) / "labelsTr"
    names = {case: case for case in like.cases()}
    Path("new").mkdir()
    for case in like.cases():
        os.link(like.image_files(case)[0], Path("new", f"{case}.nii.gz"))
    inputs = plan_inputs(Path("new"), like.description, Target(Path("in"), "infer-in"))
    restorations = [
        plan_restore(predictions, like, Path("one")),
        plan_restore_of(names, predictions, like, Path("two")),
    ]
    raw = plan_raw_predictions(names, predictions, like, Path("three"))
    empty = elsewhere()
    made = [*(run_restore(restoration).target for restoration in restorations), run_raw_predictions(raw).target]
    assert made == [tmp_path / name for name in ("one", "two", "three")]
    assert run_inputs(inputs).done == 2
    assert inputs.plan.target.staging.is_dir()
    assert all(all_absolute(planned.plan) for planned in (inputs, raw, *restorations))
    assert not any(empty.iterdir())


def test_edits(elsewhere: Callable[[], Path]) -> None:
    folder = dataset().path.relative_to(Path.cwd())
    found = Dataset.open(folder).description.labels
    name, value = next(item for item in found.names.items() if item[0] != "background")
    rename = plan_rename(folder, {name: "new"})
    regions = plan_regions(folder, {"whole": [value]})
    elsewhere()
    apply_edit(rename)
    assert rename.dataset.is_absolute()
    assert regions.dataset.is_absolute()
    assert "new" in Dataset.open(rename.dataset).description.labels.names


def test_stress(elsewhere: Callable[[], Path], tmp_path: Path) -> None:
    found = dataset()
    planned = plan_stress(found, ["model"], Path("work"), cases={"0": found.cases()}, angles_deg=(30,), shifts_hu=())
    assert planned.work == tmp_path / "work"
    assert all(os.path.isabs(path) for case in planned.cases for path in (*case.images, case.label, case.work))
