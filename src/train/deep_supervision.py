"""Find out what deep supervision a trainer asks of its network, from its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .known_trainers import find_trainer, list_trainers
from .trainer_list import MEANING, Trainer

_SETS = "enable_deep_supervision = "
"""Start of a change by which a trainer decides whether there is any; nnU-Net's own has it on."""


@dataclass(frozen=True)
class DeepSupervision:
    """What a trainer asks of its network; by default, as nnU-Net's own does.

    Parameters
    ----------
    is_on
        Whether the network returns several outputs in training.
    by_decoder
        Whether the trainer sets ``network.decoder.deep_supervision``, and has no way of its own.
    """

    is_on: bool = True
    by_decoder: bool = True


USUAL = DeepSupervision()


def deep_supervision_of(trainer: str | None) -> DeepSupervision:
    """Return what a trainer, or the nearest of its bases that decides it, asks for.

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
        return USUAL
    known = list_trainers()
    changes = [change for each in with_bases(find_trainer(trainer, known), known) for change in each.changes]
    decided = next((change.removeprefix(_SETS) for change in changes if change.startswith(_SETS)), "True")
    return DeepSupervision(decided != "False", MEANING["set_deep_supervision_enabled"] not in changes)


def with_bases(trainer: Trainer, known: Sequence[Trainer]) -> Iterator[Trainer]:
    """Yield a trainer and its bases, nearest first."""
    waiting, seen = [trainer], set[str]()
    while waiting:
        each = waiting.pop(0)
        yield each
        seen.add(each.name)
        waiting += [base for base in known if base.name in each.bases and base.name not in seen]
