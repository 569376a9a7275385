"""Decide what is left to do for a fold: train, resume, validate, or nothing."""

from __future__ import annotations

from enum import Enum

from ..errors import Cure, SegconvError
from ..work import fsops
from ..work.writing import writing
from .checkpoints import ORDER
from .folds import FoldState, kept_folder, state_of
from .kept import set_aside, settle

CUT = ".cut"
"""Added to the name of a checkpoint that was cut off, so that nnU-Net takes the next one."""


class Step(Enum):
    """What nnU-Net does next for a fold."""

    BEGIN = "train"
    RESUME = "resume"
    VALIDATE = "validate"
    NONE = "skip"


class Wish(Enum):
    """What the user asked for.

    ``FINISH`` does whatever is left, ``RESUME`` too, but needs something to resume; ``VALIDATE`` validates a trained
    fold again, and ``AGAIN`` trains it again.
    """

    FINISH = "finish"
    RESUME = "resume"
    VALIDATE = "validate"
    AGAIN = "again"


def next_step(state: FoldState, wish: Wish, *, probabilities: bool = False) -> Step:
    """Return what nnU-Net does next for a fold; nothing is changed.

    Parameters
    ----------
    state
        The fold.
    wish
        What was asked for.
    probabilities
        Whether its validation predictions need probabilities.

    Raises
    ------
    SegconvError
        ``SC010`` if there is nothing to resume or to validate.
    """
    under_way = state.kept and wish is Wish.AGAIN  # the same command, after an interruption
    if state.kept and not state.whole and not under_way:
        state = state_of(kept_folder(state.folder))  # which `prepare` puts back
    _refuse_if_nothing(state, wish)
    if wish is Wish.VALIDATE:
        return Step.VALIDATE
    if wish is Wish.AGAIN and not under_way:
        return Step.BEGIN
    return _rest(state, probabilities=probabilities)


def _refuse_if_nothing(state: FoldState, wish: Wish) -> None:
    """Refuse to resume or validate what does not exist."""
    if wish is Wish.RESUME and not state.whole:
        cure = Cure.of("train_from_start")
        raise SegconvError("has no checkpoint to resume from", code="SC010", file=str(state.folder), cures=[cure])
    if wish is Wish.VALIDATE and not state.trained:
        raise SegconvError("has no finished training to validate", code="SC010", file=str(state.folder))


def _rest(state: FoldState, *, probabilities: bool) -> Step:
    """Return what is left to do."""
    if state.trained:
        done = state.validated and (state.probabilities or not probabilities)
        return Step.NONE if done else Step.VALIDATE
    return Step.RESUME if state.begun else Step.BEGIN


def prepare(state: FoldState, wish: Wish) -> FoldState:
    """Put a fold's folder in order for its next step; return its new state.

    An interrupted replacement is completed or undone, a fold that is to be trained again is set aside, and cut
    checkpoints are renamed: nnU-Net loads the first that exists, whole or not.

    Parameters
    ----------
    state
        The fold, which is locked.

    Raises
    ------
    SegconvError
        ``SC116`` if the fold is a link and would be set aside; ``SC031`` if the system refuses.
    """
    again = wish is Wish.AGAIN
    if again and state.whole and not state.kept:
        set_aside(state.folder)
    elif not (again and state.kept and not state.whole):
        settle(state)
    return _without_cut(state_of(state.folder))


def _without_cut(state: FoldState) -> FoldState:
    """Rename the cut checkpoints that nnU-Net would prefer to a whole one."""
    preferred = [name for name in state.cut if state.whole and ORDER.index(name) < ORDER.index(state.whole[0])]
    for name in preferred:
        with writing(state.folder / name):
            fsops.rename(state.folder / name, state.folder / (name + CUT))
    return state_of(state.folder) if preferred else state
