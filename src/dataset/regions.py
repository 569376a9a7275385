"""Regions: how nnU-Net decodes a perfect prediction, and the order that restores every label.

With regions nnU-Net has one head per name except background and ignore, in the order of the names in dataset.json. It
starts from background and paints head after head with the value at the same position in ``regions_class_order``, so
the last head that is on decides. A perfect prediction of a value turns on the heads whose regions hold it. nnU-Net does
not check that painting restores that value: a wrong order trains and silently swaps classes. `swaps` checks it,
`with_order` computes it.

Source of the rule: ``LabelManager`` of nnunetv2 2.8; a test compares the two.
"""

from __future__ import annotations

import heapq
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import Finding, SegconvError
from .labels import BACKGROUND, IGNORE, LONGEST_NUMBER, Labels

MOST_LOOKED_AT = 1 << 20
"""Each value that gets its own head costs a look at all regions; beyond this, all remaining values get one."""


def decoded_values(labels: Labels) -> dict[int, int]:
    """Return value → value that nnU-Net decodes from a perfect prediction of it.

    The ignore label is left out: no head learns it.
    """
    decoded = {value: value for value in labels.values if value != labels.ignore}
    if not labels.has_regions:
        return decoded  # one head per value, and the highest wins
    decoded = dict.fromkeys(decoded, 0)
    for region, painted in zip(labels.foreground.values(), labels.regions_class_order or (), strict=True):
        decoded.update((value, painted) for value in region if value in decoded)
    return decoded


