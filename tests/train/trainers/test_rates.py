"""The rates of real trainers on the CPU are those of closed forms, with and without a resume."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ..really_trained import DATASET, ReallyTrained

pytestmark = pytest.mark.train

EPOCHS, ITERATIONS = 3, 4
STEPS = EPOCHS * ITERATIONS
BASES = ("nnUNetTrainerSegconv", "nnUNetTrainerAdamWCosine", "nnUNetTrainerAdamWPoly", "nnUNetTrainerFineTuning")


@pytest.fixture(scope="module")
def followed(really_trained: ReallyTrained, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each trainer did, in one process."""
    folder = tmp_path_factory.mktemp("rates")
    few = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "0", "OMP_NUM_THREADS": "1"}
    own = {"nnUNet_results": str(folder / "results"), "SAID": str(folder / "said.json")}
    program = Path(__file__).with_name("rates_program.py")
    done = subprocess.run(
        [sys.executable, str(program), DATASET, *BASES],
        env={**os.environ, **really_trained.variables, **few, **own},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    said: dict[str, Any] = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return said


def _poly(initial: float, step: int) -> float:
    return initial * math.exp(0.9 * math.log(1 - (step // ITERATIONS) / EPOCHS))


def _cosine(step: int) -> float:
    middle, half = (1e-3 + 1e-6) / 2, (1e-3 - 1e-6) / 2
    return middle + half * math.cos(step * math.pi / (STEPS - 1))


CLOSED = {
    "nnUNetTrainerSegconv": [[_poly(1e-2, step)] for step in range(STEPS)],
    "nnUNetTrainerAdamWCosine": [[_cosine(step)] for step in range(STEPS)],
    "nnUNetTrainerAdamWPoly": [[_poly(1e-3, step)] for step in range(STEPS)],
    "nnUNetTrainerFineTuning": [
        [_poly(1e-3, step), 0.0 if step < ITERATIONS else _poly(1e-3, step)] for step in range(STEPS)
    ],
}


@pytest.mark.parametrize("base", BASES)
def test_three_epochs_have_the_rates_of_the_closed_form(followed: dict[str, Any], base: str) -> None:
    rates = followed[base]["whole"]["rates"]
    assert len(rates) == STEPS
    for found, expected in zip(rates, CLOSED[base], strict=True):
        assert found == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("base", BASES)
def test_a_resume_changes_no_rate_and_needs_no_state_of_a_scheduler(followed: dict[str, Any], base: str) -> None:
    assert followed[base]["resumed"] == followed[base]["whole"]["rates"]
    assert not [key for key in followed[base]["keys"] if "sched" in key or "lr" in key]
    assert followed[base]["name"] == f"{base}_{EPOCHS}epochs_{ITERATIONS}iterations"
    assert followed[base]["validation_iterations"] == 1


def test_the_cosine_ends_at_its_lowest_rate_in_the_last_step(followed: dict[str, Any]) -> None:
    rates = [rate for (rate,) in followed["nnUNetTrainerAdamWCosine"]["whole"]["rates"]]
    assert rates[-1] == pytest.approx(1e-6, rel=1e-9)
    assert rates == sorted(rates, reverse=True)


def test_a_frozen_encoder_does_not_move_and_then_does(followed: dict[str, Any]) -> None:
    assert followed["nnUNetTrainerFineTuning"]["whole"]["encoder_moved"] == [False, True, True]
    assert followed["nnUNetTrainerSegconv"]["whole"]["encoder_moved"] == [True, True, True]


def test_the_warm_up_rises_to_the_highest_rate_and_falls_from_there() -> None:
    from segconv.train.trainers.schedules import cosine

    rates = [cosine(1e-3, step, 100, warm_up=5, lowest=1e-6) for step in range(100)]
    assert rates[:5] == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 1e-3], rel=1e-12)
    assert rates[5] == 1e-3
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(1e-6, abs=1e-15)


def test_the_trainer_warms_up_in_the_first_twentieth_of_its_iterations() -> None:
    from segconv.train.trainers.adamw import nnUNetTrainerAdamWCosine as Cosine

    length = SimpleNamespace(initial_lr=1e-3, num_epochs=8, num_iterations_per_epoch=10)
    rates = [Cosine.rate_at(length, step // 10, step % 10) for step in range(80)]  # type: ignore[arg-type]
    assert rates[:4] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3], rel=1e-12)
    assert rates[4] == 1e-3
    assert rates[42] == pytest.approx(1e-6 + 999e-6 * (1 + math.cos(math.pi * 38 / 75)) / 2, abs=1e-12)
    assert rates[79] == pytest.approx(1e-6, abs=1e-12)


def test_fine_tuning_names_a_network_without_an_encoder() -> None:
    import torch

    from segconv.train.trainers.finetuning import nnUNetTrainerFineTuning as FineTuning

    trainer = object.__new__(FineTuning)
    trainer.network = torch.nn.Conv2d(1, 2, 1)
    with pytest.raises(AttributeError, match=r"freezes network\.encoder first, and Conv2d has none"):
        trainer.configure_optimizers()
