"""nnU-Net's planners, read from source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segconv.errors import Cure, SegconvError
from segconv.train.planner_list import find_planner, list_planners, read_planners, refuse_unknown

SOURCE = """
class ExperimentPlanner:
    def __init__(self, dataset, memory: float = 8, plans_name: str = "nnUNetPlans", last=None): ...

class {}(ExperimentPlanner):
    def __init__(self, *, plans_name="OwnPlans"): ...

class Inheriting({}): ...

class Unrelated:
    def __init__(self, plans_name="x"): ...
"""


def test_planners_and_their_plans_are_read_from_source(tmp_path: Path) -> None:
    (tmp_path / "planners").mkdir()
    (tmp_path / "planners" / "__init__.py").touch()
    (tmp_path / "planners" / "all.py").write_text(SOURCE.format("Own", "Own"))
    found = {planner.name: planner.plans for planner in read_planners(tmp_path)}
    assert found == {"ExperimentPlanner": "nnUNetPlans", "Own": "OwnPlans", "Inheriting": "OwnPlans"}


def test_a_similar_planner_or_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "all.py").write_text(SOURCE.format("PlannerResEncM", "PlannerResEncM"))
    with pytest.raises(SegconvError) as caught:
        find_planner("plannerresencl", read_planners(tmp_path))
    assert "PlannerResEncM" in caught.value.hint
    with pytest.raises(SegconvError) as caught:
        refuse_unknown(["2d", "3d_fulres", "x"], ["2d", "3d_fullres"], lambda names: Cure.of("plan_these", names=names))
    assert caught.value.message == "no configuration '3d_fulres' or 'x': there are 2d, 3d_fullres"
    assert (caught.value.exit_code, dict(caught.value.cures[0].values)) == (2, {"names": ("2d", "3d_fullres")})


@pytest.mark.train
def test_the_planners_of_the_installed_nnunet_write_the_plans_that_it_says() -> None:
    listed = {planner.name: planner.plans for planner in list_planners()}
    code = (
        "import inspect, json, nnunetv2, sys, warnings; warnings.simplefilter('ignore')\n"
        "from nnunetv2.utilities.find_class_by_name import recursive_find_python_class as find\n"
        "folder = nnunetv2.__path__[0] + '/experiment_planning'\n"
        "for name in sys.argv[1:]:\n"
        "    found = find(folder, name, 'nnunetv2.experiment_planning')\n"
        "    print(name, inspect.signature(found).parameters['plans_name'].default)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *listed], capture_output=True, encoding="utf-8", check=True)
    assert dict(line.split() for line in done.stdout.splitlines() if " nnUNet" in line) == listed
    assert listed["nnUNetPlannerResEncM"] == "nnUNetResEncUNetMPlans"