def decode(labels: Labels, values: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return what nnU-Net decodes from a perfect prediction of a label array.

    Parameters
    ----------
    values
        Label values; any shape, any integer type.

    Returns
    -------
    decoded
        Same shape, in the type of ``values`` or, if it cannot hold them, uint16. Ignored voxels
        become background: no head learns to be on there.

    Raises
    ------
    SegconvError
        ``SC070`` if a value is not declared.
    """
    table = np.zeros(len(labels.values), dtype=np.uint16)
    for value, painted in decoded_values(labels).items():
        table[value] = painted
    if values.size and not 0 <= int(values.min()) <= int(values.max()) < len(table):
        raise SegconvError(
            f"holds values from {values.min()} to {values.max()}, expected 0 to {len(table) - 1}", code="SC070"
        )
    fits = int(table.max()) <= np.iinfo(values.dtype).max
    decoded: NDArray[np.integer] = table.astype(values.dtype if fits else np.uint16)[values]
    return decoded


def swaps(labels: Labels) -> dict[int, int]:
    """Return value → decoded value where the two differ; empty if the order is proved."""
    return {value: decoded for value, decoded in decoded_values(labels).items() if value != decoded}


@dataclass(frozen=True)
class HeadOrder:
    """An order of heads.

    Parameters
    ----------
    painted
        Name → value painted where this head is on, in the order of the heads.
    missing
        Values that need a head of their own; the order is valid once these follow all others.
    clashes
        The sets of values that could not be distinguished without those heads, one per value of ``missing``.
    """

    painted: Mapping[str, int]
    missing: tuple[int, ...]
    clashes: tuple[tuple[int, ...], ...]


def order_heads(heads: Mapping[str, Set[int]]) -> HeadOrder:
    """Return the order of heads, and the value of each, that decodes every value to itself.

    Parameters
    ----------
    heads
        Name → values of each region, in the order to keep where possible.

    Returns
    -------
    order
        If such an order exists it is found, and nothing is missing; otherwise values get a head
        of their own one by one, starting with those that settle the most regions.
    """
    missing: list[int] = []
    clashes: list[tuple[int, ...]] = []
    most = MOST_LOOKED_AT // max(sum(map(len, heads.values())), 1)
    while True:
        painted, left = _place(heads, missing)
        if not left:
            return HeadOrder(painted, tuple(missing), tuple(clashes))
        clash = min(left.values(), key=len)
        settles = Counter(value for values in left.values() for value in values)
        if len(missing) < most:
            missing.append(max(clash - {0}, key=lambda value: (settles[value], value)))
        else:
            missing += sorted(settles.keys() - {0})
        clashes.append(tuple(sorted(clash)))


def with_order(names: Mapping[str, int | Sequence[int]], called: Mapping[int, str] | None = None) -> Labels:
    """Return labels whose order of names and ``regions_class_order`` decode every value to itself.

    Parameters
    ----------
    names
        Name → value or values, including background and ignore. Their order is kept where possible.
    called
        Value → name, for values that need a name of their own; used in the hint.

    Raises
    ------
    SegconvError
        ``SC074`` if there is no such order, with the values that cannot be distinguished and the
        names that must be added.
    """
    given = {name: value if isinstance(value, int) else tuple(value) for name, value in names.items()}
    any_order = _in_any_order(given)
    if not any_order.has_regions:
        return Labels(given)
    order = order_heads({name: set(values) for name, values in any_order.foreground.items()})
    if order.missing:
        raise _inseparable(any_order, order, called or {})
    places = {name: place for place, name in enumerate(order.painted)}
    names_in_order = sorted(any_order.names, key=lambda name: (name == IGNORE, places.get(name, -1)))
    return Labels({name: any_order.names[name] for name in names_in_order}, tuple(order.painted.values()))


def _in_any_order(given: Mapping[str, int | tuple[int, ...]]) -> Labels:
    """Return labels with an arbitrary order, to validate them before they are ordered."""
    scored = [name for name, value in given.items() if name not in (BACKGROUND, IGNORE) and value not in (0, (0,))]
    return Labels(given, (0,) * len(scored))


def prove_order(labels: Labels) -> list[Finding]:
    """Return nothing if nnU-Net decodes every value to itself; otherwise one error that says what it would swap."""
    swapped = swaps(labels)
    if not swapped:
        return []
    names = value_names(labels)
    table = ", ".join(f"{_in_words(names, value)} → {_in_words(names, decoded)}" for value, decoded in swapped.items())
    order = list(labels.regions_class_order or ())
    try:
        works = with_order(labels.names)
    except SegconvError as error:
        return [Finding("SC074", f"regions_class_order {order} swaps {table}; {error.message}", hint=error.hint)]
    hint = f"regions_class_order {list(works.regions_class_order or ())}"
    if list(works.foreground) != list(labels.foreground):
        hint += f" with the regions in the order {', '.join(works.foreground)}"
    return [
        Finding(
            "SC074",
            f"regions_class_order {order} swaps {table}",
            hint=f"write {hint} there, which gives every value back",
        )
    ]


def parse_regions(text: str | Iterable[str], labels: Labels) -> dict[str, tuple[int, ...]]:
    """Read regions as a user writes them: ``whole_tumor=edema+necrosis+enhancing``.

    Parameters
    ----------
    text
        One region per entry, or several in one text, separated by commas. The right side of ``=`` has names
        or values; a name may be that of an earlier region.
    labels
        The labels that the regions consist of.

    Returns
    -------
    regions
        Name → values in ascending order.

    Raises
    ------
    SegconvError
        ``SC001`` if the text is malformed, a name is unknown, or a region holds background or ignore.
    """
    entries = text.split(",") if isinstance(text, str) else list(text)
    regions: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        name, members = _region_and_members(entry)
        if name in regions:
            raise SegconvError(f"the region {name!r} is given twice")
        known = {**labels.names, **regions}
        # A label's own name may contain a plus sign.
        parts = [members] if members in known else [part.strip() for part in members.split("+")]
        regions[name] = tuple(sorted({value for part in parts for value in _members(name, part, known)}))
        _refuse_members(name, regions[name], labels)
    return regions


def _region_and_members(entry: str) -> tuple[str, str]:
    """Return the text on both sides of the equals sign."""
    name, equals, members = (part.strip() for part in entry.partition("="))
    if not (name and equals and members):
        raise SegconvError(
            f"{entry!r} is not a region", hint="expected a form like whole_tumor=edema+necrosis or core=2+3"
        )
    if name.lower() in (BACKGROUND, IGNORE):
        raise SegconvError(f"{name!r} is the name of a label with a meaning of its own, not of a region")
    return name, members


def _refuse_members(name: str, values: tuple[int, ...], labels: Labels) -> None:
    for kept_out, value in ((BACKGROUND, 0), (IGNORE, labels.ignore)):
        if value in values:
            raise SegconvError(f"the region {name!r} holds {kept_out}, which is in no region")


def value_names(labels: Labels) -> dict[int, str]:
    """Return value → name to show: its own name, or those of the regions that hold it, as ``whole&core``."""
    names = {value: name for name, value in labels.names.items() if isinstance(value, int)}
    held_by: dict[int, list[str]] = {value: [] for value in labels.values if value not in names}
    for name, values in labels.foreground.items():
        for value in held_by.keys() & values:
            held_by[value].append(name)
    names |= {value: "&".join(regions) for value, regions in held_by.items()}
    return {value: names[value] for value in labels.values}


def free_name(wanted: str, taken: Set[str]) -> str:
    """Return the name, with a number appended if it is taken."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _place(heads: Mapping[str, Set[int]], claimed: Iterable[int]) -> tuple[dict[str, int], dict[str, set[int]]]:
    """Return name → painted value of the heads that can be placed, and the unclaimed values of those that cannot."""
    # Work backwards from the last head: since the last head that is on decides, a head may hold at most one
    # value that no later head has claimed, and it paints that one.
    # Taking any head that fits here is complete: claims only grow, so a head that fits now still fits
    # later; and in any valid order of the remaining heads, the last one fits now.
    claimed = set(claimed)
    left = {name: set(values) - claimed for name, values in heads.items()}
    rank = {name: -place for place, name in enumerate(heads)}
    held_by = _holders(left)
    ready = [(rank[name], name) for name, values in left.items() if len(values) <= 1]
    heapq.heapify(ready)
    backwards: list[tuple[str, int]] = []
    while ready:
        _, name = heapq.heappop(ready)  # the last of those that fit here
        # A head whose values are all claimed paints nothing that stays.
        value = next(iter(left.pop(name)), min(heads[name]))
        backwards.append((name, value))
        for other in held_by.pop(value, ()):
            if other in left:
                left[other].discard(value)
                if len(left[other]) == 1:  # with none, it is ready already
                    heapq.heappush(ready, (rank[other], other))
    return dict(reversed(backwards)), left


def _holders(heads: Mapping[str, Set[int]]) -> dict[int, list[str]]:
    """Return value → names of the heads that hold it."""
    found: dict[int, list[str]] = {}
    for name, values in heads.items():
        for value in values:
            found.setdefault(value, []).append(name)
    return found


def _members(region: str, part: str, known: Mapping[str, int | tuple[int, ...]]) -> tuple[int, ...]:
    if part in known:
        member = known[part]
        return member if isinstance(member, tuple) else (member,)
    values = {v for member in known.values() for v in (member if isinstance(member, tuple) else (member,))}
    if part.isdecimal() and len(part) <= LONGEST_NUMBER and int(part) in values:
        return (int(part),)
    import difflib  # only for this message

    near = difflib.get_close_matches(part, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"labels are {', '.join(known)}"
    raise SegconvError(f"the region {region!r} names {part!r}, which is neither a label nor a value", hint=hint)


def _inseparable(labels: Labels, order: HeadOrder, called: Mapping[int, str]) -> SegconvError:
    names = value_names(labels)
    said = "; ".join(" and ".join(_in_words(names, value) for value in clash) for clash in order.clashes)
    taken = set(labels.names)
    added = []
    for value in order.missing:
        name = names[value] if "&" in names[value] else f"{names[value]}_only"
        name = free_name(called.get(value, name), taken)
        taken.add(name)
        added.append(shlex.quote(f"{name}={value}"))
    return SegconvError(
        f"no order of these regions tells apart the values {said}",
        code="SC074",
        hint=f"add {' and '.join(added)} to the regions",
    )


def _in_words(names: Mapping[int, str], value: int) -> str:
    name = names.get(value)
    return f"{value} {name}" if name else f"{value} (not declared)"
