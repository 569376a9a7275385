"""From the values found in label files, and what was declared about them, to the labels of a dataset.

The rules are few and each guess is told: declared labels win; then what the source declares; two
grey values, one of them 0, or one colour on transparent ground, are background and foreground; 0 to
n without a gap are ``class_1`` …;
anything else has to be declared, or accepted.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...dataset.label_table import LabelTable, dense, dense_colours, dense_on
from ...dataset.labels import (
    BACKGROUND,
    GRAY,
    IGNORE,
    RGB,
    TRANSPARENT,
    Labels,
    grey_of_colour,
    parse_value,
    value_text,
)
from ...errors import SegconvError
from ...words import count_of
from ..model import ConvertOptions
from .coding import distance
from .colour_tables import read_table
from .tool_tables import ENDINGS, MANY

HINTED = 12
"""Labels that a hint spells out."""

MOST_SOLID = 256
"""With more colours than a palette has, edges between them are not looked for: it is an image."""

LAST_VALUE = (1 << 63) - 1
"""Of a range without an end."""

UNLABELLED = "unlabelled"
"""Value of ``--ignore``: all voxels of background become ignore."""


@dataclass(frozen=True)
class Declared:
    """Labels as somebody declared them.

    Parameters
    ----------
    names
        Name → value or colour as it stands in the files.
    coding
        `GRAY` or `RGB`.
    ranges
        Name → first and last value of those that count as it, where they are several; `names` has the first.
    other_ground
        Whether background may be another value than 0, because what lies at the border was looked at.
    """

    names: Mapping[str, int]
    coding: str = GRAY
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    other_ground: bool = False

    @classmethod
    def of(cls, names: Mapping[str, int | str]) -> Declared:
        """Read values such as ``255``, ``"255"``, ``"1-99"`` or ``"#ff0000"``; one colour makes all of them colours."""
        ranges = {name: found for name, value in names.items() if (found := value_range(value)) is not None}
        firsts = {name: first for name, (first, _) in ranges.items()}
        parsed = {
            name: parse_value(value) if isinstance(value, str) else (value, GRAY)
            for name, value in {**names, **firsts}.items()
        }
        if any(coding == RGB for _, coding in parsed.values()):
            if ranges:
                raise SegconvError("the labels hold colours, and a range of values", code="SC074")
            return cls({name: _as_colour(value, coding) for name, (value, coding) in parsed.items()}, RGB)
        return cls({name: value for name, (value, _) in parsed.items()}, GRAY, ranges)

    @property
    def long(self) -> bool:
        """Whether it is a table of all that a tool knows, of which only the values count that occur."""
        return self.coding == GRAY and len(self.names) > MANY and not self.ranges

    def needs_values(self, options: ConvertOptions) -> bool:
        """Return whether the label map depends on what the label files hold."""
        return self.coding == GRAY and (bool(self.ranges) or self.ground(options) != 0)

    def ground(self, options: ConvertOptions) -> int:
        """Return the value around what is drawn, as declared; scribbles leave 0 around whatever their background is."""
        return 0 if options.ignore == UNLABELLED else self.names.get(BACKGROUND, 0)

    def in_colours(self) -> Declared:
        """Return the same labels, grey values as the colours with equal parts."""
        return Declared({name: _as_colour(value, self.coding) for name, value in self.names.items()}, RGB)

    def label_map(self, guessed: str = "") -> LabelTable:
        """Return the map to 0, 1, … n."""
        if self.coding == GRAY and self.other_ground and self.names.get(BACKGROUND, 0) != 0:
            return dense_on(self.names)
        return (dense_colours if self.coding == RGB else dense)(self.names, guessed=guessed)


def needs_files(options: ConvertOptions) -> bool:
    """Return whether what the user declared can be settled only by what all label files hold.

    That holds for ranges, a background that is not 0, and long tables, of which the values count that occur.
    """
    if options.labels is None:
        return False
    declared = Declared.of(options.labels)
    return declared.needs_values(options) or (declared.coding == GRAY and len(declared.names) > MANY)


def settle(
    options: ConvertOptions,
    declared: Declared | None,
    found: Collection[int] | None,
    coding: str = GRAY,
    ground: int | None = None,
    once: Collection[int] = (),
) -> LabelTable:
    """Return the label map of a source.

    Parameters
    ----------
    options
        ``labels``, ``value_map``, ``ignore`` and ``accept_labels`` count here.
    declared
        What the source itself declares, or None.
    found
        Values or colours in its files, or None if they were not looked at; they are needed only
        where nothing is declared, or ranges of values, or a background that is not 0.
    coding
        Of `found`.
    ground
        The colour that most of the border of all masks has, if one does.
    once
        Colours that each stand in one of many masks only, if they are many.

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
                hint="declare every value: --labels NAME=VALUE,…, and --map VALUE=NAME for more values of a label",
            )
    if declared is not None:
        if any(parse_value(text)[0] >= 1 << 24 for text in options.value_map if text.startswith("#")):
            declared = declared.in_colours()  # grey values know no alpha
        declared = with_background(declared, options)
    guessed = ""
    if declared is None:
        base = guess(sorted(found or ()), options, coding, ground, once)
        guessed = base.guessed
        value_of = {written: value for value, written in base.forward.items()}
        names = {name: value_of[written] for name, written in base.labels.names.items() if isinstance(written, int)}
        declared = Declared(names, base.coding)
    if options.ignore == UNLABELLED:
        base = replace(_scribbles(declared), guessed=guessed)
    elif options.ignore is not None:
        base = replace(_ignoring(declared, options.ignore), guessed=guessed)
    else:
        base = declared.label_map(guessed)
    return with_merges(_with_ranges(base, declared, found or ()), options)


