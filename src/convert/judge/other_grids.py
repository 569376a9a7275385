"""Files of one case on several grids, each with an image and a label: cases of their own, so ask the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...errors import Cure, SegconvError
from ...image.geometry import Geometry
from ...image.grids import FIRST_CHANNEL, same_grid
from ..find.pairs import Pair
from ..model import SourceCase
from ..survey import Survey
from ..tree import Unit
from .candidates import NO_CHOICE, choices_of_masks
from .headers import probe_unit
from .questioned import declares_channels, suspects_among

_LABEL = ""
"""Stands for the label among the keys of images."""


def refuse_mixed_cases(survey: Survey, pairs: Sequence[Pair], cases: Sequence[SourceCase], keys: Sequence[str]) -> None:
    """Refuse images of which some share a grid with what has the values of a label, and others with the label.

    Parameters
    ----------
    pairs, cases
        As found, before a header is judged.
    keys
        Names of the files that every case has as its image, in order.

    Raises
    ------
    SegconvError
        ``SC003`` with a cure for each grid.
    """
    named = [pair for pair in pairs if len(pair.labels) == 1 and pair.images.keys() == set(keys)]
    labelled = [case for case in cases if case.label is not None and len(case.images) == len(keys)]
    if len(keys) < 3 or not named or len(named) != len(labelled) or declares_channels(survey.options, len(keys)):
        return
    grids = _grids_of_all(survey, labelled, keys)
    if grids is None or len(grids) < 2:
        return
    masks = [_mask_among(survey, labelled, keys, grid) for grid in grids]
    if any(mask is None or len(grid) < 2 for mask, grid in zip(masks, grids, strict=True)):
        return
    first = named[0]
    found = (
        " and ".join(_unit(first, key).name for key in sorted(grid, key=lambda key: key == mask))
        for grid, mask in zip(grids, masks, strict=True)
    )
    raise SegconvError(
        f"{', and '.join(f'{names} on one grid' for names in found)}"
        f" {'in the only case' if len(named) == 1 else f'in all {len(named)} cases'}:"
        " these are an image and a label each; which of them is the case?",
        code="SC003",
        file=_unit(first, keys[0]).path,
        cures=_choices(survey, named, grids, [mask for mask in masks if mask is not None]),
    )


def _choices(
    survey: Survey, pairs: Sequence[Pair], grids: Sequence[Sequence[str]], masks: Sequence[str]
) -> tuple[Cure, ...]:
    choices: list[Cure] = []
    for grid, mask in zip(grids, masks, strict=True):
        images = {key: [_unit(pair, key) for pair in pairs] for key in grid if key != mask}
        label = {_unit(pairs[0], mask).name: [_unit(pair, mask) for pair in pairs]}
        choices += choices_of_masks(survey, images, label)
    return (NO_CHOICE,) if NO_CHOICE in choices else tuple(choices)


def _unit(pair: Pair, key: str) -> Unit:
    return pair.labels[0] if key == _LABEL else pair.images[key]


def _grids_of_all(survey: Survey, cases: Sequence[SourceCase], keys: Sequence[str]) -> list[list[str]] | None:
    """Return the keys that share a grid, if they are the same in all cases; None if they are not, or unknown."""
    found: list[list[str]] | None = None
    for case in cases:
        try:
            grids = {
                key: probe_unit(case, path, survey.root, survey.options).geometry
                for key, path in zip((*keys, _LABEL), (*case.images, str(case.label)), strict=True)
            }
        except SegconvError:
            return None  # reported when the headers are judged
        parts = _parts(grids)
        if found is not None and parts != found:
            return None
        found = parts
    return found


def _parts(grids: Mapping[str, Geometry]) -> list[list[str]]:
    """Return the keys with equal grids together, in their order."""
    parts: list[list[str]] = []
    for key, grid in grids.items():
        for part in parts:
            if _equal(grid, grids[part[0]]):
                part.append(key)
                break
        else:
            parts.append([key])
    return parts


def _equal(one: Geometry, other: Geometry) -> bool:
    try:
        same_grid(one, other, FIRST_CHANNEL)
    except SegconvError:
        return False
    return True


def _mask_among(survey: Survey, cases: Sequence[SourceCase], keys: Sequence[str], grid: Sequence[str]) -> str | None:
    """Return the label among the files of a grid, or the only one with the values of a label; None without one."""
    if _LABEL in grid:
        return _LABEL
    found = [
        key
        for key in grid
        if suspects_among([(case, case.images[keys.index(key)]) for case in cases], key, survey.options)
    ]
    return found[0] if len(found) == 1 else None
