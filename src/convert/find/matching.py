"""Match images and labels of two folders, or of one, by name: only where a name has one meaning."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import eq
from typing import NamedTuple

from ..blocks import InBlocks
from ..listing import FolderUnits
from ..tree import Unit
from .roles import SEPARATORS, bare_stem, rests_of


class OneFile(Mapping[str, Unit]):
    """The images of a case of one file, whose channel has no name; a dict takes five times the memory."""

    __slots__ = ("_unit",)

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def __getitem__(self, channel: str) -> Unit:
        if channel:
            raise KeyError(channel)
        return self._unit

    def __iter__(self) -> Iterator[str]:
        return iter(("",))

    def __len__(self) -> int:
        return 1


class MatchedCase(NamedTuple):
    """An image, by channel, and its label."""

    name: str
    images: Mapping[str, Unit]
    label: Unit

    @property
    def first(self) -> Unit:
        """The file of its first channel."""
        return self.images[next(iter(self.images))]


class SameNames(InBlocks[MatchedCase]):
    """The cases of a folder of images and a folder of labels whose files have the same names, but for the ending."""

    def __init__(self, images: FolderUnits, labels: FolderUnits) -> None:
        super().__init__(len(images))
        self.images = images
        self.labels = labels

    @classmethod
    def of(cls, images: Iterable[Unit], labels: Iterable[Unit]) -> SameNames | None:
        """Return the cases of two folders; None if their files have other names, or several endings."""
        if not (isinstance(images, FolderUnits) and isinstance(labels, FolderUnits)):
            return None
        if images.ending is None or labels.ending is None or len(images) != len(labels) or not images:
            return None
        alike = all(map(eq, images.stem_blocks(), labels.stem_blocks()))
        return cls(images, labels) if alike else None

    def block(self, number: int) -> list[MatchedCase]:
        """Return the cases of a block."""
        both = zip(self.images.block(number), self.labels.block(number), strict=True)
        return [MatchedCase(image.stem, OneFile(image), label) for image, label in both]


@dataclass(frozen=True)
class Matched:
    """Images and labels of two folders, or of one, after matching.

    Parameters
    ----------
    orphans
        Labels without image.
    alone
        Images without label.
    second
        Label without image → the label that already has the image of that name.
    by_start
        Whether images were found by the start of their names.
    """

    cases: Sequence[MatchedCase]
    orphans: Sequence[Unit]
    alone: Sequence[Unit]
    second: Mapping[Unit, Unit] = field(default_factory=dict)
    by_start: bool = False


def match(images: Iterable[Unit], masks: Iterable[Unit]) -> Matched:
    """Match images and labels by name.

    A label has the name of its image, directly or after the words for roles are removed from one or both. If no
    label matches that way, an image's name may begin with its label's name; what follows is the name of a channel.
    Names that fit several files fit none.
    """
    if (same := SameNames.of(images, masks)) is not None:
        return Matched(same, [], [])
    images, masks = list(images), list(masks)
    by_stem = {unit.stem: unit for unit in images}
    found: dict[Unit, MatchedCase] = {}
    second: dict[Unit, Unit] = {}

    def take(waiting: Iterable[Unit], names: Callable[[str], list[str]], owners: Mapping[str, Unit]) -> list[Unit]:
        """Match labels by a form of their names; return those that match nothing."""
        left: list[Unit] = []
        for mask in waiting:
            name = first_known(names(mask.stem), owners)
            if name is None:
                left.append(mask)
            elif owners[name] in found:
                second[mask] = found[owners[name]].label
            else:
                found[owners[name]] = MatchedCase(name, OneFile(owners[name]), mask)
        return left

    # Full names first, so that no label takes by a part of its name what another matches in full.
    waiting: list[Unit] = []
    for mask in masks:
        stem = mask.stem
        if (owner := by_stem.get(stem)) is None:
            waiting.append(mask)
        elif owner in found:
            second[mask] = found[owner].label
        else:
            found[owner] = MatchedCase(stem, OneFile(owner), mask)
    if waiting:
        waiting = take(waiting, rests_of, by_stem)
    if waiting:
        bare = _unique((bare_stem(unit.stem), unit) for unit in images)
        waiting = take(waiting, lambda stem: [*rests_of(stem), stem], bare)
    if not found:
        return _match_by_start(images, masks)
    alone = [unit for unit in images if unit not in found]
    return Matched(list(found.values()), [*second, *waiting], alone, second)


def first_known(names: Iterable[str], known: Container[str]) -> str | None:
    """Return the first of several possible names that is known."""
    return next((name for name in names if name in known), None)


def _match_by_start(images: Sequence[Unit], masks: Sequence[Unit]) -> Matched:
    """Match each image to the longest label name with which its own name begins."""
    labels = _unique((rest, mask) for mask in masks for rest in {mask.stem, *rests_of(mask.stem)[-1:]})
    starts: dict[Unit, dict[Unit, str]] = {}
    alone: list[Unit] = []
    for unit in images:
        start = first_known(_starts(unit.stem), labels)
        if start is None:
            alone.append(unit)
        else:
            starts.setdefault(labels[start], {})[unit] = start
    orphans = [mask for mask in masks if mask not in starts]
    cases = [MatchedCase(_first(of_case.values()), _channels(of_case), mask) for mask, of_case in starts.items()]
    return Matched(cases, orphans, alone, by_start=bool(cases))


def _channels(starts: Mapping[Unit, str]) -> dict[str, Unit]:
    """Return the images of a case by what follows the name of the case in theirs.

    A label may give two names, as ``p_seg`` and ``p`` of ``p_seg``. If ``p_seg_mr`` and ``p_mr`` would be one channel,
    the shorter name counts for all.
    """
    found = {_after(start, unit): unit for unit, start in starts.items()}
    if len(found) < len(starts):
        start = min(starts.values(), key=len)
        found = {_after(start if unit.stem.startswith(start) else "", unit): unit for unit in starts}
    return found


def _after(start: str, unit: Unit) -> str:
    return unit.stem[len(start) :].lstrip("_-. ")


def _first(names: Iterable[str]) -> str:
    return next(iter(names))


def _unique(named: Iterable[tuple[str, Unit]]) -> dict[str, Unit]:
    """Return name → file, without the names that several files have."""
    found: dict[str, Unit] = {}
    twice: set[str] = set()
    for name, unit in named:
        if found.setdefault(name, unit) != unit:
            twice.add(name)
    return {name: unit for name, unit in found.items() if name not in twice}


def _starts(stem: str) -> list[str]:
    """Return what precedes each separator in a name, longest first."""
    return [stem[: m.start()] for m in SEPARATORS.finditer(stem) if m.start()][::-1]
