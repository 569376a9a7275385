"""The label compiler: turn masks that may overlap into one label file that nnU-Net restores without loss.

The set of masks that a voxel is in is its *atom*. The atoms that occur are numbered 1 to n and are the label values;
a mask is then a region, the union of the atoms that contain it. If no masks overlap, regions are not needed and each
mask is a label. Otherwise `regions.order_heads` finds the order of heads; atoms that no order restores get a head of
their own. Every overlapping mask can thus be recovered bit for bit from the values, and from a perfect prediction too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Finding, SegconvError, warning
from ..words import some_of
from .labels import BACKGROUND, IGNORE, Labels
from .regions import free_name, order_heads, swaps

Atom: TypeAlias = frozenset[int]
"""The indices of the masks that a voxel is in."""

MAX_HEADS = 64
"""Most heads of a network with regions, unless the user raises it: each costs memory for every voxel."""
MAX_VALUE = 32767
"""nnU-Net's ``LabelManager`` writes regions into signed 16-bit integers."""
SHOWN_MASKS = 8
"""How many masks a message on many names."""
CHUNK_VOXELS = 1 << 22

T = TypeVar("T")


class Accumulator:
    """Atoms of a stack of masks that are seen one at a time, so that memory does not grow with their number.

    Parameters
    ----------
    shape
        Shape of every mask, in any axis order.

    Attributes
    ----------
    codes
        Atom number of each voxel, in the smallest unsigned type that holds it; read it after
        all masks were added.
    atoms
        The atom of each code; 0 is the empty atom, in no mask. All but the first occur.
    voxels
        Number of voxels of each code.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.codes: NDArray[np.unsignedinteger] = np.zeros(tuple(shape), dtype=np.uint8)
        self.atoms: list[Atom] = [frozenset()]
        self.voxels: list[int] = [self.codes.size]

    def add(self, index: int, mask: NDArray[np.bool_]) -> None:
        """Add the mask of this index: its voxels move from their atom to the one that also contains the mask.

        Raises
        ------
        SegconvError
            ``SC082`` if the mask has another shape.
        ValueError
            If it is not of type bool, or this index was added before.
        """
        if mask.dtype != np.bool_:
            raise ValueError(f"a mask is of type bool, not {mask.dtype}")
        if any(index in atom for atom in self.atoms):
            raise ValueError(f"mask {index} was added before")
        if mask.shape != self.codes.shape:
            raise SegconvError(f"a mask has the shape {mask.shape}, expected {self.codes.shape}", code="SC082")
        to = self._split(index, self._hits(mask))
        self.codes = self.codes.astype(np.min_scalar_type(len(self.atoms) - 1), copy=False)
        to = to.astype(self.codes.dtype)
        for part in _slabs(mask.shape):
            if mask[part].any():
                codes = self.codes[part]
                codes[mask[part]] = to[codes[mask[part]]]

    def _hits(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the number of voxels of each code in a mask."""
        hits = np.zeros(len(self.atoms), dtype=np.int64)
        for part in _slabs(mask.shape):
            if mask[part].any():
                hits += np.bincount(self.codes[part][mask[part]], minlength=len(hits))
        return hits

    def _split(self, index: int, hits: NDArray[np.int64]) -> NDArray[np.intp]:
        """Add the atoms of a mask's voxels; return the new code for each old one."""
        to = np.arange(len(hits))
        for code in np.flatnonzero(hits).tolist():
            atom = self.atoms[code] | {index}
            if code and hits[code] == self.voxels[code]:
                self.atoms[code] = atom  # no voxel is left of the old one
                continue
            to[code] = len(self.atoms)
            self.atoms.append(atom)
            self.voxels[code] -= int(hits[code])
            self.voxels.append(int(hits[code]))
        return to

    def label(self, value_of: Mapping[Atom, int]) -> NDArray[np.unsignedinteger]:
        """Return the label array: the value of each voxel's atom, in uint8 or, if that is too small, uint16.

        Parameters
        ----------
        value_of
            As in `Compiled`.
        """
        table = np.array([value_of[atom] for atom in self.atoms])
        table = table.astype(np.uint8 if table.max() <= np.iinfo(np.uint8).max else np.uint16)
        label = np.empty(self.codes.shape, dtype=table.dtype)
        for part in _slabs(self.codes.shape):
            label[part] = table[self.codes[part]]
        return label


