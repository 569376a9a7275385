"""A rehearsal with nnU-Net's own classes, up to the first fault. `tests.cli.test_examples` goes through to the end."""

from __future__ import annotations

import site
from pathlib import Path

import pytest

from fixtures.make_fixtures import msd_ct

from ...command import Command

pytestmark = pytest.mark.train

PLANTED = Path(__file__).parents[2] / "train" / "rehearsal" / "planted"


def test_a_fault_in_a_trainer_of_the_user_ends_it_at_once_and_leaves_only_the_log(
    segconv: Command, tmp_path: Path
) -> None:
    assert segconv("convert", msd_ct(tmp_path), "--to", "7_Phantom", "-q").code == 0
    done = segconv("rehearse", "7", "-tr", "OldParameters", "--ext-trainer", PLANTED)
    assert (done.code, done.codes()) == (78, ["SC161"])
    assert "Hint: remove unpack_dataset; anything else can be an attribute" in done.err
    preprocessed = segconv.folder / "nnUNet_preprocessed"
    left = [path.name for path in preprocessed.iterdir() if not path.name.endswith(".lock")]
    assert left == [".segconv-logs"]
    assert (
        "Inspecting module: planted_trainers"
        in (preprocessed / ".segconv-logs" / "Dataset007_Phantom" / "rehearse.log").read_text()
    )


def test_a_planner_of_the_users_own_plans_the_tiny_dataset(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "installed" / "my_pkg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "planners.py").write_text(
        "from segconv.train.planners.fixed import FixedPlanner\n"
        "class Small(FixedPlanner):\n    patch_2d, patch_3d = (16, 16), (16, 16, 16)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(package.parent))
    assert segconv("convert", msd_ct(tmp_path), "--to", "7_Phantom", "-q").code == 0
    words = ("-c", "2d", "-tr", "WithLambda", "--ext-trainer", PLANTED)  # which ends it after the planning
    done = segconv("rehearse", "7", "--planner", "my_pkg.planners.Small", *words)
    assert done.codes() == ["SC162"]
    assert "plan my_pkg.planners.Small: " in done.err
    log = segconv.folder / "nnUNet_preprocessed" / ".segconv-logs" / "Dataset007_Phantom" / "rehearse.log"
    assert '"plans": "nnUNetPlansSmall"' in log.read_text(encoding="utf-8")
