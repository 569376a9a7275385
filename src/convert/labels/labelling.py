"""Settle the labels of a dataset from the values in its label files and their declarations.

The rules are few, and every guess is reported. Labels that the user declared come first, then those that the source
declares. Two grey values, one of them 0, or one colour on a transparent ground, are background and foreground; 0 to n
without a gap are ``class_1`` …; anything else has to be declared, or accepted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ...dataset.label_table import LabelTable
from ...dataset.labels import (
    BACKGROUND,
    GRAY,
    IGNORE,
    RGB,
    TRANSPARENT,
    Labels,
    grey_of_colour,
    parse_value,
)
from ...errors import Cure, SegconvError
from ..model import ConvertOptions
from .declared import UNLABELLED, Declared, Found, coded, with_background


def settle(options: ConvertOptions, declared: Declared | None, found: Found | None) -> LabelTable:
    """Return the labels of a source.

    Parameters
    ----------
    options
        Uses ``labels``, ``value_map``, ``ignore`` and ``accept_labels``.
    declared
        What the source itself declares, or None.
    found
        The contents of its files, or None if they were not read; needed only if nothing is declared, or if ranges or a
        background other than 0 are.

    Raises
    ------
    SegconvError
        ``SC074`` if the declaration is not usable, or there is none and no guess is safe; ``SC001``
        if an option names an unknown label.
    """
    if options.labels is not None:
        declared = replace(Declared.of(options.labels), other_ground=found is not None)
        if declared.ranges and found is None:
            raise SegconvError(
                "ranges of values are not read of nnU-Net's datasets of pictures",
                code="SC074",
                hint="declare every value",
                cures=(Cure.of("declare_and_map", values=("VALUE=NAME",)),),
            )
    guessed = ""
    if declared is not None:
        if _maps_alpha(options):
            declared = declared.in_colours()  # grey values have no alpha
        declared = with_background(declared, options)
    else:
        from .guesses import guess

        table = guess(found or Found(()), options)
        names = {
            name: table.inverse[written] for name, written in table.labels.names.items() if isinstance(written, int)
        }
        declared, guessed = Declared(names, table.coding), table.guessed
    table = replace(_numbered(declared, options.ignore), guessed=guessed)
    return with_merges(_with_ranges(table, declared, found.values if found is not None else ()), options)


def _maps_alpha(options: ConvertOptions) -> bool:
    """Return whether ``--map`` maps a colour that is not opaque."""
    return any(parse_value(text)[0] >= 1 << 24 for text in options.value_map if text.startswith("#"))


def _numbered(declared: Declared, ignore: str | None) -> LabelTable:
    """Return the table of declared labels, including the ignore label."""
    if ignore is None:
        return declared.label_map()
    return _scribbles(declared) if ignore == UNLABELLED else _ignoring(declared, ignore)


def _with_ranges(base: LabelTable, declared: Declared, found: Collection[int]) -> LabelTable:
    """Add the values found within a range; a value with its own declaration keeps it."""
    within = {
        value: base.forward[first]
        for first, last in declared.ranges.values()
        for value in sorted(found)
        if first <= value <= last and value not in base.forward
    }
    return replace(base, forward={**base.forward, **within})


def mapped_values(options: ConvertOptions) -> set[int]:
    """Return the values that ``--map`` names; of colours only the grey ones."""
    parsed = (parse_value(text) for text in options.value_map)
    greys = (value if coding == GRAY else grey_of_colour(value) for value, coding in parsed)
    return {grey for grey in greys if grey is not None}


def in_values(label_map: LabelTable) -> LabelTable:
    """Return the label map for files that cannot hold colours; refuse a map of colours (``SC074``)."""
    from .choices import declaring

    if label_map.coding == RGB:
        raise SegconvError(
            "the labels are declared as colours, the label files hold values",
            code="SC074",
            hint="declare values",
            cures=(declaring({BACKGROUND: 0, "NAME": 1}), Cure.of("map_value", value=255)),
        )
    return label_map


def with_merges(base: LabelTable, options: ConvertOptions) -> LabelTable:
    """Add the values of ``--map``, which merges several source values into one label."""
    forward = dict(base.forward)
    names = base.labels.names
    for text, name in options.value_map.items():
        value = coded(text, base.coding)
        target = names.get(name)
        if not isinstance(target, int):
            raise SegconvError(
                f"the value {text} is mapped to {name!r}, which is not a label",
                hint=f"labels are {', '.join(names)}",
                cures=() if value in forward else _declared_too(base, text, name),
            )
        forward[value] = target
    return replace(base, forward=forward)


def _declared_too(base: LabelTable, text: str, name: str) -> tuple[Cure, ...]:
    """Return the cure that declares a further class; none beside regions, or for the name of one."""
    from .choices import spelled

    own = {written: value for value, written in base.forward.items()}
    names = {title: own[written] for title, written in base.labels.names.items() if isinstance(written, int)}
    if len(names) < len(base.labels.names) or name in names or not name[:1].isalpha():  # a number names no class
        return ()
    return (Cure.of("declare_labels", labels=f"{spelled(names, base.coding)},{name}={text}"),)


def _ignoring(declared: Declared, name: str) -> LabelTable:
    """Return the map with label `name` as the ignore label."""
    if name not in declared.names:
        raise SegconvError(
            f"{name!r} is to be ignored, and is not a label", hint=f"labels are {', '.join(declared.names)}"
        )
    rest = {key: value for key, value in declared.names.items() if key != name}
    base = Declared(rest, declared.coding).label_map()
    last = max(base.labels.values) + 1
    labels = Labels({**base.labels.names, IGNORE: last})
    return replace(base, labels=labels, forward={**base.forward, declared.names[name]: last})


def _scribbles(declared: Declared) -> LabelTable:
    """Return the map that ignores everything left undrawn.

    If background was drawn with a value of its own, 0 is undrawn; otherwise all of background is, such as transparent
    pixels.
    """
    if IGNORE in declared.names:
        what = "what is not labelled is to be ignored, and the labels declare 'ignore' themselves"
        raise SegconvError(what, cures=(Cure.of("leave_out", field="ignore"),))
    names = dict(declared.names)
    drawn = names.get(BACKGROUND, 0)
    nothing = TRANSPARENT if drawn == TRANSPARENT else 0
    if drawn != nothing and nothing in names.values():
        what = "what is not labelled is to be ignored, and its value 0 is declared as a label"
        raise SegconvError(what, cures=(Cure.of("leave_out", field="ignore"),))
    order = [BACKGROUND, *(n for n, _ in sorted(names.items(), key=lambda item: item[1]) if n != BACKGROUND)]
    written: dict[str, int | tuple[int, ...]] = {name: value for value, name in enumerate([*order, IGNORE])}
    forward = {names[name]: value for value, name in enumerate(order) if name in names}
    return LabelTable(Labels(written), {**forward, nothing: len(order)}, declared.coding)
