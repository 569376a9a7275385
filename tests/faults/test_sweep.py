"""Each change of the disk fails in turn: the target is absent or complete, and a rerun completes it.

``SEGCONV_FAULTS=all`` tries every change with every fault (some minutes); otherwise a fixed sample.
"""

from __future__ import annotations

import os
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.work import fsops

from .forker import Ended, Forker
from .worlds import WORLDS, World, perform

FAULTS = ("ENOSPC", "EIO", "EROFS", "EACCES", "EDQUOT", "kill")
SAMPLE = 16
EVERY = os.environ.get("SEGCONV_FAULTS") == "all"
ALONE = ["-j", "1"]
TWO_WORKERS = ["-j", "2"]


def reference(world: World, forker: Forker) -> Ended:
    """Run the command undisturbed, keep its result, and go back to before it."""
    ended = forker.run([*world.words, *ALONE], world.env)
    assert ended.code == 0, ended.err
    world.expected = world.found() or {}
    world.reset()
    return ended


def told_in_two_lines(err: str) -> bool:
    """Whether each error is two lines, and nothing else looks like one."""
    errors = [n for n, line in enumerate(err.splitlines()) if line.startswith("Error ")]
    lines = err.splitlines()
    return bool(errors) and "Traceback" not in err and all(lines[n + 1].startswith("Hint: ") for n in errors)


def disturb(world: World, forker: Forker, fault: str, words: list[str] = ALONE) -> Ended:
    """Run the command with a fault; whatever happens, the target must be what it was or what it should become."""
    sources = world.sources()
    ended = forker.run([*world.words, *words], {**world.env, "SEGCONV_FAULT": fault})
    assert world.found() in (world.before, world.expected), fault
    assert world.sources() == sources, fault
    if ended.code not in (0, -signal.SIGKILL):
        assert told_in_two_lines(ended.err), (fault, ended.err)
    if ended.code == 0:
        assert world.found() == world.expected, fault
    return ended


def mend(world: World, forker: Forker, fault: str, *, whole_before: bool, words: list[str] = ALONE) -> None:
    """Run the same command again: it must end with the target of an undisturbed run, and leave nothing next to it."""
    again = forker.run([*world.words, *words], world.env)
    finished = whole_before and "--overwrite" not in world.words
    assert again.code == (73 if finished else 0), (fault, again.err)
    assert world.found() == world.expected, fault
    left = [name for name in world.beside if name.startswith(".segconv-")]
    # A lock file whose holder is gone is free; a run that has nothing to do does not touch it.
    assert not [name for name in left if not (finished and name.endswith(".lock"))], (fault, left)


def points(calls: dict[str, int], seed: str) -> list[tuple[str, int]]:
    """Every fault at every call, or a sample in which each operation occurs."""
    number = calls["any"]
    everything = [(fault, n) for fault in FAULTS for n in range(1, number + 1)]
    if EVERY:
        return everything
    return sorted(random.Random(seed).sample(everything, SAMPLE))


@pytest.mark.parametrize("name", WORLDS)
def test_whatever_fails_the_target_is_absent_or_complete_and_a_rerun_completes_it(
    name: str, world: Callable[[str], World], forker: Forker
) -> None:
    here = world(name)
    calls = reference(here, forker).calls
    assert calls["any"] > 25
    for fault, number in points(calls, name):
        here.reset()
        ended = disturb(here, forker, f"{fault}@{number}")
        if fault == "kill":
            assert ended.code == -signal.SIGKILL
        elif number == calls["any"]:
            assert ended.code == 0, "the lock's file could not be removed, and no one holds it"
        else:
            assert ended.code == 74, (fault, number, ended.err)
            codes = set(re.findall(r"^Error (SC\d+)", ended.err, re.MULTILINE))
            assert codes == ({"SC032"} if fault in ("ENOSPC", "EDQUOT") else {"SC031"}), (fault, number, ended.err)
        mend(here, forker, f"{fault}@{number}", whole_before=here.found() == here.expected)


@pytest.mark.parametrize("name", ["png", "replaced", "hard_links", "augmented"])
def test_each_operation_fails_the_first_time_and_the_last(
    name: str, world: Callable[[str], World], forker: Forker
) -> None:
    here = world(name)
    calls = reference(here, forker).calls
    for operation in sorted(calls.keys() - {"any"}):
        for number in sorted({1, calls[operation]}):
            for fault in FAULTS if EVERY else ("EIO", "kill"):
                here.reset()
                what = f"{fault}@{operation}:{number}"
                code = disturb(here, forker, what).code
                assert code == (-signal.SIGKILL if fault == "kill" else 0 if operation == "unlock" else 74), what
                mend(here, forker, what, whole_before=here.found() == here.expected)


