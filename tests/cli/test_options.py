"""Options that commands share: declared once, and given to a command as one value."""

from __future__ import annotations

from typing import Any

import click
import pytest

from segconv.cli.options import backend, bundled, option, running, speaking
from segconv.work.run_options import UNHEARD, RunOptions

PAIR = bundled("pair", lambda first, second: (first, second), option("--first"), option("--second", type=int))


def called(command: click.Command, *words: str) -> Any:
    return command.main(list(words), standalone_mode=False)


def test_a_bundle_gives_one_value_and_keeps_the_order_of_the_help() -> None:
    @click.command()
    @PAIR
    @option("--other")
    def command(pair: tuple[str, int], other: str) -> Any:
        return pair, other

    assert called(command, "--second", "2", "--first", "a", "--other", "b") == (("a", 2), "b")
    assert [param.name for param in command.params] == ["first", "second", "other"]


@pytest.mark.parametrize(("words", "shown"), [((), True), (("--quiet",), False), (("--json",), False)])
def test_a_run_shows_its_progress_through_the_sink_of_its_command(words: tuple[str, ...], shown: bool) -> None:
    @click.command()
    @running
    @speaking
    def command(how: RunOptions, sink: Any) -> RunOptions:
        return how

    how = called(command, "-j", "3", "--no-fsync", "--strict", *words)
    assert (how.jobs, how.fsync, how.strict, how.overwrite) == (3, False, True, False)
    assert (how.progress is not UNHEARD) == shown


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), None),
        (("--backend", "dask"), "dask"),
        (("--dask-scheduler", "tcp://h:8786"), "dask:tcp://h:8786"),
        (("--backend", "ray", "--ray-address", "h:6379"), "ray:h:6379"),
    ],
)
def test_the_address_of_a_cluster_is_part_of_the_backend(words: tuple[str, ...], expected: str | None) -> None:
    @click.command()
    @running
    @speaking
    def command(how: RunOptions, sink: Any) -> str | None:
        return how.backend

    @click.command()
    @backend
    def other(backend: str | None) -> str | None:
        return backend

    assert called(command, *words) == called(other, *words) == expected


@pytest.mark.parametrize(
    "words",
    [
        ("--backend", "slurm", "--ray-address", "h:6379"),
        ("--backend", "loky", "--dask-scheduler", "tcp://h:8786"),
        ("--dask-scheduler", "tcp://h:8786", "--ray-address", "h:6379"),
    ],
)
def test_an_address_of_another_cluster_is_refused(words: tuple[str, ...]) -> None:
    @click.command()
    @backend
    def command(backend: str | None) -> str | None:
        return backend

    with pytest.raises(click.UsageError):
        called(command, *words)
