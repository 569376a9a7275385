"""Declarations that a message offers for values whose meaning the files leave open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...dataset.labels import BACKGROUND, GRAY, value_text
from ...errors import Cure

MOST_SPELLED = 40
"""Labels that a declaration spells out before it is cut."""

ACCEPT = Cure.of("accept_labels")
ACCEPT_AS_IS = Cure.of("accept_masks")
TABLE = Cure.of("declare_by_table")


def by_value(values: Iterable[int]) -> dict[str, int]:
    """Return background, and a class for each value other than 0."""
    return {BACKGROUND: 0} | {f"class_{value}": value for value in values if value}


def counted(colours: Iterable[int], ground: int) -> dict[str, int]:
    """Return background, and a class for each other colour, counted from 1."""
    rest = (colour for colour in colours if colour != ground)
    return {BACKGROUND: ground} | {f"class_{number}": colour for number, colour in enumerate(rest, 1)}


def numbered(values: Iterable[int], ground: int = 0) -> dict[str, int]:
    """Return names for unnamed values: background, plus a class for each, or ``foreground`` if there is only one."""
    rest = [value for value in values if value != ground]
    names = {f"class_{value}": value for value in rest} if len(rest) != 1 else {"foreground": rest[0]}
    return {BACKGROUND: ground, **names}


def spelled(names: Mapping[str, int | str], coding: str = GRAY) -> str:
    """Return labels as they are declared, cut if they are many.

    >>> spelled({"background": 0, "road": 255})
    'background=0,road=255'
    """
    entries = [f"{name}={value_text(v, coding) if isinstance(v, int) else v}" for name, v in names.items()]
    return ",".join(entries[:MOST_SPELLED]) + (",…" if len(entries) > MOST_SPELLED else "")


def declaring(
    names: Mapping[str, int | str],
    when: str = "",
    *,
    coding: str = GRAY,
    snap: int | None = None,
    maps: Iterable[str] = (),
) -> Cure:
    """Return the cure that declares labels.

    Parameters
    ----------
    names
        Name → value or colour.
    when
        When this declaration is the right one, in words.
    snap
        The ``--snap`` to declare with.
    maps
        Further values to map, each as ``value=name``.
    """
    said: dict[str, object] = {"labels": spelled(names, coding)}
    kind = "declare_labels"
    if snap is not None:
        kind, said["snap"] = "declare_and_snap", snap
    elif more := tuple(maps):
        kind, said["values"] = "declare_and_map", more
    return Cure.of(f"{kind}_if", **said, when=when) if when else Cure.of(kind, **said)