def test_all_operations_of_the_seam_are_tried(world: Callable[[str], World], forker: Forker) -> None:
    tried: set[str] = set()
    for name in ("png", "replaced", "hard_links", "soft_links"):
        here = world(name)
        tried |= reference(here, forker).calls.keys()
    seam = set(re.findall(r'_before\("(\w+)"', Path(fsops.__file__).read_text()))
    assert seam - tried <= {"rmdir"}, "which is tried below"


def test_an_empty_target_and_empty_folders_of_a_run_that_failed_are_removed(
    fresh: Callable[[str], World], forker: Forker
) -> None:
    here = fresh("restored")
    reference(here, forker)
    for fault in ("EIO", "kill"):
        here.reset()
        here.made.mkdir()
        forker.run([*here.words, *ALONE], {**here.env, "SEGCONV_FAULT": f"{fault}@rmdir:1"})
        assert here.found() in ({}, None)
        mend(here, forker, "rmdir", whole_before=False)


@pytest.mark.parametrize("name", ["png", "channels", "augmented"])
def test_repeated_faults_are_fixed_by_reruns(name: str, world: Callable[[str], World], forker: Forker) -> None:
    here = world(name)
    number = reference(here, forker).calls["any"]
    chance = random.Random(name)
    for _ in range(20 if EVERY else 3):
        here.reset()
        tried = [f"{chance.choice(FAULTS)}@{chance.randint(1, number)}" for _ in range(4)]
        for fault in tried:
            if here.found() == here.expected:
                break
            disturb(here, forker, fault)
        mend(here, forker, str(tried), whole_before=here.found() == here.expected)


@pytest.mark.parametrize("name", ["png", "augmented", "augmented_pictures"])
@pytest.mark.parametrize(("backend", "killed"), [("threading", -signal.SIGKILL), ("loky", 70)])
@pytest.mark.parametrize("fault", ["ENOSPC@write:3", "EROFS@write:4", "EIO@create:6", "kill@write:3"])
def test_faults_in_workers_are_reported_and_a_rerun_fixes_them(
    name: str, fault: str, backend: str, killed: int, world: Callable[[str], World], forker: Forker
) -> None:
    # The run itself makes these calls less often before its workers are done.
    here = world(name)
    reference(here, forker)
    ended = disturb(here, forker, fault, [*TWO_WORKERS, "--backend", backend])
    code = killed if fault.startswith("kill") else 74
    assert ended.code == code, (fault, ended.err)
    assert here.found() is None
    mend(here, forker, fault, whole_before=False)


def test_what_a_run_that_failed_had_done_is_not_done_again(world: Callable[[str], World], forker: Forker) -> None:
    here = world("png")
    calls = reference(here, forker).calls
    disturb(here, forker, f"EIO@unlink:{calls['unlink'] - 2}")  # of the journal, just before the target appears
    again = forker.run([*here.words, *ALONE], here.env)
    assert again.code == 0
    assert "with 4 cases, 4 of them by an earlier run" in again.err
    assert again.calls.get("write", 0) == 0


def test_an_edit_of_a_dataset_is_complete_or_absent(fresh: Callable[[str], World], forker: Forker) -> None:
    here = fresh("png")
    perform(here)
    before = here.found() or {}
    edit = ["labels", "rename", "9", "disc=circle"]
    ended = forker.run(edit, here.env)
    assert ended.code == 0, ended.err
    expected = here.found()
    for fault in FAULTS:
        for number in range(1, ended.calls["any"] + 1):
            here.before = before
            here.reset()
            done = forker.run(edit, {**here.env, "SEGCONV_FAULT": f"{fault}@{number}"})
            last = number == ended.calls["any"]  # the lock's file
            assert done.code == (-signal.SIGKILL if fault == "kill" else 0 if last else 74), (fault, number, done.err)
            found = here.found() or {}
            assert found["dataset.json"] in (before["dataset.json"], (expected or {})["dataset.json"])
            assert {k: v for k, v in found.items() if k.startswith(("images", "labels"))} == {
                k: v for k, v in before.items() if k.startswith(("images", "labels"))
            }
            forker.run(edit, here.env)
            if (here.found() or {}).get("dataset.json") != before["dataset.json"]:
                rest = {k: v for k, v in (here.found() or {}).items() if not k.rpartition("/")[2].startswith(".tmp-")}
                assert rest == expected, (fault, number)
