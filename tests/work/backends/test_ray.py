"""Workers of a real Ray cluster: the same bytes, and an end whatever happens to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each scenario of `ray_cluster` found."""
    folder = tmp_path_factory.mktemp("ray")
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as short:  # Ray's sockets need short names
        words = [sys.executable, "-m", f"{__package__}.ray_cluster", str(folder), short]
        env = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(
            words, cwd=Path(__file__).parents[3], env=env, capture_output=True, encoding="utf-8", timeout=400
        )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_the_bytes_are_those_of_one_worker(found: dict[str, Any]) -> None:
    assert found["same_bytes"]["equal"]
    assert found["same_bytes"]["workers"] >= 1


def test_a_case_that_ends_its_worker_each_time_is_named_and_the_others_are_kept(found: dict[str, Any]) -> None:
    code, case, message, _ = found["poison"]["wording"]
    assert (code, case) == ("SC100", "case1")
    assert "ended from outside" in message
    assert found["poison"]["done"] == 4
    assert found["poison"]["reused"] == 3


def test_errors_come_back_complete_even_if_they_cannot_be_pickled(found: dict[str, Any]) -> None:
    refused, odd = found["errors"]
    assert refused == ["SC055", "1", "found this", "do that"]
    assert odd[:3] == ["SC104", "1", "unexpected Odd: 1 and 2"]


def test_a_cluster_that_does_not_answer_or_is_not_named_is_reported(found: dict[str, Any]) -> None:
    for code, _, message, hint in found["unreachable"]:
        assert code == "SC042"
        assert "Ray cluster" in message
        assert "RAY_ADDRESS" in hint
        assert "ray start" in hint


def test_a_cluster_that_goes_away_ends_the_run_which_goes_on_without_it(found: dict[str, Any]) -> None:
    code, _, message, hint = found["cluster_gone"]["wording"]
    assert (code, "Ray cluster" in message) == ("SC100", True)
    assert hint.startswith("run the same command again")
    assert found["cluster_gone"]["done"] == 12
    assert found["cluster_gone"]["reused"] >= 1
