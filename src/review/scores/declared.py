"""The meaning of values, as declared by the user, the dataset, or the json next to the labels."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.labels import BACKGROUND, IGNORE, LONGEST_NUMBER, Labels, parse_value, value_text
from ...dataset.layout import DESCRIPTION, Dataset
from ...dataset.lineage import CaseRecord
from ...dataset.strictjson import load_object, read_file
from ...errors import Cure, SegconvError, naming
from ...typed import Misfit, mapping
from ...typed import text as any_text

Texts = frozenset[str]

GROUND = frozenset({"0", "#000000", "#00000000"})
"""What is background if nothing declares it."""


@dataclass(frozen=True)
class Classes:
    """Names of classes and regions, and the values or colours that make them up, as text.

    Parameters
    ----------
    names
        Name → values.
    rest
        Values that are allowed but not scored: background.
    ignore
        Values of the reference whose voxels are left out.
    who
        Source of the declaration.
    """

    names: Mapping[str, Texts]
    rest: Texts = frozenset()
    ignore: Texts = frozenset()
    who: str = ""

    @property
    def allowed(self) -> Texts:
        """All declared values."""
        return self.rest | self.ignore | frozenset(text for texts in self.names.values() for text in texts)

    @cached_property
    def on_both_sides(self) -> dict[str, tuple[Texts, Texts]]:
        """Name → its values in predictions and in references, where these are stored alike."""
        return {name: (texts, texts) for name, texts in self.names.items()}

    @property
    def meaning(self) -> dict[str, Texts]:
        """Name → values, of classes and of the ignore label."""
        return {**self.names, **({IGNORE: self.ignore} if self.ignore else {})}

    def listed(self) -> str:
        """Return names and values in words."""
        return ", ".join(f"{name} {'+'.join(sorted(texts, key=sort_key))}" for name, texts in self.meaning.items())


@dataclass(frozen=True)
class Declaration:
    """The codings that labels of one dataset may be in.

    Parameters
    ----------
    own
        Its own values.
    user
        The values or colours of its source files; None if unknown or the same.
    cases
        The user's name of a case → its values, if they differ from those of most cases.
    folder
        Folder of the dataset, if it is one.
    for_both
        Whether it holds for both predictions and references, rather than being found next to one of them.
    of_references
        Whether the references are the dataset's and hold its own values.
    restored
        Whether segconv restored the predictions, which then hold the user's values.
    by_table
        Whether tables next to the labels declare it.
    occurring
        Whether only values that occur count, as for the numbering of a tool.
    ranges
        Name → first and last value of the range that also counts as it.
    patients
        Name of a case, in the dataset and of the user's → its patient, where it is known.
    """

    own: Classes
    user: Classes | None = None
    cases: Mapping[str, Classes] = field(default_factory=dict)
    folder: Path | None = None
    for_both: bool = False
    of_references: bool = False
    restored: bool = False
    by_table: bool = False
    occurring: bool = False
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    patients: Mapping[str, str] = field(default_factory=dict)

    def patients_of(self, cases: Iterable[str]) -> dict[str, str]:
        """Return case → patient, of those cases whose patient is known."""
        return {case: self.patients[case] for case in cases if case in self.patients}

    def with_found(self, found: Collection[str]) -> Declaration:
        """Return the declaration with the values found within ranges, and without classes that do not occur.

        Named values keep their class. Classes that do not occur are only left out of a tool's numbering.
        """
        if self.occurring:
            return self._of_found(found)
        if not self.ranges:
            return self
        own, free = self.own, [int(text) for text in found if text.isdecimal() and text not in self.own.allowed]
        within = {
            name: frozenset(str(value) for value in free if first <= value <= last)
            for name, (first, last) in self.ranges.items()
        }
        names = {name: texts | within.get(name, frozenset()) for name, texts in own.names.items()}
        return replace(self, own=replace(own, names=names))

    def _of_found(self, found: Collection[str]) -> Declaration:
        names = {name: texts for name, texts in self.own.names.items() if not texts.isdisjoint(found)}
        return replace(self, own=replace(self.own, names=names))


def sort_key(text: str) -> tuple[bool, int, str]:
    """Return the key that sorts values by number, with colours last."""
    return (not text.isdecimal(), int(text) if text.isdecimal() else 0, text)


def of_dataset(dataset: Dataset) -> Declaration:
    """Return the declaration of a dataset, and of the user's files in its lineage."""
    labels, who = dataset.description.labels, dataset.path.name
    own = _own(labels, who)
    run = dataset.run
    patients = _patients(dataset)
    if run is None or not run.get("label_map"):
        return Declaration(own, folder=dataset.path, patients=patients)
    usual = {str(text): int(value) for text, value in run["label_map"].items()}
    user = _of_users(labels, usual, who)
    cases = {
        _users_name(record): _of_users(labels, record.label_map, who)
        for record in dataset.records()
        if not record.label_map.items() <= usual.items()
    }
    return Declaration(own, None if user == own and not cases else user, cases, dataset.path, patients=patients)


def _patients(dataset: Dataset) -> dict[str, str]:
    return {
        name: record.patient
        for record in dataset.records()
        if record.patient is not None
        for name in (record.case, _users_name(record))
    }


