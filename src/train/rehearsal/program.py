"""The trainings of a rehearsal, in a process of their own: plan, preprocess, train, die; then resume and finish.

All is nnU-Net's own, called as its commands call it. A trainer is the user's own object; its number of epochs and
iterations is set on the object, and nothing of its class is replaced. What happens is said in events.

Only this module and those that it imports here import nnunetv2 and torch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...dataset.strictjson import dumps
from ...errors import SegconvError
from ...work import fsops
from ..child_events import say, say_fault
from ..planner_child import planner_at, refuse_other_name
from ..time_limit import limited
from .missing import guarded
from .playing import BEGIN, FINISH, NETWORK
from .small import chosen, small_plans

EPOCHS, ITERATIONS, VALIDATION_ITERATIONS = 2, 3, 1
FOLDS = (0, 1)


def main() -> None:
    """Do one part of a rehearsal, as the file of the first argument asks."""
    asked = json.loads(Path(sys.argv[1]).read_bytes())
    try:
        _PARTS[asked["part"]](asked)
    except SegconvError as error:
        say_fault(error)
        sys.exit(1)


@contextmanager
def step(name: str, of: str = "") -> Iterator[dict[str, Any]]:
    """Say that a step begins and ends, with its seconds and the facts that the block adds."""
    say({"begin": name, "of": of})
    facts: dict[str, Any] = {}
    start = time.monotonic()
    yield facts
    say({"end": name, "of": of, "s": time.monotonic() - start, **facts})


def _begin(asked: dict[str, Any]) -> None:
    """Go from the tiny dataset to the first checkpoint of the first fold, and die."""
    from .looks import look_at_network, refuse_missing_classes, trainer_class
    from .sizes import speed_here

    with step("import") as facts, limited(), guarded():
        import nnunetv2  # noqa: F401 - nnU-Net prints what it is
        import torch

        facts["torch"] = torch.__version__
        trainer_class(asked["trainer"])
    _plan(asked)
    _write_small_plans(asked)
    names = asked["configurations"]
    with step("preprocess", ", ".join(names)):
        from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset

        preprocess_dataset(asked["id"], asked["plans_name"], names, num_processes=[1], show_progress_bar=False)
    _write_splits(asked)
    for name in names:
        with step(NETWORK, name) as facts, limited(), guarded():
            refuse_missing_classes(asked["plans"], name)
            trainer = _trainer(asked, name, 0)
            facts.update(look_at_network(trainer, asked["plans"], name))
            facts["flops_per_s"] = speed_here(len(trainer.configuration_manager.patch_size))
    _die(asked)


def _plan(asked: dict[str, Any]) -> None:
    """Let the planner plan; its plans are the topology if the user has none yet."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints

    with step("fingerprint"):
        extract_fingerprints([asked["id"]], num_processes=1, check_dataset_integrity=True, show_progress_bar=False)
    plan = _plan_by_own if asked["own_plans"] else _plan_by_nnunets
    plans_name = plan(asked)
    if asked["plans"] is None:
        found = json.loads((_preprocessed(asked) / f"{plans_name}.json").read_bytes())
        adopted = {
            "plans": found,
            "plans_name": plans_name,
            "configurations": chosen(found, asked["configurations"]),
        }
        asked.update(adopted)
        _write(Path(asked["adopted"]), adopted)


def _plan_by_nnunets(asked: dict[str, Any]) -> str:
    """Let a planner of nnU-Net's plan; return the name of the plans."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments

    from .looks import planner_to_use

    planner = planner_to_use(asked["planner"], wanted=asked["planner_wanted"])
    with step("plan", planner) as facts, guarded():
        facts["plans"] = plan_experiments([asked["id"]], planner)
    return str(facts["plans"])


def _plan_by_own(asked: dict[str, Any]) -> str:
    """Let a planner of the user's own plan; return the name of the plans."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiment_dataset

    wanted = str(asked["own_plans"])
    with step("plan", asked["planner"]) as facts, limited():
        _, name = plan_experiment_dataset(asked["id"], planner_at(asked["planner"]), overwrite_plans_name=wanted)
        refuse_other_name(asked["planner"], name, wanted)
        facts["plans"] = name
    return wanted


