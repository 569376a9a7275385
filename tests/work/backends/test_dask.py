"""Workers of a real Dask cluster of two processes: the same bytes, and an end whatever happens to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segconv.work.backends.dask import AHEAD

from .dask_cluster import WORKERS


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each scenario of `dask_cluster` found."""
    folder = str(tmp_path_factory.mktemp("dask"))
    words = [sys.executable, "-m", f"{__package__}.dask_cluster", folder]
    env = {**os.environ, "DASK_TEMPORARY_DIRECTORY": folder}
    done = subprocess.run(
        words, cwd=Path(__file__).parents[3], env=env, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_the_bytes_are_those_of_one_worker_and_all_workers_work(found: dict[str, Any]) -> None:
    assert found["same_bytes"] == {"equal": True, "workers": WORKERS}


def test_items_are_taken_as_workers_can_take_them(found: dict[str, Any]) -> None:
    assert found["window"]["first"]
    assert found["window"]["taken"] <= AHEAD * WORKERS + 1


def test_a_case_that_ends_its_worker_each_time_is_named_and_the_others_are_kept(found: dict[str, Any]) -> None:
    code, case, message, _ = found["poison"]["wording"]
    assert (code, case) == ("SC100", "case1")
    assert "ended from outside" in message
    assert found["poison"]["done"] == 4
    assert found["poison"]["reused"] == 3


def test_ctrl_c_ends_the_run_and_what_workers_still_do_leaves_no_trace(found: dict[str, Any]) -> None:
    assert found["interrupted"]["code"] == 130
    assert found["interrupted"]["taken"] <= AHEAD * WORKERS + 1
    assert found["interrupted"]["gone"] == ["True"]


def test_errors_come_back_complete_even_if_they_cannot_be_pickled(found: dict[str, Any]) -> None:
    refused, odd = found["errors"]
    assert refused == ["SC055", "1", "found this", "do that"]
    assert odd[:3] == ["SC104", "1", "unexpected Odd: 1 and 2"]


def test_a_cluster_without_workers_is_waited_for_a_while_only(found: dict[str, Any]) -> None:
    code, _, message, hint = found["without_workers"]
    assert (code, "has had no worker" in message, "dask worker tcp://" in hint) == ("SC100", True, True)


def test_a_scheduler_that_does_not_answer_or_is_not_named_is_reported(found: dict[str, Any]) -> None:
    for code, _, message, hint in found["unreachable"]:
        assert code == "SC042"
        assert "Dask scheduler" in message
        assert "DASK_SCHEDULER_ADDRESS" in hint
        assert "dask scheduler" in hint


def test_a_worker_may_join_late_and_another_be_killed(found: dict[str, Any]) -> None:
    assert found["killed_and_joined"] == {"equal": True, "workers": True}


def test_workers_that_join_work_although_results_keep_coming(found: dict[str, Any]) -> None:
    assert found["joined"] > AHEAD


def test_a_killed_scheduler_ends_the_run_which_goes_on_without_it(found: dict[str, Any]) -> None:
    code, _, message, hint = found["scheduler_killed"]["wording"]
    assert (code, "Dask scheduler" in message) == ("SC100", True)
    assert hint.startswith("run the same command again")
    assert found["scheduler_killed"]["done"] == 12
    assert found["scheduler_killed"]["reused"] >= 1
