"""Label maps whose files name their values, and label maps that a tool numbered as it numbers everything it knows.

A tool's table names more than its files hold: only values that occur become labels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...dataset.labels import BACKGROUND
from ...dataset.numbering import Numbering
from ...errors import Cure, SegconvError
from ...words import count_of, some_of
from .mask_facts import MaskFacts, values_of

IN_HEADERS = "the label tables in the files' headers"


def names_in_files(masks: Sequence[MaskFacts]) -> dict[str, int | str] | None:
    """Return name → value as all files name them, values that no file holds included; None if no file names any.

    Raises
    ------
    SegconvError
        ``SC074`` if some files name no values, if two files name a value that occurs differently or give one name to
        different values, or if a file has no name for a value that it holds and another names.
    """
    named = [mask for mask in masks if mask.names]
    if not named:
        return None
    nameless = next((mask for mask in masks if mask.foreground and not mask.names), None)
    if nameless is not None:
        raise _nameless(nameless, named[0])
    return _with_background(_agreed(named, values_of(masks)))


def _agreed(named: Sequence[MaskFacts], occurring: Collection[int]) -> dict[int, str]:
    """Return value → name as the files name them; refuse files that name a value that occurs differently."""
    found: dict[int, str] = {}
    first: dict[int, str] = {}
    for mask in named:
        for value, name in mask.names.items():
            if found.setdefault(value, name) != name and value in occurring:
                raise _contradiction(mask, value, f"{first[value]} calls it {found[value]!r}", Cure("take_some_cases"))
            first.setdefault(value, mask.file)
    _refuse_other_numbers(named, occurring)
    for mask in named:
        for value in sorted(mask.foreground & found.keys() - mask.names.keys()):
            what = f"holds the value {value} without a name in its header, {first[value]} calls it {found[value]!r}"
            raise _of_several_kinds(mask, what, Cure("take_some_cases"))
    return found


def _refuse_other_numbers(named: Sequence[MaskFacts], occurring: Collection[int]) -> None:
    """Refuse files that give a name to other values that occur than the files before them do."""
    numbers: dict[str, tuple[set[int], str]] = {}
    for mask in named:
        own: dict[str, set[int]] = {}
        for value in mask.names.keys() & set(occurring) - {0}:
            own.setdefault(mask.names[value], set()).add(value)
        for name, values in own.items():
            known, file = numbers.setdefault(name, (values, mask.file))
            if not known & values:
                raise _contradiction(mask, min(values), f"{file} gives {min(known)} that name", Cure("take_some_cases"))
            known |= values


def proved(masks: Sequence[MaskFacts], numbering: Numbering) -> str:
    """Return in words how far the files' own tables prove a numbering.

    Raises
    ------
    SegconvError
        ``SC074`` if a file holds a value that it names differently.
    """
    name_of = {value: name for name, value in numbering.values.items()}
    named = [mask for mask in masks if mask.names]
    for mask in named:
        for value in sorted(mask.foreground & mask.names.keys()):
            if mask.names[value] != name_of.get(value):
                other = f"calls it {name_of[value]!r}" if value in name_of else "has no such value"
                cure = Cure.of("leave_out", field="numbering")
                raise _contradiction(mask, value, f"{numbering.of} {other}", cure)
    if not named:
        own = "no label file names them itself"
    else:
        own = f"the headers of {len(named)} of {count_of(len(masks), 'label file')} agree"
    return f"{numbering.of} names the values, of which those count that occur; {own}"


def names_of(numbering: Numbering) -> dict[str, int | str]:
    """Return name → value of a numbering, with background."""
    return _with_background({value: name for name, value in numbering.values.items()})


def in_order_of(numbering: Numbering, names: Collection[str]) -> tuple[list[str], str]:
    """Return names of classes in the order of a tool's numbers, others last; and a note on both.

    Raises
    ------
    SegconvError
        ``SC074`` if the tool has none of these classes.
    """
    others = [name for name in names if name not in numbering.values]
    if len(others) == len(names):
        raise SegconvError(
            f"{numbering.of} has no class {some_of(map(repr, others))}",
            code="SC074",
            cures=(Cure.of("leave_out", field="numbering"),),
        )
    more = f"; {some_of(others)}, which are none of its classes, come last" if others else ""
    known = sorted(set(names).difference(others), key=lambda name: numbering.values[name])
    return [*known, *others], f"the classes are in the order of {numbering.of}{more}"


def refuse_unnamed(masks: Sequence[MaskFacts], names: Collection[int | str], where: str) -> None:
    """Refuse values that occur and have no name (``SC070``), naming the first file.

    Parameters
    ----------
    names
        The values that have one.
    """
    unnamed = values_of(masks).difference(value for value in names if isinstance(value, int))
    if not unnamed:
        return
    mask = next(mask for mask in masks if unnamed & mask.counts.keys())
    own = sorted(unnamed & mask.counts.keys())
    raise SegconvError(
        f"holds {'the value' if len(own) == 1 else 'the values'} {some_of(own)}, without a name in {where}",
        code="SC070",
        file=mask.file,
        cures=(Cure.of("map_value", value=own[0]), Cure.of("accept_labels")),
    )


def _with_background(names: Mapping[int, str]) -> dict[str, int | str]:
    found: dict[str, int | str] = {BACKGROUND: 0}
    for value, name in sorted(names.items()):
        if value:
            # Names that several values share: each value remains a label of its own.
            found[name if name not in found else f"{name}_{value}"] = value
    return found


def _nameless(mask: MaskFacts, other: MaskFacts) -> SegconvError:
    return SegconvError(
        f"names none of its values, {other.file} does in its header: does a value mean the same in both?",
        code="SC074",
        file=mask.file,
        cures=(Cure.of("declare_numbering"), Cure.of("declare_by_table")),
    )


def _contradiction(mask: MaskFacts, value: int, other: str, cure: Cure) -> SegconvError:
    return _of_several_kinds(mask, f"calls the value {value} {mask.names[value]!r} in its header, {other}", cure)


def _of_several_kinds(mask: MaskFacts, what: str, cure: Cure) -> SegconvError:
    return SegconvError(
        what,
        code="SC074",
        file=mask.file,
        hint="the labels of a dataset come from one version and task of a tool",
        cures=(cure,),
    )
