"""Import a trainer that is neither nnU-Net's nor segconv's before it trains or predicts; see `trainer_trial`.

nnU-Net would import it too, in each fold's process, and wait for as long as that takes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..errors import SegconvError
from .child import ChildFailed, environment, python, run_child
from .child_events import heard
from .known_trainers import OURS
from .paths import Paths
from .time_limit import LIMIT_S, how_it_ended, was_killed
from .trainer_list import NNUNET, Trainer

_INSPECTS = re.compile(r"\s*Inspecting module: (\S+)")
"""What nnU-Net writes before it imports a module of a folder."""


def refuse_unimportable(trainer: Trainer, paths: Paths, log: Path | None, *, limit_s: int = LIMIT_S) -> None:
    """Refuse a trainer whose modules fail when nnU-Net imports them, or do not come back.

    Parameters
    ----------
    trainer
        What `find_trainer` returned; those of nnU-Net and segconv are not imported.
    paths
        With the folders of trainers.
    log
        File to which the output of the process is appended, if any.
    limit_s
        How long the imports may take, in seconds.

    Raises
    ------
    SegconvError
        ``SC226``.
    Interrupted
        By Ctrl-C.
    """
    if trainer.home in (NNUNET, OURS):
        return
    done, at, why = False, trainer.module or trainer.home, "it ended the process"

    def hear(line: str) -> None:
        nonlocal done, at
        if found := _INSPECTS.match(line):
            at = found[1]
        done = done or "done" in (heard(line) or {})

    try:
        run_child(
            [
                *python("from segconv.train.trainer_trial import main; main()"),
                json.dumps({"trainer": trainer.name, "limit_s": limit_s}),
            ],
            environment(paths),
            shown=f"import of {trainer.name}",
            log=log,
            tell=hear,
        )
    except ChildFailed as error:
        why = how_it_ended("import", error.ended_with, limit_s) if was_killed(error.ended_with) else _raised(error)
    if not done:
        what = f"{trainer.name}, in {trainer.home}: nnU-Net cannot import {at}: {why}"
        hint = "correct the module, or move it away" + ("" if log is None else f"; see {log}")
        raise SegconvError(what, code="SC226", file=str(log or ""), hint=hint)


def _raised(error: ChildFailed) -> str:
    return error.last_lines[-1] if error.last_lines else error.message
