"""A stand-in for nnU-Net's trainer, also in jobs of a cluster.

Run as a module it is the command line with that trainer: ``python -m tests.train.stand_in_jobs ROOM WORD…``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from segconv.flows import train
from segconv.train import cluster

from . import stand_in

_train_again = train.train_again


Install = Callable[..., None]
"""Puts a trainer in place: called with its room and what patches."""


def train_again(install_trainer: Install, room: Path, *arguments: Any, ended: Any) -> train.Training:
    """Train a fold in a job."""
    install_trainer(room, setattr)
    return _train_again(*arguments, ended=ended)


def install(
    room: Path, patch: Callable[[Any, str, Any], None] = setattr, install_trainer: Install = stand_in.install
) -> None:
    """Install a stand-in here and in jobs."""
    from tests.train import stand_in_jobs  # jobs import it by this name, also if this is the main module

    install_trainer(room, patch)
    patch(train, "train_again", partial(stand_in_jobs.train_again, install_trainer, room))
    patch(cluster, "POLL_S", 0.05)


if __name__ == "__main__":
    from segconv.cli.main import main

    install(Path(sys.argv[1]))
    main(sys.argv[2:])