@dataclass(frozen=True)
class Compiled:
    """Result of compiling masks.

    Parameters
    ----------
    labels
        For dataset.json; plain labels if no two masks overlap, otherwise regions with a proved order.
    value_of
        Atom → label value for every given atom, and 0 for the empty one.
    masks_of
        Name of a mask → its label values; none if it never occurs.
    dropped
        Names of masks that never occur, or never win under a priority; they are in no label.
    equal
        Names of masks that hold the same voxels everywhere; they are one label.
    lost
        Number of atoms that a priority gave to only one of their masks; 0 means that nothing is lost.
    """

    labels: Labels
    value_of: Mapping[Atom, int]
    masks_of: Mapping[str, tuple[int, ...]]
    dropped: tuple[str, ...] = ()
    equal: tuple[tuple[str, ...], ...] = ()
    lost: int = 0

    @property
    def index(self) -> dict[str, int]:
        """Name of a mask → its number in atoms."""
        return {name: number for number, name in enumerate(self.masks_of)}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should know about the result, as warnings."""
        found = [warning("SC076", self._dropped_in_words)] if self.dropped else []
        found += [
            warning("SC088", f"the masks {' and '.join(map(repr, names))} are equal everywhere; they are one label")
            for names in self.equal
        ]
        if self.lost:
            found.append(warning("SC074", f"{self.lost} kinds of overlap went to one mask by the priority given"))
        return tuple(found)

    @property
    def _dropped_in_words(self) -> str:
        if len(self.dropped) == 1:
            return f"the mask {self.dropped[0]!r} has no voxel of its own in any case"
        names = some_of(self.dropped, SHOWN_MASKS)
        return f"{len(self.dropped)} of {len(self.masks_of)} masks have no voxel of their own in any case: {names}"


def compile_masks(
    names: Sequence[str],
    atoms: Collection[Atom],
    *,
    priority: Sequence[str] | None = None,
    max_heads: int = MAX_HEADS,
) -> Compiled:
    """Return labels for masks with these names, given the atoms that occur.

    The result depends only on the set of atoms, not on the order in which they were found.

    Parameters
    ----------
    names
        One name per mask; values and heads follow their order where possible.
    atoms
        The atoms of all cases.
    priority
        Names, highest priority first: an overlap goes only to the first of its masks; names not given
        come last. Overlaps are lost, and regions are not needed.
    max_heads
        Limit on heads if regions are needed.

    Raises
    ------
    SegconvError
        ``SC074`` if a name occurs twice or is reserved, or there are too many heads or
        values; ``SC011`` if no mask has a voxel; ``SC001`` if ``priority`` has a name that is not a mask.
    """
    _check_names(names)
    winners = _winners(names, atoms, priority)
    groups, members = _grouped(names, set(winners.values()))
    if not groups:
        raise SegconvError(f"none of {len(names)} masks has a voxel", code="SC011")
    ordered = sorted(members.items(), key=lambda item: (len(item[1]), sorted(item[1])))
    value_of_winner = {atom: value for value, (atom, _) in enumerate(ordered, 1)} | {frozenset[int](): 0}
    if len(ordered) > MAX_VALUE:
        raise SegconvError(f"{len(names)} masks make {len(ordered)} values, at most {MAX_VALUE} go", code="SC074")
    labels = _labels_of(groups, [inside for _, inside in ordered], max_heads)
    if swaps(labels):
        raise SegconvError(f"compiled labels {labels.as_json()} are not proved", code="SC104")
    inside_of = _holding(len(names), value_of_winner.items())
    masks_of = {name: tuple(sorted(values)) for name, values in zip(names, inside_of, strict=True)}
    return Compiled(
        labels,
        {atom: value_of_winner[winner] for atom, winner in winners.items()},
        masks_of,
        dropped=tuple(name for name, values in masks_of.items() if not values),
        equal=_equal(masks_of),
        lost=sum(atom != winner for atom, winner in winners.items()),
    )


def _labels_of(groups: list[str], ordered: Sequence[frozenset[int]], max_heads: int) -> Labels:
    """Return labels for groups of masks; the given sets occur and are the values from 1 on."""
    heads: dict[str, set[int]] = {name: set() for name in groups}
    for value, inside in enumerate(ordered, 1):
        for group in inside:
            heads[groups[group]].add(value)
    if all(len(inside) == 1 for inside in ordered):
        return Labels({BACKGROUND: 0, **{name: min(values) for name, values in heads.items()}})
    _check_heads(len(ordered), "at least ", groups, ordered, max_heads)
    labels = with_regions(groups, heads, dict(enumerate(ordered, 1)))
    _check_heads(len(labels.foreground), "", groups, ordered, max_heads)
    return labels


def _holding(number: int, atoms: Iterable[tuple[Atom, T]]) -> list[set[T]]:
    """Return, for each of `number` masks, everything paired with an atom that contains it."""
    found: list[set[T]] = [set() for _ in range(number)]
    for atom, what in atoms:
        for index in atom:
            found[index].add(what)
    return found


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices of the first axis that hold about `CHUNK_VOXELS`, regardless of the order in memory."""
    plane = max(int(np.prod(shape[1:])), 1)
    step = max(CHUNK_VOXELS // plane, 1)
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if name.lower() in (BACKGROUND, IGNORE):
            raise SegconvError(
                f"a mask is named {name!r}, which has a meaning of its own in nnU-Net",
                code="SC074",
                hint="rename the mask, or leave it out",
            )
    if len(set(names)) < len(names):
        raise SegconvError(f"the masks are named {', '.join(map(repr, names))}, expected a name each", code="SC074")


def _winners(names: Sequence[str], atoms: Collection[Atom], priority: Sequence[str] | None) -> dict[Atom, Atom]:
    """Return each atom and what it counts as: itself, or under a priority only its first mask."""
    every = {frozenset(atom) for atom in atoms} | {frozenset[int]()}
    if priority is None:
        return {atom: atom for atom in every}
    place_of = {name: index for index, name in enumerate(names)}
    unknown = [name for name in priority if name not in place_of]
    if unknown:
        raise SegconvError(
            f"the priority names {unknown[0]!r}, which is not a mask", hint=f"masks are {', '.join(names)}"
        )
    rank = {place_of[name]: place for place, name in enumerate(dict.fromkeys((*priority, *names)))}
    return {atom: frozenset(sorted(atom, key=lambda index: rank[index])[:1]) for atom in every}


def _grouped(names: Sequence[str], atoms: Collection[Atom]) -> tuple[list[str], dict[Atom, frozenset[int]]]:
    """Return the names of groups of masks that are equal everywhere, and atom → groups; empty masks are in none."""
    holding = _holding(len(names), ((atom, atom) for atom in atoms))
    occurs: dict[frozenset[Atom], list[int]] = {}
    for index, own in enumerate(holding):
        if own:
            occurs.setdefault(frozenset(own), []).append(index)
    groups = _names_of_groups(names, occurs.values())
    group_of = {indices[0]: group for group, indices in enumerate(occurs.values())}
    members = {atom: frozenset(group_of[index] for index in atom if index in group_of) for atom in atoms if atom}
    return groups, members


def _names_of_groups(names: Sequence[str], groups: Iterable[Sequence[int]]) -> list[str]:
    """Return the name of each group: the name of its only mask, or the names of all."""
    taken: set[str] = set(names)
    found = []
    for indices in groups:
        name = names[indices[0]] if len(indices) == 1 else free_name("&".join(names[i] for i in indices), taken)
        taken.add(name)
        found.append(name)
    return found


def with_regions(groups: Sequence[str], heads: Mapping[str, Set[int]], inside: Mapping[int, Collection[int]]) -> Labels:
    """Return labels with regions, and a head for each value that no order of them restores.

    Parameters
    ----------
    groups
        Names of the regions.
    heads
        Name → values of each region.
    inside
        Value → numbers of the regions, as in `groups`, that hold it.
    """
    order = order_heads(heads)
    names: dict[str, int | tuple[int, ...]] = {BACKGROUND: 0}
    names |= {name: tuple(sorted(heads[name])) for name in order.painted}
    for value in sorted(order.missing):
        # Never an atom of one mask: `order_heads` starts with the value that settles most, and an overlap settles two.
        names[free_name("&".join(groups[group] for group in sorted(inside[value])), names.keys())] = value
    return Labels(names, (*order.painted.values(), *sorted(order.missing)))


def _check_heads(
    count: int, at_least: str, groups: Sequence[str], members: Collection[frozenset[int]], max_heads: int
) -> None:
    if count <= max_heads:
        return
    overlaps = [inside for inside in members if len(inside) > 1]
    often = Counter(groups[group] for inside in sorted(map(sorted, overlaps)) for group in inside).most_common(3)
    shown = ", ".join(f"{name} ({n})" for name, n in often)
    raise SegconvError(
        f"{len(groups)} masks overlap in {len(overlaps)} ways and make {len(members)} label values; telling them all"
        f" apart takes {at_least}{count} heads, at most {max_heads} go. In most overlaps are {shown}",
        code="SC074",
        hint="convert fewer masks, or give a priority: a voxel then goes only to the first of its masks",
    )


def _equal(masks_of: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, ...], ...]:
    same: dict[tuple[int, ...], list[str]] = {}
    for name, values in masks_of.items():
        same.setdefault(values, []).append(name)
    return tuple(tuple(names) for values, names in same.items() if values and len(names) > 1)
