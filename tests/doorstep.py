"""Show what nnU-Net's doorstep promises, one line per promise: ``python -m tests.doorstep [NUMBER…]``.

Each promise is watched by tests, with real trainings on the CPU or with stand-ins for nnU-Net's programs where GPUs,
failures or moments matter. This runs them and says how long each took.
"""

from __future__ import annotations

import subprocess
import sys
import time

PROMISES: dict[str, tuple[str, ...]] = {
    "1 a training that got SIGTERM goes on where it was, and skips what is done": (
        "tests/flows/test_train_really.py::test_the_same_command_goes_on_after_a_signal_and_after_a_kill",
    ),
    "2 a killed nnU-Net is reported, the next fold trained, and no process is left": (
        "tests/flows/test_train_really.py::test_the_same_command_goes_on_after_a_signal_and_after_a_kill",
        "tests/train/test_processes.py::test_workers_of_a_program_that_was_killed_end_with_it",
        "tests/train/test_processes.py::test_nothing_outlives_segconv_and_its_lock_holds_as_long",
    ),
    "3 a missing case, and a missing prediction between stages, are refused by name": (
        "tests/flows/test_ready.py::test_a_missing_case_is_named_by_every_fold",
        "tests/flows/test_cascade.py::test_a_missing_prediction_is_refused_with_the_fold_to_validate",
    ),
    "4 five folds on two GPUs, never two on one, and one that fails": (
        "tests/flows/test_train.py::test_five_folds_on_two_gpus_and_a_failure_stops_no_other",
    ),
    "5 the best is predicted as by hand, no pickle is loaded, a killed run is resumed": (
        "tests/flows/test_best_is_inferred.py",
        "tests/train/test_postprocess.py::test_the_steps_are_those_of_the_json_and_the_pickle_beside_it_is_not_loaded",
        "tests/flows/test_infer.py::test_a_killed_run_is_resumed_with_the_rest_and_a_torn_prediction_is_done_again",
    ),
    "6 fine-tuning from a dataset that was never planned": (
        "tests/flows/test_finetune.py",
        "tests/flows/test_finetune_really.py",
    ),
    "7 a rehearsal finds planted faults, each with its cure": ("tests/flows/rehearse", "tests/train/rehearsal"),
    "8 status names the next command, up to the predictions": ("tests/flows/status",),
    "9 the commands of the tutorial": ("tests/flows/test_tutorial.py",),
}


def main() -> int:
    """Run the promises with these numbers, or all; return 1 if one is not kept."""
    wanted = set(sys.argv[1:])
    failed = False
    for promise, tests in PROMISES.items():
        if wanted and promise.split()[0] not in wanted:
            continue
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        failed |= done.returncode != 0
        kept = "kept" if done.returncode == 0 else "BROKEN"
        print(f"{kept}  {time.monotonic() - began:6.0f} s  {promise}", flush=True)
        if done.returncode:
            print(done.stdout[-3000:])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
