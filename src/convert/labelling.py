"""From the values found in label files, and what was declared about them, to the labels of a dataset.

The rules are few and each guess is told: declared labels win; then what the source declares; two
grey values, one of them 0, are background and foreground; 0 to n without a gap are ``class_1`` …;
anything else has to be declared, or accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..dataset.labels import BACKGROUND, LabelMap, dense
from ..errors import SegconvError
from .source import ConvertOptions


def settle(options: ConvertOptions, declared: Mapping[str, int] | None, found: Collection[int] | None) -> LabelMap:
    """Return the label map of a source.

    Parameters
    ----------
    options
        ``labels``, ``value_map`` and ``accept_labels`` count here.
    declared
        Name → value as the source itself declares it, or None.
    found
        Values in its files, or None if they were not looked at; they are needed only where nothing
        is declared.

    Raises
    ------
    SegconvError
        ``SC074`` if the declaration is not usable, or there is none and no guess is safe; ``SC001``
        if a map names an unknown label.
    """
    if options.labels is not None:
        base = dense(options.labels)
    elif declared is not None:
        base = dense(declared)
    else:
        base = _guess(sorted(found or ()), options)
    return _with_merges(base, options.value_map)


def parse_labels(text: str) -> dict[str, int]:
    """Read ``background=0,road=255``."""
    labels: dict[str, int] = {}
    for part in text.split(","):
        name, separator, value = part.strip().rpartition("=")
        if not separator or not name.strip() or not value.strip().isdigit():
            raise SegconvError(
                f"--labels: {part.strip()!r} is not NAME=VALUE", hint="for example --labels background=0,road=255"
            )
        if name.strip() in labels:
            raise SegconvError(f"--labels: {name.strip()!r} is declared twice")
        labels[name.strip()] = int(value)
    return labels


def parse_map(entries: Collection[str]) -> dict[int, str]:
    """Read several ``255=road``; a comma separates as well."""
    mapping: dict[int, str] = {}
    for part in (piece.strip() for entry in entries for piece in entry.split(",")):
        value, separator, name = part.partition("=")
        if not separator or not value.strip().isdigit() or not name.strip():
            raise SegconvError(f"--map: {part!r} is not VALUE=NAME", hint="for example --map 255=road")
        if int(value) in mapping:
            raise SegconvError(f"--map: {value.strip()} is mapped twice")
        mapping[int(value)] = name.strip()
    return mapping


def _guess(found: list[int], options: ConvertOptions) -> LabelMap:
    mapped = [value for value in found if value not in options.value_map]
    if len(mapped) == 2 and mapped[0] == 0:
        return dense({BACKGROUND: 0, "foreground": mapped[1]}, guessed=f"two grey values, {mapped[0]} and {mapped[1]}")
    if mapped and mapped == list(range(len(mapped))):
        names = {BACKGROUND: 0} | {f"class_{value}": value for value in mapped[1:]}
        return dense(names, guessed=f"values 0 to {mapped[-1]} without a gap")
    shown = ", ".join(map(str, mapped[:12])) + (" …" if len(mapped) > 12 else "")
    suggestion = ",".join([f"{BACKGROUND}=0", *(f"class_{value}={value}" for value in mapped if value)])
    if options.accept_labels and mapped:
        if mapped[0] != 0:
            mapped.insert(0, 0)
        return dense({BACKGROUND: 0} | {f"class_{value}": value for value in mapped[1:]}, guessed=f"accepted: {shown}")
    raise SegconvError(
        f"the label files hold the values {shown or 'nothing'}, which nobody declared",
        code="SC074",
        hint=f"--labels {suggestion[:200]}, or --accept-labels",
    )


def _with_merges(base: LabelMap, value_map: Mapping[int, str]) -> LabelMap:
    """Add ``--map``'s values: several values of the source may count as one label."""
    forward = dict(base.forward)
    names = base.labels.names
    for value, name in value_map.items():
        target = names.get(name)
        if not isinstance(target, int):
            raise SegconvError(
                f"--map {value}={name}: there is no label {name!r}", hint=f"labels are {', '.join(names)}"
            )
        forward[value] = target
    return LabelMap(base.labels, forward, base.guessed)