def _with_ranges(base: LabelTable, declared: Declared, found: Collection[int]) -> LabelTable:
    """Add the values that were found within a range; one that is declared by itself stays what it is."""
    within = {
        value: base.forward[first]
        for first, last in declared.ranges.values()
        for value in sorted(found)
        if first <= value <= last and value not in base.forward
    }
    return replace(base, forward={**base.forward, **within})


def value_range(value: int | str) -> tuple[int, int] | None:
    """Return the first and the last value of ``1-99`` or ``1-``; None for what is no range."""
    match = re.fullmatch(r"\s*(\d+)\s*-\s*(\d*)\s*", value) if isinstance(value, str) else None
    if match is None:
        return None
    return int(match[1]), int(match[2]) if match[2] else LAST_VALUE


def mapped_values(options: ConvertOptions) -> set[int]:
    """Return the values that ``--map`` names; of colours those that are grey."""
    parsed = (parse_value(text) for text in options.value_map)
    greys = (value if coding == GRAY else grey_of_colour(value) for value, coding in parsed)
    return {grey for grey in greys if grey is not None}


def in_values(label_map: LabelTable) -> LabelTable:
    """Return a label map of files that cannot hold colours; refuse it if it is one of colours (``SC074``)."""
    if label_map.coding == RGB:
        raise SegconvError(
            "the labels are declared as colours, the label files hold values",
            code="SC074",
            hint=f"declare values, such as --labels {BACKGROUND}=0,NAME=1, or --map 255=NAME",
        )
    return label_map


def parse_labels(text: str) -> dict[str, int | str]:
    """Read ``background=0,road=255``, ``background=#000000,road=#ff0000``, or the name of a table's file."""
    if Path(text).suffix.lower() in (".json", ".csv", ".tsv", *ENDINGS) and "=" not in text:
        return read_table(Path(text))
    names: dict[str, int | str] = {}
    for part in text.split(","):
        name, separator, value = part.strip().rpartition("=")
        _refuse_negative("--labels", value)
        try:
            if not separator or not name.strip():
                raise ValueError
            between = value_range(value)
            if between is not None and between[0] > between[1]:
                raise ValueError
            _, coding = parse_value(value) if between is None else (0, "range")
        except ValueError:
            raise SegconvError(
                f"--labels: {part.strip()!r} is not NAME=VALUE",
                hint="for example --labels background=0,road=255, or background=0,cell=1- for all values from 1 on, or"
                " background=#000000,road=#ff0000,glass=#0000ff80",
            ) from None
        if name.strip() in names:
            raise SegconvError(f"--labels: {name.strip()!r} is declared twice")
        names[name.strip()] = int(value) if coding == GRAY else value.strip()
    _refuse_overlap(names)
    return names


def _refuse_overlap(names: Mapping[str, int | str]) -> None:
    ranges = sorted((*found, name) for name, value in names.items() if (found := value_range(value)) is not None)
    for (_, last, one), (first, _, other) in itertools.pairwise(ranges):
        if first <= last:
            raise SegconvError(f"--labels: the ranges of {one!r} and {other!r} overlap at {first}")


def parse_map(entries: Collection[str]) -> dict[str, str]:
    """Read several ``255=road`` or ``#ff0000=road``; a comma separates as well."""
    mapping: dict[str, str] = {}
    for part in (piece.strip() for entry in entries for piece in entry.split(",")):
        text, separator, name = part.partition("=")
        _refuse_negative("--map", text)
        try:
            if not separator or not name.strip():
                raise ValueError
            value, coding = parse_value(text)
        except ValueError:
            raise SegconvError(
                f"--map: {part!r} is not VALUE=NAME", hint="for example --map 255=road, or --map '#ff0000=road'"
            ) from None
        if value_text(value, coding) in mapping:
            raise SegconvError(f"--map: {text.strip()} is mapped twice")
        mapping[value_text(value, coding)] = name.strip()
    return mapping


