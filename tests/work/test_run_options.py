"""Invalid arguments from Python are refused before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fixtures.make_fixtures import msd_ct
from segconv.augment.planning import plan_augmentation
from segconv.augment.runner import run_augmentation
from segconv.augment.spec import AugmentSpec
from segconv.convert.back.restore import plan_restore, run_restore
from segconv.convert.conversion import Conversion, plan_conversion, plan_v1_task, run_conversion
from segconv.dataset.layout import Dataset
from segconv.dataset.names import DatasetName
from segconv.errors import SegconvError
from segconv.flows.demo import run_demo
from segconv.flows.plan import plan_dataset
from segconv.flows.stress.run import run_stress
from segconv.work.parallel import each
from segconv.work.readers import Readers
from segconv.work.run_options import RunOptions, Workers

WRONG: dict[str, tuple[Any, ...]] = {
    "jobs": (0, -1, "4", None, 1.5, True),
    "backend": ("foo", 3, ["loky"]),
    "progress": (3, None, object()),
    "overwrite": ("no", 1, None),
    "restart": ("no",),
    "keep_going": (0,),
    "strict": ("yes",),
    "fsync": (None,),
    "verify": ([],),
    "lock": ("/lock", -1, False),
}
ALL = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    folder = tmp_path_factory.mktemp("how")
    source = msd_ct(folder / "source", cases=2, tests=0, size=(6, 5, 4))
    (folder / "raw").mkdir()
    return plan_conversion(source, "7_A", raw=folder / "raw")


def tree(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize(("name", "value"), ALL)
def test_a_run_is_refused_and_nothing_is_begun(name: str, value: Any, planned: Conversion) -> None:
    raw = planned.plan.target.path.parent
    with pytest.raises(SegconvError) as refused:
        run_conversion(planned, RunOptions(**{name: value}))
    assert (refused.value.code, tree(raw)) == ("SC001", [])


def test_every_run_is_judged(planned: Conversion, tmp_path: Path) -> None:
    made = run_conversion(planned, RunOptions(jobs=np.int64(1))).target
    dataset = Dataset.open(made)
    augmentation = plan_augmentation(dataset, DatasetName(8, "B"), made.parent, AugmentSpec(angles_deg=(30.0,)))
    restoration = plan_restore(made / "labelsTr", dataset, tmp_path / "out")
    before = tree(made.parent)
    for run, plan in ((run_augmentation, augmentation), (run_restore, restoration)):
        for name, value in ALL:
            with pytest.raises(SegconvError) as refused:
                run(plan, RunOptions(**{name: value}))
            assert refused.value.code == "SC001"
    assert (tree(made.parent), tree(tmp_path)) == (before, [])


@pytest.mark.parametrize(
    ("function", "number"),
    [(run_stress, 2), (plan_dataset, 2), (Readers, 0), (Workers, 0)],
)
def test_so_is_what_begins_other_work(function: Callable[..., Any], number: int) -> None:
    for value in WRONG["jobs"]:
        with pytest.raises(SegconvError) as refused:
            function(*[None] * number, jobs=value)
        assert refused.value.code == "SC001"


@pytest.mark.parametrize("wrong", [{"overwrite": "no"}, {"say": 3}])
def test_a_demo_is_judged(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as refused:
        run_demo(tmp_path / "demo", **{"say": print, "do": print, **wrong})
    assert (refused.value.code, tree(tmp_path)) == ("SC001", [])


@pytest.mark.parametrize("plan", [plan_conversion, plan_v1_task])
def test_planning_is_judged(plan: Callable[..., Conversion], tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as refused:
        plan(tmp_path, "7_A", raw=tmp_path, force="no")
    assert refused.value.code == "SC001"


def test_so_is_work_in_parallel() -> None:
    for value in WRONG["jobs"]:
        with pytest.raises(SegconvError):
            list(each(str, [1, 2], jobs=value))
