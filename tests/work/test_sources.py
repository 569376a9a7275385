"""Sources that change after their case was done, before the target appears."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from segconv.errors import Finding, Refused
from segconv.work.run import Result, execute
from segconv.work.run_options import RunOptions
from segconv.work.staging import Staged

from . import tasks
from .tasks import listing, make_plan

Change = Callable[[Path], object]
CHANGES: dict[str, Change] = {
    "is written again": lambda p: p.write_bytes(p.read_bytes()),
    "is longer": lambda p: p.write_bytes(p.read_bytes() + b"x"),
    "is gone": lambda p: p.unlink(),
    "became a link": lambda p: (p.rename(p.with_name("was")), p.symlink_to("was")),
}


def finishing(change: Callable[[], object]) -> Callable[[Iterable[Result], Staged], list[Finding]]:
    """Finish as `listing`, and change something once meanwhile."""
    pending = [change]

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        found = listing(results, staged)
        while pending:
            pending.pop()()
        return found

    return finish


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_after_it_was_read_is_named_and_its_case_done_again(change: str, tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    source = tmp_path / "source" / "1.bin"
    with pytest.raises(Refused) as caught:
        execute(plan, tasks.copy, finishing(lambda: CHANGES[change](source)))
    assert [(f.code, f.file) for f in caught.value.findings] == [("SC062", str(source))]
    assert "run the same command again" in caught.value.findings[0].hint
    assert not plan.target.path.exists()
    source.unlink(missing_ok=True)
    source.write_bytes(b"as it is now")
    outcome = execute(plan, tasks.counted, listing)
    assert (outcome.done, outcome.reused) == (3, 2)
    assert (tmp_path / "calls").read_text() == "case1\n"
    assert (plan.target.path / "data" / "1.bin").read_bytes() == b"as it is now"


def test_all_that_changed_is_named(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)

    def change() -> None:
        for number in (0, 2):
            (tmp_path / "source" / f"{number}.bin").write_bytes(b"x")

    with pytest.raises(Refused) as caught:
        execute(plan, tasks.copy, finishing(change), RunOptions(jobs=2))
    assert [Path(f.file).name for f in caught.value.findings] == ["0.bin", "2.bin"]


def test_with_keep_going_the_others_are_made(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    source = tmp_path / "source" / "1.bin"
    outcome = execute(plan, tasks.copy, finishing(lambda: source.write_bytes(b"x")), RunOptions(keep_going=True))
    assert [(f.code, f.file) for f in outcome.failed] == [("SC062", str(source))]
    assert outcome.done == 2
    made = plan.target.path
    assert sorted(p.name for p in (made / "data").iterdir()) == ["0.bin", "2.bin"]
    assert [line.split()[0] for line in (made / "index").read_text().splitlines()] == ["case0", "case2"]


def test_a_source_of_an_earlier_run_is_looked_at_as_well(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    with pytest.raises(Refused):
        execute(plan, tasks.one_fails, listing)
    source = tmp_path / "source" / "0.bin"
    with pytest.raises(Refused) as caught:
        execute(plan, tasks.copy, finishing(lambda: source.write_bytes(b"x")))
    assert [f.file for f in caught.value.findings] == [str(source)]
