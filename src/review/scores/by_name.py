"""Match classes by name where the files of one side name their values, and number them otherwise than the other side.

TotalSegmentator's label maps, for one, say in their headers that 5 is the liver, which may be 1 in a dataset of the
user's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ...words import some_of
from .declared import Classes, Declaration, of_values, sort_key
from .sides import Side

NOTHING = "0"


@dataclass(frozen=True)
class Matched:
    """Both sides, with values as they are compared.

    Parameters
    ----------
    said
        What the values mean, or None.
    notes
        What was matched and left out, in words.
    """

    said: Declaration | None
    predictions: Side
    references: Side
    notes: tuple[str, ...] = ()


def matched(said: Declaration | None, predictions: Side, references: Side) -> Matched:
    """Return both sides with classes matched by the names in the files' headers, if these exist.

    A declaration by the user for both sides counts as it is.
    """
    tables = {side.what: _table(side) for side in (predictions, references)}
    if said is None:
        said = _of_headers(predictions, references, tables)
    if said is None or (said.for_both and said.folder is None):
        return Matched(said, predictions, references)
    found = Matched(said, predictions, references)
    # The files of a dataset mean what its json says, whatever their headers have kept.
    for side in (predictions,) if said.of_references else (predictions, references):
        target = _target(said)
        if _differs(side, tables[side.what], target):
            found = _translated(found, side, tables[side.what], target)
        else:
            found = replace(found, notes=(*found.notes, *_named_otherwise(side, target)))
    return found


def _named_otherwise(side: Side, target: Classes) -> list[str]:
    """Return a note on the first value that a file calls otherwise than the class as which it is scored."""
    for held in side.files:
        for value in sorted(held.counts.keys() & held.names.keys() - {NOTHING}, key=sort_key):
            classes = [name for name, texts in target.names.items() if value in texts]
            if classes and held.names[value].casefold() not in map(str.casefold, classes):
                own = f"{held.file} calls {value} {held.names[value]!r} in its header"
                return [f"{side.what} are scored by their values, not by names: {own}, which counts as {classes[0]!r}"]
    return []


def _table(side: Side) -> dict[str, str]:
    """Return value → name as all files of a side name their values; nothing if one does not, or two contradict."""
    found: dict[str, str] = {}
    for held in side.files:
        if not held.counts.keys() <= {NOTHING, *held.names}:
            return {}
        for value, name in held.names.items():
            if found.setdefault(value, name) != name and value in side.values:
                return {}
    return {value: name for value, name in found.items() if value != NOTHING}


def _of_headers(predictions: Side, references: Side, tables: Mapping[str, Mapping[str, str]]) -> Declaration | None:
    """Return what the headers of references declare, or else those of predictions; None if neither names values."""
    side = references if tables[references.what] else predictions
    held = {*predictions.values, *references.values}
    names = {name: value for value, name in tables[side.what].items() if value in held}
    if not names:
        return None
    who = f"the headers of {side.folder}"
    return replace(of_values({"background": NOTHING, **names}, who, for_both=False), by_table=True)


def _target(said: Declaration) -> Classes:
    """Return the classes in the values that the other side holds."""
    return said.user if said.restored and not said.of_references and said.user is not None else said.own


def _differs(side: Side, table: Mapping[str, str], target: Classes) -> bool:
    """Return whether a side holds named values that mean something else, or nothing, in the target."""
    plain = all(text.isdecimal() for texts in target.names.values() for text in texts)
    if not plain or target.names.keys().isdisjoint(table.values()):
        return False
    return any(value not in target.names.get(table[value], ()) for value in side.values if value != NOTHING)


def _translated(found: Matched, side: Side, table: Mapping[str, str], target: Classes) -> Matched:
    """Return both sides, one of them with its values translated, and only classes that it names."""
    own = {name: _value_of(name, target) for name in table.values() if name in target.names}
    ground = NOTHING if NOTHING in target.rest else min(target.rest, default=NOTHING)
    by_name = {NOTHING: ground, **{value: own.get(name, ground) for value, name in table.items()}}
    changed = replace(side, by_name=by_name)
    said = None if found.said is None else _only_of(found.said, own)
    notes = (*found.notes, *_in_words(side, table, target))
    sides = {"predictions": found.predictions, "references": found.references} | {side.what: changed}
    return Matched(said, sides["predictions"], sides["references"], notes)


def _value_of(name: str, target: Classes) -> str:
    """Return a value of a class; of a region one that is in no other region, if there is one."""
    others = {text for other, texts in target.names.items() if other != name for text in texts}
    return min(target.names[name] - others or target.names[name], key=int)


def _only_of(said: Declaration, kept: Collection[str]) -> Declaration:
    """Return a declaration of only some of its classes."""
    return replace(
        said,
        own=_only(said.own, kept),
        user=None if said.user is None else _only(said.user, kept),
        cases={case: _only(classes, kept) for case, classes in said.cases.items()},
    )


def _only(classes: Classes, kept: Collection[str]) -> Classes:
    """Return only some of the classes; the values of the others are background."""
    names = {name: texts for name, texts in classes.names.items() if name in kept}
    scored = frozenset(text for texts in names.values() for text in texts)
    return replace(classes, names=names, rest=(classes.allowed - classes.ignore) - scored)


def _in_words(side: Side, table: Mapping[str, str], target: Classes) -> list[str]:
    """Return notes on what was matched, what counts as background, and what is not scored."""
    held = {table[value]: value for value in side.values if value in table}
    moved = [f"{name} {held[name]}" for name in held if name in target.names]
    others = held.keys() - target.names.keys()
    unnamed = target.names.keys() - table.values()
    found = [f"{side.what} are matched by the names in their headers: {some_of(moved)}"] if moved else []
    if others:
        found.append(f"counted as background, as the other side has no such class: {some_of(sorted(others))}")
    if unnamed:
        found.append(f"not scored, as the headers of {side.what} do not name them: {some_of(sorted(unnamed))}")
    return found