def _refuse_negative(option: str, text: str) -> None:
    if re.fullmatch(r"\s*-\d+\s*", text):
        raise SegconvError(
            f"{option}: {text.strip()} is negative, and values of labels begin at 0",
            hint="write another value in its place into the label files, such as 255, and name that",
        )


def guess(
    found: list[int], options: ConvertOptions, coding: str, ground: int | None = None, once: Collection[int] = ()
) -> LabelTable:
    """Return the label map of values that nobody declared, if one is safe or was accepted."""
    mapped_already = {_coded(text, coding) for text in options.value_map}
    mapped = [value for value in found if value not in mapped_already]
    if coding == RGB:
        return _guess_colours(found, mapped, options, ground, once)
    if len(mapped) == 2 and mapped[0] == 0:
        return dense({BACKGROUND: 0, "foreground": mapped[1]}, guessed=f"two grey values, {mapped[0]} and {mapped[1]}")
    if mapped and mapped == list(range(len(mapped))):
        names = {BACKGROUND: 0} | {f"class_{value}": value for value in mapped[1:]}
        return dense(names, guessed=f"values 0 to {mapped[-1]} without a gap")
    shown = ", ".join(map(str, mapped[:12])) + (" …" if len(mapped) > 12 else "")
    suggestion = ",".join([f"{BACKGROUND}=0", *(f"class_{value}={value}" for value in mapped if value)][:HINTED])
    if options.accept_labels and mapped:
        if mapped[0] != 0:
            mapped.insert(0, 0)
        names = {BACKGROUND: 0} | {f"class_{value}": value for value in mapped[1:]}
        return dense(names, guessed=f"the values found, as --accept-labels says: {shown}")
    more = ",…" if len(mapped) > HINTED else ""
    raise SegconvError(
        f"the label files hold the values {shown or 'nothing'}, which nobody declared",
        code="SC074",
        hint=f"--labels {suggestion}{more}, or a table of names and values; or --accept-labels",
    )


def _guess_colours(
    found: list[int], mapped: list[int], options: ConvertOptions, around: int | None, once: Collection[int]
) -> LabelTable:
    """Return labels for the colours of a set; never without being asked to, but for one on transparent ground."""
    usual = _classes(found, options)
    if around is not None and around not in (usual[BACKGROUND], *_said_to_be_background(options)) and len(found) > 1:
        other = _on_ground(found, around)
        raise SegconvError(
            f"the colour {value_text(around, RGB)} takes most of the border of all masks, as background does",
            code="SC078",
            hint=f"--labels '{_listed(other)}' if it is background; --labels '{_listed(usual)}' if it is not",
        )
    if len(mapped) == 2 and mapped[0] < TRANSPARENT == mapped[1] and not _blended(mapped[0]):
        names = {BACKGROUND: TRANSPARENT, "foreground": mapped[0]}
        return dense_colours(names, guessed=f"transparent pixels, and {value_text(mapped[0], RGB)}")
    shown = ", ".join(value_text(colour, RGB) for colour in found[:12]) + (" …" if len(found) > 12 else "")
    if options.accept_labels:
        return dense_colours(_classes(mapped, options), guessed=f"the colours found, as --accept-labels says: {shown}")
    what = f"the masks are in {count_of(len(found), 'colour')}, {shown}, which nobody declared"
    if once and set(found) - {usual[BACKGROUND]} == set(once):
        first, *rest = sorted(once)
        merged = ",".join(f"{value_text(colour, RGB)}=object" for colour in rest)
        one = f"{BACKGROUND}={value_text(usual[BACKGROUND], RGB)},object={value_text(first, RGB)}"
        raise SegconvError(
            f"{what}, and each but that of background stands in one mask only, as colours of objects do",
            code="SC078",
            hint=f"--labels '{one}' --map '{merged}' makes one class of them; --accept-labels makes each a class",
        )
    edges = [colour for colour in found if _blended(colour)]
    solid = _classes((colour for colour in found if not _blended(colour)), options)
    if not edges or len(solid) == 1 or len(solid) > MOST_SOLID:
        hint = f"--labels '{_listed(_classes(found, options))}', or a labelmap.txt beside them, or --accept-labels"
        raise SegconvError(what, code="SC078", hint=hint)
    snap = max(min(distance(edge, colour, RGB) for colour in solid.values()) for edge in edges)
    raise SegconvError(
        f"{what}; {len(edges)} of them are partly transparent, as edges that were blended",
        code="SC078",
        hint=f"--labels '{_listed(solid)}' --snap {math.ceil(snap)} takes the nearest;"
        " or --accept-labels makes a label of each",
    )


