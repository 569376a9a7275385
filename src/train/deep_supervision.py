"""Find out whether a trainer trains with deep supervision, from its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .known_trainers import find_trainer, list_trainers
from .trainer_list import Trainer

_SETS = "enable_deep_supervision = "
"""Start of a change by which a trainer decides it; nnU-Net's own has it on."""


def is_supervised_deeply(trainer: str | None) -> bool:
    """Return whether a trainer, or the nearest of its bases that decides it, has deep supervision on.

    Parameters
    ----------
    trainer
        Name; nnU-Net's usual one if None.

    Raises
    ------
    SegconvError
        What `find_trainer` raises.
    """
    if trainer is None:
        return True
    known = list_trainers()
    return next(_decisions(find_trainer(trainer, known), known), "True") != "False"


def _decisions(trainer: Trainer, known: Sequence[Trainer]) -> Iterator[str]:
    """Yield what a trainer and its bases, nearest first, set it to."""
    waiting, seen = [trainer], set[str]()
    while waiting:
        each = waiting.pop(0)
        seen.add(each.name)
        yield from (change.removeprefix(_SETS) for change in each.changes if change.startswith(_SETS))
        waiting += [base for base in known if base.name in each.bases and base.name not in seen]