def _write_small_plans(asked: dict[str, Any]) -> None:
    plans = small_plans(asked["plans"], asked["configurations"], asked["dataset"], asked["plans_name"])
    _write(_preprocessed(asked) / f"{asked['plans_name']}.json", plans)


def _write_splits(asked: dict[str, Any]) -> None:
    cases = asked["cases"]
    halves = cases[::2], cases[1::2]
    folds = [{"train": halves[1 - fold], "val": halves[fold]} for fold in FOLDS]
    _write(_preprocessed(asked) / "splits_final.json", folds)


def _die(asked: dict[str, Any]) -> None:
    """Train the first fold, and end this process at once, as the kernel does, when the second epoch begins."""
    name = asked["configurations"][0]
    with step("train", f"{name} fold 0"):
        trainer = _trainer(asked, name, 0)
        usual = trainer.on_epoch_start

        def at_epoch_start() -> None:
            if trainer.current_epoch == 1:
                say({"end": "train", "of": f"{name} fold 0", "s": time.monotonic() - start})
                os.kill(os.getpid(), signal.SIGKILL)
            usual()

        trainer.on_epoch_start = at_epoch_start
        start = time.monotonic()
        with guarded():
            trainer.run_training()


def _finish(asked: dict[str, Any]) -> None:
    """Resume what was killed, and train and validate all other folds."""
    from nnunetv2.run.run_training import maybe_load_checkpoint

    for number, name in enumerate(asked["configurations"]):
        for fold in FOLDS:
            resumed = number == fold == 0
            of = f"{name} fold {fold}"
            with step("resume" if resumed else "train", of) as facts, guarded():
                trainer = _trainer(asked, name, fold, resumed=resumed)
                maybe_load_checkpoint(trainer, resumed, False)
                if resumed and trainer.current_epoch != 1:
                    raise _not_resumed(trainer.current_epoch)
                facts["epoch"] = trainer.current_epoch
                trainer.run_training()
                facts.update(_stored(trainer))
            with step("validate", of) as facts, guarded():
                trainer.perform_actual_validation(save_probabilities=True)


def _not_resumed(epoch: int) -> SegconvError:
    return SegconvError(
        f"a training that was killed after its first epoch resumed at epoch {epoch}, expected 1",
        code="SC169",
        hint="let the trainer keep nnU-Net's checkpoints: current_epoch is in them",
    )


def _stored(trainer: Any) -> dict[str, Any]:
    """Return the size of the checkpoint."""
    checkpoint = Path(trainer.output_folder, "checkpoint_final.pth")
    return {"checkpoint_bytes": checkpoint.stat().st_size if checkpoint.is_file() else 0}


def _trainer(asked: dict[str, Any], configuration: str, fold: int, *, resumed: bool = False) -> Any:
    """Return the user's trainer, made as nnU-Net makes it, and set to a short training."""
    import torch

    from .looks import trainer_class

    torch.set_num_threads(1)  # several threads on shared cores wait for one another
    made = trainer_class(asked["trainer"])
    folder = _preprocessed(asked)
    plans = json.loads((folder / f"{asked['plans_name']}.json").read_bytes())
    plans["continue_training"] = resumed  # nnU-Net's own run_training sets it
    description = json.loads((folder / "dataset.json").read_bytes())
    trainer = made(
        plans=plans, configuration=configuration, fold=fold, dataset_json=description, device=torch.device("cpu")
    )
    _shorten(trainer)
    trainer.initialize()
    _shorten(trainer)  # some trainers set their length there
    return trainer


def _shorten(trainer: Any) -> None:
    trainer.num_epochs, trainer.num_iterations_per_epoch = EPOCHS, ITERATIONS
    trainer.num_val_iterations_per_epoch = VALIDATION_ITERATIONS


def _preprocessed(asked: dict[str, Any]) -> Path:
    return Path(os.environ["nnUNet_preprocessed"], asked["dataset"])


def _write(path: Path, found: Any) -> None:
    fsops.write_atomic(path, dumps(found))


_PARTS = {BEGIN: _begin, FINISH: _finish}
