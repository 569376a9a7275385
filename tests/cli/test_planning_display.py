"""Progress of a planning, where stderr is no terminal: a line for each phase."""

from __future__ import annotations

import pytest

from segconv.cli.planning_display import PlanningDisplay
from segconv.cli.sink import Sink
from segconv.train.planning_progress import (
    CHECKING,
    EXAMINING,
    FINGERPRINT,
    PLANNING,
    PREPROCESSING,
    STARTING,
    Progress,
)
from segconv.work import run_options

HEARD = [
    Progress(EXAMINING),
    Progress(STARTING),
    Progress(CHECKING),
    Progress(FINGERPRINT, "", 0, 2),
    Progress(FINGERPRINT, "", 2, 2),
    Progress(PLANNING),
    Progress(PREPROCESSING),
    Progress(PREPROCESSING, "2d"),
    Progress(PREPROCESSING, "2d", 1, 2),
    Progress(PREPROCESSING, "2d", 2, 2),
    Progress(PREPROCESSING, "3d_fullres", 1, 1),
]


@pytest.mark.parametrize("how", [{}, {"quiet": True}, {"as_json": True}, {"verbose": True}])
def test_each_phase_is_a_line(how: dict[str, bool], capsys: pytest.CaptureFixture[str]) -> None:
    display = PlanningDisplay(Sink(**how))
    for progress in HEARD:
        display.hear(progress)
    display.stop()
    lines = [
        "the dataset is checked",
        "nnU-Net starts, which takes a moment",
        "nnU-Net reads the dataset",
        "nnU-Net makes the fingerprint: 2 cases",
        "nnU-Net makes plans",
        "nnU-Net starts to preprocess",
        "nnU-Net preprocesses for 2d: 2 cases",
        "nnU-Net preprocesses for 3d_fullres: 1 case",
    ]
    assert capsys.readouterr().err.splitlines() == ([] if how else lines)


def test_one_bar_is_shown_at_a_time() -> None:
    """The bar of the cases has ended when the files are compared."""
    seen: list[str] = []

    class Seen(run_options.Unheard):
        def start(self, total: int, done: int, what: str = "cases") -> None:
            seen.append(f"{what} begin")

        def stop(self) -> None:
            seen.append("end")

    class Watched(Sink):
        def progress(self) -> run_options.Progress:
            return Seen()

    display = PlanningDisplay(Watched())
    display.hear(Progress(PREPROCESSING, "2d", 1, 2))
    display.reading().start(3, 0, "files")
    assert seen == ["cases begin", "end", "files begin"]
