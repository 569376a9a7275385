"""Several runs on one target: one makes it, the others report that it is taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .forker import Forker
from .worlds import World


@pytest.mark.parametrize("name", ["png", "channels", "augmented", "restored"])
@pytest.mark.parametrize("number", [2, 4])
def test_of_runs_at_once_one_makes_the_target_and_the_others_say_why_not(
    name: str, number: int, world: Callable[[str], World], forker: Forker
) -> None:
    here = world(name)
    assert forker.run([*here.words, "-j", "1"], here.env).code == 0
    expected = here.found()
    for _ in range(3):
        here.reset()
        runs = [forker.start([*here.words, "-j", "1"], here.env) for _ in range(number)]
        ended = [run.wait() for run in runs]
        codes = sorted(one.code for one in ended)
        assert codes[0] == 0, [one.err for one in ended]
        assert set(codes[1:]) <= {73, 75}, [one.err for one in ended]
        for one in ended:
            if one.code:
                assert one.err.splitlines()[-2].startswith("Error SC0")
                assert one.err.splitlines()[-1].startswith("Hint: ")
        assert here.found() == expected
        assert not [left for left in here.beside if left.startswith(".segconv-")]


def test_two_names_of_one_id_exclude_each_other(world: Callable[[str], World], forker: Forker) -> None:
    here = world("png")
    other = [word.replace("9_A", "9_B") for word in here.words]
    runs = [forker.start([*words, "-j", "1"], here.env) for words in (here.words, other)]
    codes = sorted(run.wait().code for run in runs)
    assert codes[0] == 0
    assert codes[1] in (73, 75)
    made = [path for path in here.made.parent.iterdir() if path.is_dir()]
    try:
        assert len(made) == 1, "an id has one name"
    finally:
        for path in made:
            path.rename(here.made)


def test_a_replacement_and_another_exclude_each_other(world: Callable[[str], World], forker: Forker) -> None:
    here = world("replaced")
    assert forker.run([*here.words, "-j", "1"], here.env).code == 0
    expected = here.found()
    for _ in range(3):
        here.reset()
        runs = [forker.start([*here.words, "-j", "1"], here.env) for _ in range(3)]
        ended = [run.wait() for run in runs]
        assert {one.code for one in ended} <= {0, 75}
        assert 0 in {one.code for one in ended}
        assert here.found() == expected
        assert not [left for left in here.beside if left.startswith(".segconv-")]


def test_an_unfinished_run_is_gone_on_with_by_one_of_several(world: Callable[[str], World], forker: Forker) -> None:
    here = world("png")
    assert forker.run([*here.words, "-j", "1"], here.env).code == 0
    expected = here.found()
    here.reset()
    forker.run([*here.words, "-j", "1"], {**here.env, "SEGCONV_FAULT": "kill@write:6"})
    runs = [forker.start([*here.words, "-j", "1"], here.env) for _ in range(3)]
    codes = sorted(run.wait().code for run in runs)
    assert codes[0] == 0
    assert set(codes[1:]) <= {73, 75}
    assert here.found() == expected
