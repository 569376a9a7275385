"""Ctrl-C and SIGTERM: reported with what is kept, answered once, with signal handlers restored."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor, process_executor

from segconv.errors import Interrupted
from segconv.work.interruption import answer_no_more, answer_once, interruptible

BOTH = [signal.SIGINT, signal.SIGTERM]


IN_A_STRING = """
import signal, sys
from segconv.errors import Interrupted
from segconv.work.interruption import interruptible
try:
    with interruptible("kept"):
        exec("signal.raise_signal(signal.SIGTERM)")
except Interrupted as error:
    sys.exit(error.exit_code)
"""


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in BOTH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_ends_the_work_with_what_is_kept_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in BOTH]
    with pytest.raises(Interrupted, match="half is kept") as caught, interruptible("half is kept", "go on"):
        signal.raise_signal(number)
    assert (caught.value.exit_code, caught.value.hint) == (128 + number, "go on")
    assert [signal.getsignal(one) for one in BOTH] == before


@pytest.mark.parametrize("number", BOTH)
def test_an_error_in_the_place_of_the_interruption_is_the_interruption(number: signal.Signals) -> None:
    """As of a pool whose workers were ended while it started."""

    def work() -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt as error:
            raise RuntimeError("a worker died") from error

    with pytest.raises(Interrupted) as caught, interruptible("kept", "go on"):
        work()
    assert caught.value.exit_code == 128 + number
    with pytest.raises(RuntimeError, match="by itself"), interruptible("kept", "go on"):
        raise RuntimeError("by itself")


def test_a_second_signal_is_ignored_until_the_work_has_ended() -> None:
    ended = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            ended.append("in peace")

    with pytest.raises(Interrupted), interruptible("", ""):
        work()
    assert ended == ["in peace"]


def test_a_program_answers_once_and_ignores_all_that_follows() -> None:
    answer_once()
    with pytest.raises(Interrupted) as caught, interruptible("kept", ""):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.exit_code == 143
    assert [signal.getsignal(one) for one in BOTH] == [signal.SIG_IGN, signal.SIG_IGN]


def test_work_that_ends_well_leaves_a_program_answering() -> None:
    answer_once()
    handler = signal.getsignal(signal.SIGINT)
    with interruptible("", ""):
        pass
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_threads_leave_signal_handlers_untouched() -> None:
    before = [signal.getsignal(one) for one in BOTH]
    seen = []

    def work() -> None:
        with interruptible("", ""):
            seen.append([signal.getsignal(one) for one in BOTH])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_workers_are_ended_whose_pool_was_interrupted_while_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = get_reusable_executor(max_workers=1)
    started: list[threading.Thread] = []

    def interrupted(thread: threading.Thread) -> None:
        started.append(thread)
        raise KeyboardInterrupt(signal.SIGTERM)

    monkeypatch.setattr(process_executor._ExecutorManagerThread, "start", interrupted)
    message = "half is kept"
    with pytest.raises(Interrupted, match=message), interruptible(message):
        pool.submit(abs, -1)
    assert len(started) == 1, "loky starts its thread so"

    monkeypatch.undo()
    assert get_reusable_executor(max_workers=1).submit(abs, -1).result() == 1, "the next run has another pool"


@pytest.mark.parametrize("number", BOTH)
def test_once_the_result_is_final_signals_are_ignored(number: signal.Signals) -> None:
    answer_once()
    answer_no_more()
    signal.raise_signal(number)


def test_a_signal_during_code_from_a_string_leaves_the_exit_code(tmp_path: Path) -> None:
    """As that of named tuples and dataclasses in modules that are imported meanwhile."""
    (tmp_path / "in_a_string.py").write_text(IN_A_STRING)
    assert subprocess.run([sys.executable, "-m", "in_a_string"], cwd=tmp_path, check=False).returncode == 143


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_in_a_callback_of_an_import_is_answered_after_it(number: signal.Signals) -> None:
    """Python would report what the callback raises, and go on."""

    def cb(_: object) -> None:
        signal.raise_signal(number)

    cb.__code__ = cb.__code__.replace(co_filename="<frozen importlib._bootstrap>")
    locks = [threading.Event()]
    references = [weakref.ref(locks[0], cb)]

    def work() -> None:
        locks.clear()
        threading.Event().wait(30)

    with pytest.raises(Interrupted, match="kept"), interruptible("kept"):
        work()
    assert references[0]() is None