def _users_name(record: CaseRecord) -> str:
    return record.label_file.name or record.original_name or record.case


def of_values(names: Mapping[str, str], who: str, *, for_both: bool = True) -> Declaration:
    """Return a declaration of names, each with one value as text."""
    values: dict[str, Texts] = {name: frozenset({text}) for name, text in names.items()}
    rest, ignore = values.pop(BACKGROUND, GROUND), values.pop(IGNORE, frozenset())
    return Declaration(Classes(values, rest, ignore, who), for_both=for_both)


def beside(folder: Path) -> Declaration | None:
    """Return the declaration of the dataset.json in a folder of labels, or next to labelsTr or labelsTs.

    nnU-Net writes one next to its predictions. Tasks of nnU-Net v1 and of the Decathlon map value to name.

    Raises
    ------
    SegconvError
        ``SC086`` if it is not a json; ``SC074`` if its labels are not usable.
    """
    places = [folder, folder.parent] if Path(os.path.realpath(folder)).name.startswith("labels") else [folder]
    path = next((place / DESCRIPTION for place in places if reading.is_file(place / DESCRIPTION)), None)
    if path is None:
        return None
    with naming(str(path)):
        found = load_object(read_file(path))
        labels = found.get("labels")
        if isinstance(labels, dict) and labels and all(str(key).isdecimal() for key in labels):
            return of_values(_by_value(labels), str(path), for_both=False)
        if not isinstance(labels, dict):
            return None  # it describes something else
        return Declaration(_own(Labels.from_json(labels, found.get("regions_class_order")), str(path)))


def _by_value(labels: Mapping[str, Any]) -> dict[str, str]:
    """Return name → value from the labels of a task, which are value → name."""
    try:
        read = _names_of_values(labels)
    except Misfit as misfit:
        raise SegconvError(f"labels are not made of values and names: {misfit}", code="SC074") from None
    names = {name: str(int(value)) for value, name in read.items()}
    if len(names) < len(read):
        raise SegconvError(f"labels name two values alike: {', '.join(read.values())}", code="SC074")
    return names


def _value(key: Any) -> str:
    if len(key) > LONGEST_NUMBER:
        raise Misfit(f"is a key, expected a whole number of at most {LONGEST_NUMBER} digits")
    return str(key)


_names_of_values = mapping(any_text, _value)


def agreed(mine: Declaration, its: Declaration, predictions: Path) -> Declaration:
    """Return the common declaration of both sides; raises `contradiction` if they differ."""
    if mine.own.meaning != its.own.meaning:
        raise contradiction(mine, its, predictions)
    return replace(its, for_both=True)


def contradiction(mine: Declaration, its: Declaration, predictions: Path) -> SegconvError:
    """Return the error ``SC078`` for two sides that declare different classes; `predictions` is the first's folder."""
    return SegconvError(
        f"{mine.own.who} declares {mine.own.listed()}, but {its.own.who} {its.own.listed()}",
        code="SC078",
        file=str(predictions),
        hint="bring both sides into one coding",
        cures=(Cure.of("declare_by_dataset"), Cure.of("declare_for_both")),
    )


def merged(classes: Classes, values: Mapping[str, str]) -> Classes:
    """Return classes with further values added to them.

    Parameters
    ----------
    values
        Value or colour → name of the class.

    Raises
    ------
    SegconvError
        ``SC001`` for an unknown class.
    """
    names, rest, ignore = dict(classes.names), classes.rest, classes.ignore
    for text, name in values.items():
        if name in names:
            names[name] |= {text}
        elif name == BACKGROUND:
            rest |= {text}
        elif name == IGNORE:
            ignore |= {text}
        else:
            known = ", ".join([*names, BACKGROUND])
            raise SegconvError(f"{text}={name}: there is no class {name!r}", hint=f"there are {known}")
    return Classes(names, rest, ignore, classes.who)


def _own(labels: Labels, who: str) -> Classes:
    names = {name: frozenset(map(str, values)) for name, values in labels.foreground.items()}
    ignore = frozenset() if labels.ignore is None else frozenset({str(labels.ignore)})
    scored = frozenset(text for texts in names.values() for text in texts)
    return Classes(names, frozenset(map(str, labels.values)) - scored - ignore, ignore, who)


def _of_users(labels: Labels, label_map: Mapping[str, Any], who: str) -> Classes:
    """Return the same labels in the values that `label_map` maps from."""
    texts: dict[int, set[str]] = {}
    for text, written in label_map.items():
        texts.setdefault(int(written), set()).add(value_text(*parse_value(text)))

    def back(values: Iterable[int]) -> Texts:
        return frozenset(text for value in values for text in texts.get(value, ()))

    names = {name: back(values) for name, values in labels.foreground.items()}
    ignore = back([labels.ignore]) if labels.ignore is not None else frozenset()
    scored = frozenset(text for found in names.values() for text in found)
    # If no source voxel became background, predictions are restored with unannotated voxels there.
    nothing = frozenset() if 0 in texts else GROUND
    return Classes(names, (back(texts) - scored - ignore) | nothing, ignore, who)