def _blended(colour: int) -> bool:
    """Return whether a colour is neither opaque nor quite transparent."""
    return 1 << 24 <= colour < TRANSPARENT


def _classes(colours: Iterable[int], options: ConvertOptions) -> dict[str, int]:
    """Return a name for each colour; the ground is what is transparent, else black, else what ``--map`` says."""
    classes = list(colours)
    said = _said_to_be_background(options)
    return _on_ground(
        classes, next((colour for colour in (TRANSPARENT, 0) if colour in classes), said[0] if said else 0)
    )


def _said_to_be_background(options: ConvertOptions) -> list[int]:
    """Return the colours that ``--map`` counts as background."""
    return [_coded(text, RGB) for text, name in options.value_map.items() if name == BACKGROUND]


def _on_ground(colours: Iterable[int], ground: int) -> dict[str, int]:
    rest = (colour for colour in colours if colour != ground)
    return {BACKGROUND: ground} | {f"class_{number}": colour for number, colour in enumerate(rest, 1)}


def _listed(names: Mapping[str, int]) -> str:
    """Return a value of ``--labels``, cut if it is long."""
    entries = [f"{name}={value_text(colour, RGB)}" for name, colour in names.items()]
    return ",".join(entries[:HINTED]) + (",…" if len(entries) > HINTED else "")


def with_background(declared: Declared, options: ConvertOptions) -> Declared:
    """Return labels that have a background, if ``--map`` says which value that is and nobody else does.

    Tables often name the classes alone, or give the rest a name such as ``Void``: that name goes.
    """
    value = next((text for text, name in options.value_map.items() if name == BACKGROUND), None)
    if value is None or BACKGROUND in declared.names:
        return declared
    background = _coded(value, declared.coding)
    others = {name: value for name, value in declared.names.items() if value != background}
    return replace(declared, names={BACKGROUND: background, **others})


def with_merges(base: LabelTable, options: ConvertOptions) -> LabelTable:
    """Add ``--map``'s values: several values of the source may count as one label."""
    forward = dict(base.forward)
    names = base.labels.names
    for text, name in options.value_map.items():
        value = _coded(text, base.coding)
        target = names.get(name)
        if not isinstance(target, int):
            raise SegconvError(
                f"--map {text}={name}: there is no label {name!r}", hint=f"labels are {', '.join(names)}"
            )
        forward[value] = target
    return replace(base, forward=forward)


def _ignoring(declared: Declared, name: str) -> LabelTable:
    """Return the map in which the label `name` is the one that training leaves out."""
    if name not in declared.names:
        raise SegconvError(
            f"--ignore {name}: there is no label {name!r}", hint=f"labels are {', '.join(declared.names)}"
        )
    rest = {key: value for key, value in declared.names.items() if key != name}
    base = Declared(rest, declared.coding).label_map()
    last = max(base.labels.values) + 1
    labels = Labels({**base.labels.names, IGNORE: last})
    return replace(base, labels=labels, forward={**base.forward, declared.names[name]: last})


def _scribbles(declared: Declared) -> LabelTable:
    """Return the map in which whatever nobody drew on is ignored.

    Where background was drawn with a value of its own, 0 is what nobody drew on; otherwise all of
    background is, such as what is transparent.
    """
    if IGNORE in declared.names:
        raise SegconvError("--ignore unlabelled: the labels declare 'ignore' themselves")
    names = dict(declared.names)
    drawn = names.get(BACKGROUND, 0)
    nothing = TRANSPARENT if drawn == TRANSPARENT else 0
    if drawn != nothing and nothing in names.values():
        raise SegconvError("--ignore unlabelled: the value 0, which nobody drew, is declared as a label")
    order = [BACKGROUND, *(n for n, _ in sorted(names.items(), key=lambda item: item[1]) if n != BACKGROUND)]
    written: dict[str, int | tuple[int, ...]] = {name: value for value, name in enumerate([*order, IGNORE])}
    forward = {names[name]: value for value, name in enumerate(order) if name in names}
    return LabelTable(Labels(written), {**forward, nothing: len(order)}, declared.coding)


def _coded(text: str, coding: str) -> int:
    """Return a value or colour of ``--map`` in the coding of the masks."""
    value, own = parse_value(text)
    if own == coding:
        return value
    return _as_colour(value, own) if coding == RGB else _as_grey(value, text)


def _as_colour(value: int, coding: str) -> int:
    if coding == RGB:
        return value
    if value > 255:
        raise SegconvError(
            f"the labels hold colours, and the value {value}, which is none",
            code="SC074",
            hint="declare all of them as colours, or all as values",
        )
    return value * 0x010101


def _as_grey(colour: int, text: str) -> int:
    grey = grey_of_colour(colour)
    if grey is None:
        raise SegconvError(f"--map {text}: the masks are grey", hint="give a grey value")
    return grey
