"""Kill a fine-tuning while it pretrains on a dataset that was never planned, and run the same command again.

``python -m benchmarks.finetune``, on the CPU, with nnU-Net's own commands and trainings of five short epochs. Prints
what the second run said and how long both took.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from segconv.train.folds import FoldState, states_of
from tests.flows.test_finetune_really import FEW, OTHER, few_cases
from tests.train.really_trained import TRAINER, ReallyTrained, trained_in

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("SEGCONV_TEST_DATA", ROOT / ".." / "shared" / "data"))
WORDS = ("finetune", "4", "--from", "5", "-c", "2d_small", "-tr", TRAINER, "--device", "cpu")


def killed_and_resumed(made: ReallyTrained, room: Path) -> tuple[FoldState, str]:
    """Fine-tune Dataset004 after pretraining on another dataset, which is killed by SIGKILL at its fourth epoch.

    Returns
    -------
    killed, said
        The pretraining as the kill left it, and what the second run said.

    Raises
    ------
    RuntimeError
        If the first run ends before it is killed, or the second one fails.
    """
    few_cases(made.root / "nnUNet_raw")
    room.mkdir()
    (room / "wait all").touch()
    run = _start(made, room)
    while not (room / "at all").exists():
        if run.poll() is not None:
            raise RuntimeError(run.communicate()[0])
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    model = made.root / "nnUNet_results" / OTHER / f"{TRAINER}__nnUNetPlansFor004__2d_small"
    killed = states_of(model)["all"]
    (room / "wait all").unlink()
    again = _start(made, room)
    while (said := again.communicate()[0]) and again.returncode == 75:
        again = _start(made, room)  # processes of the killed one are still ending
    if again.returncode != 0:
        raise RuntimeError(said)
    return killed, said


def _start(made: ReallyTrained, room: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.train.quick", str(room), *WORDS],
        cwd=ROOT,
        env={**os.environ, **made.variables, **FEW},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def main() -> None:
    """Run it in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        begun = time.monotonic()
        shared = Path(os.environ.get("SEGCONV_TEST_MODELS", Path(name) / "models"))
        made = trained_in(shared, DATA).copied_to(Path(name) / "made")
        killed, said = killed_and_resumed(made, Path(name) / "room")
        sys.stdout.write(f"killed at epoch {killed.epoch} of the pretraining; then:\n{said}")
        sys.stdout.write(f"{time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
