"""The report of the benchmarks, made of recorded numbers, and of the smallest real run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# They are not part of the installed package, and compare with programs that only the development environment has.
pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="benchmarks are only in the repository"),
]


def row(name: str, *cpu_s: float, **size: int) -> dict[str, Any]:
    """A contestant with these CPU times, and as many wall seconds."""
    who = name.partition(",")[0]
    return {
        "name": name,
        "who": who,
        "size": size,
        "cpu_s": cpu_s,
        "wall_s": cpu_s,
        "rss_mib": 50.0,
        "pss_mib": 10.0 * cpu_s[0],
    }


def recorded(**results: list[dict[str, Any]]) -> str:
    """The page of recorded numbers, each job with a list of comparisons."""
    from benchmarks.page import page
    from benchmarks.result import Measured

    found = {
        "machine": "2 cores, 24 GiB",
        "load": 0.0,
        "workers": 2,
        "rounds": 3,
        "quick": False,
        "versions": {"numpy": "2.0", "ray": "missing"},
        "failed": {"v1": "nnUNetv2_convert_old_nnUNet_dataset failed"},
        "seconds": {"png": 40.0},
        "results": {job.replace("_", "-"): comparisons for job, comparisons in results.items()},
    }
    measured = Measured.from_json(json.dumps(found))
    assert Measured.from_json(measured.to_json()) == measured
    return page(measured)


def compared(*rows: dict[str, Any], notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A comparison of contestants."""
    return {"title": "an input", "rows": rows, "notes": notes}


def test_each_aim_is_reached_or_missed_by_a_share_or_was_not_measured() -> None:
    pool, ours = row("scikit-image pool", 10, 12, 14), row("segconv", 2.1, 2.0, 1.8)
    text = recorded(png=[compared(pool, ours, row("floor", 1, 1, 1), notes=("TorchIO is missing.",))])
    assert "| PNG: CPU time of the floor with proof | ≤ 1.60 × | 2.00 × | missed by 25% |" in text
    assert "| PNG: less than a scikit-image pool | ≥ 6.00 × | 6.00 × | **reached** |" in text
    assert "| 4D: the floor | ≤ 1.30 × | not measured |  |" in text
    assert "| segconv | 2.00 (1.80–2.10) | 2.00 (1.80–2.10) | 21 | 1.00 | 2.00 |" in text
    assert "- TorchIO is missing." in text
    assert "ray missing" in text
    assert "**v1** has no figures: nnUNetv2_convert_old_nnUNet_dataset failed" in text


def test_start_up_drops_out_of_the_cost_of_a_further_case() -> None:
    few = compared(row("segconv", 5), row("floor", 3))
    many = compared(row("segconv", 17), row("floor", 13))
    text = recorded(augment=[few, many])
    assert "| augment, two cases: the floor | ≤ 1.45 × | 1.67 × | missed by 15% |" in text
    assert "the floor's slope | ≤ 1.25 × | 1.20 × | **reached** |" in text


def test_growth_and_scaling_are_told_apart_from_what_is_projected() -> None:
    """Starting takes one second, and each case half a second that is serial and one that is shared."""
    rows = [
        row(f"segconv, {cases} {workers}", 1 + cases * (0.5 + 1 / workers), cases=cases, workers=workers)
        for cases in (2, 8, 32)
        for workers in (1, 2)
    ]
    floors = [row(f"floor, {cases}", cases * 0.5, cases=cases, workers=2) for cases in (2, 8, 32)]
    text = recorded(grow_3d=[compared(*rows, *floors)])
    assert "A further case takes 1000.0 ms of CPU time, and the floor 500.0 ms: 2.00 ×." in text
    assert "16 × the cases take 11.00 × the memory, with 2 workers." in text
    assert "| an input | 1.48 × | 1.00 | 500.0 | 1000.0 | 0% | 2.0 | 2.4 | 2.7 | 2.8 | 2.9 |" in text
    assert "**The columns of 4 to 64 workers are a projection**" in text


def test_clusters_are_compared_by_what_a_further_item_takes_beyond_what_it_burns() -> None:
    each_ms = {"loky": 3.03, "dask": 3.09, "ray": 3.6, "slurm": 2.7}
    rows = [
        row(f"{kind}, {items}", 3 + items * ms / 1000, 9 + items * ms / 1000, cases=items)
        for kind, ms in each_ms.items()
        for items in (500, 2000)
    ]
    for dask in rows[2:4]:
        dask["idle"] = 0.02
    text = recorded(clusters=[compared(row("dask", 4, cases=500), notes=("A note.",)), compared(*rows)])
    assert "| dask | 500 | 4.00 (one run) | 4.00 (one run) | 40 |\n\n- A note." in text
    assert "| loky | 3.03 |  | +1.0% |" in text
    assert "| dask | 3.09 | 0.06 | +0.9% |" in text
    assert "| slurm | 2.70 |  | -10.0% |" in text
    assert "| Dask: overhead, part of the CPU time of an item of 3 ms | ≤ 5.0% | 0.9% | **reached** |" in text
    assert "| Ray: overhead, part of the CPU time of an item of 3 ms | ≤ 5.0% | 20.0% | missed by 300% |" in text
    assert "| SLURM: overhead, part of the CPU time of an item of 3 ms | ≤ 5.0% | not measured | less than what" in text


def test_programs_that_are_missing_are_named_and_a_failure_says_what_the_program_said(tmp_path: Path) -> None:
    from benchmarks.job import Comparison
    from benchmarks.measure import Contestant, Failed

    here = Contestant([sys.executable, "-c", "print(1)"], tmp_path / "made", {})
    gone = Contestant(["no-such-program"], tmp_path / "made", {}, needs="no_such_module")
    result = Comparison("an input", {"here": here, "gone": gone}, notes=["A note."]).measured(2)
    assert [(row.name, len(row.cpu_s)) for row in result.rows] == [("here", 2)]
    assert result["here"].pss_mib >= 0
    assert result.notes == ["A note.", "gone is missing: no_such_module is not installed."]
    broken = Contestant([sys.executable, "-c", "import sys; sys.exit('disk on fire')"], tmp_path / "made", {})
    with pytest.raises(Failed, match="disk on fire"):
        Comparison("an input", {"broken": broken}).measured(1)


def test_the_smallest_real_run_writes_the_report_and_its_numbers(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks", "--only", "plan", "--quick", "--output", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, check=True, capture_output=True)
    text = (tmp_path / "REPORT.md").read_text()
    assert "### plan of 1,000 pairs" in text
    assert "A quick run on small inputs" in text
    found = json.loads((tmp_path / "REPORT.json").read_text())
    assert [len(one["rows"]) for one in found["results"]["plan"]] == [2, 2, 2]
    assert not found["failed"]
    assert {path.name for path in tmp_path.iterdir()} == {"REPORT.md", "REPORT.json"}
    assert str(tmp_path) not in text
