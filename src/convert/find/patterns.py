"""Patterns that a user gives for images and masks: globs, globs with named parts, regular expressions, or a folder.

``*`` and ``?`` stay within a folder, ``**/`` crosses folders, ``{case}`` names what it matches.
Images and masks belong together if what the patterns matched is the same: the named parts that both
have, else what the wildcards matched. Letters with accents match however they are stored, as one
character or as two: a keyboard types one form, and some file systems store the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset.lineage import TRAIN
from ...errors import Cure, Finding, SegconvError
from ..blocks import Chained
from ..survey import Survey
from ..tree import Unit
from .globs import CASE, glob_of, pattern_of
from .pairs import Pair, Pairing
from .split_folders import split_by_folders

Key = tuple[str, ...]
_CHANNEL = "channel"
_PATIENT = "patient"


def compile_pattern(text: str, root: Path) -> re.Pattern[str]:
    """Return the regular expression of a pattern, for paths relative to the source.

    Raises
    ------
    SegconvError
        ``SC001`` if it is not a valid pattern.
    """
    if "(?P<" in text:
        expression = text
    else:
        plain = text.rstrip("/").removeprefix("./")
        if reading.is_folder(root / plain):
            plain = f"{plain}/**" if plain not in ("", ".") else "**"
        expression = _of_glob(plain)
    try:
        return re.compile(_composed(expression))
    except re.error as error:
        raise SegconvError(f"{text!r} is not a pattern ({error})", hint="an example is 'images/*.nii.gz'") from error


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _of_glob(glob: str) -> str:
    out = ""
    at = 0
    while at < len(glob):
        if glob.startswith("**/", at):
            out, at = out + "((?:.*/)?)", at + 3
        elif glob.startswith("**", at):
            out, at = out + "(.*)", at + 2
        elif glob[at] == "*":
            out, at = out + "([^/]*)", at + 1
        elif glob[at] == "?":
            out, at = out + "([^/])", at + 1
        elif match := re.compile(r"\[!?\]?[^\]]*\]").match(glob, at):
            out, at = out + "(" + match[0].replace("[!", "[^") + ")", match.end()
        elif match := re.compile(r"\{([A-Za-z_]\w*)\}").match(glob, at):
            again = f"(?P<{match[1]}>" in out
            out += f"(?P={match[1]})" if again else f"(?P<{match[1]}>[^/]+)"
            at = match.end()
        else:
            out, at = out + re.escape(glob[at]), at + 1
    return out


def pair_by_patterns(units: Sequence[Unit], images: Sequence[str], masks: str | None, root: Path) -> Pairing:
    """Find the cases that patterns describe.

    Parameters
    ----------
    units
        All files with a known ending.
    images
        One pattern per channel, or one with ``{channel}``.
    masks
        The pattern of labels, or None.
    """
    pairing = Pairing(folders=[" and ".join(filter(None, (" ".join(images), masks)))])
    patterns = [_Pattern(text, compile_pattern(text, root)) for text in images]
    label_patterns = [_Pattern(masks, compile_pattern(masks, root))] if masks is not None else []
    names = _shared_names([*patterns, *label_patterns])
    labels = _Matches(names, pairing, units, label_patterns)
    taken = set(labels.units)
    found = _Matches(names, pairing, [unit for unit in units if unit not in taken], patterns)
    if not found.cases or (label_patterns and not labels.cases):
        return pairing  # a pattern that matches nothing explains everything that would be missing
    if labels.cases and labels.cases.keys().isdisjoint(found.cases):
        pairing.findings.append(_no_common_case(found, labels, images[0], label_patterns[0].text))
        return pairing
    _pair(pairing, patterns, found, labels)
    pairing.pairs = Chained(split_by_folders(pairing.pairs, pairing))
    return pairing


def _pair(pairing: Pairing, patterns: Sequence[_Pattern], found: _Matches, labels: _Matches) -> None:
    """Add a pair for each case; a case without a channel, and a label without an image, become findings."""
    for key, channels in found.cases.items():
        label = labels.cases.pop(key, {})
        first = next(iter(channels.values()))
        missing = [pattern.text for number, pattern in enumerate(patterns) if f"{number:04d}" not in channels]
        if not patterns[0].has(_CHANNEL) and len(channels) < len(patterns):
            pairing.error("SC084", f"has no file that matches {missing[0]!r}", file=first.path)
            continue
        patient = found.patients.get(key)
        pairing.pairs.append(Pair((), _name(key, first), TRAIN, channels, tuple(label.values()), patient))
    for unit in labels.units:
        pairing.error("SC081", "is a label without an image", file=unit.path)


@dataclass(frozen=True)
class _Pattern:
    """A pattern as the user wrote it, and as a regular expression for paths relative to the source."""

    text: str
    expression: re.Pattern[str]

    def has(self, name: str) -> bool:
        """Return whether the pattern has a part with this name."""
        return name in self.expression.groupindex


class _Matches:
    """The files that patterns match, by case and channel.

    Parameters
    ----------
    names
        The named parts that distinguish cases; if empty, everything that wildcards match does.
    units
        The files to look at.
    patterns
        One per channel, unless it has a part for the channel.

    Attributes
    ----------
    cases
        Case → channel → file.
    patients
        Case → patient, where a pattern names it.
    """

    def __init__(
        self, names: Sequence[str], pairing: Pairing, units: Sequence[Unit], patterns: Sequence[_Pattern]
    ) -> None:
        self.cases: dict[Key, dict[str, Unit]] = {}
        self.patients: dict[Key, str] = {}
        self._names = names
        self._pairing = pairing
        for number, pattern in enumerate(patterns):
            self._add(units, pattern, f"{number:04d}" if len(patterns) > 1 else "")

    @property
    def units(self) -> list[Unit]:
        """The files of all cases."""
        return [unit for of_case in self.cases.values() for unit in of_case.values()]

    def _add(self, units: Iterable[Unit], pattern: _Pattern, channel: str) -> None:
        """Add what a pattern matches; a pattern without a match is a finding.

        Parameters
        ----------
        channel
            Of the files, if the pattern has no part with that name.
        """
        own: dict[tuple[Key, str], Unit] = {}
        for unit in units:
            path = _composed(unit.path)
            whole = pattern.expression.fullmatch(path)
            match = whole or pattern.expression.fullmatch(path[: len(path) - len(unit.ending)])
            if match is None:
                continue
            key = self._key(match, ending=len(unit.ending) if whole else 0)
            part = match[_CHANNEL] if pattern.has(_CHANNEL) else ""
            twin = own.setdefault((key, part), unit)
            if twin is not unit:
                what = f"and {twin.path} both match {pattern.text!r} as the case {'_'.join(key)!r}"
                hint = f"name the parts that tell cases apart, such as {CASE}"
                self._pairing.error("SC085", what, file=unit.path, hint=hint)
                continue
            self.cases.setdefault(key, {})[part or channel] = unit
            if pattern.has(_PATIENT):
                self.patients[key] = match[_PATIENT]
        if not own:
            hint = "patterns are relative to the source; * stays within a folder, **/ crosses folders"
            self._pairing.error("SC011", f"no file matches {pattern.text!r}", hint=hint)

    def _key(self, match: re.Match[str], *, ending: int) -> Key:
        return tuple(match[name] for name in self._names) if self._names else _wildcards(match, ending)


def pair_as_told(survey: Survey, units: Sequence[Unit]) -> Pairing | None:
    """Return the cases that the user's patterns describe; None if there are none.

    Raises
    ------
    SegconvError
        ``SC001`` for a pattern of masks without one of images.
    """
    if survey.options.images:
        return pair_by_patterns(units, survey.options.images, survey.options.masks, survey.root)
    if survey.options.masks is not None:
        cures = (Cure("name_images_and_masks"),)
        raise SegconvError("there is a pattern of masks, but none of images", hint="give both", cures=cures)
    return None


def _no_common_case(found: _Matches, labels: _Matches, images: str, masks: str) -> Finding:
    first, other = (_name(next(iter(side.cases)), side.units[0]) for side in (found, labels))
    one, two = _globs_of(found.units, labels.units)
    by_pattern = Cure.of("name_images_and_masks", images=one, masks=two)
    return Finding(
        "SC081",
        f"{images!r} finds cases such as {first!r}, and {masks!r} such as {other!r}: none of {len(found.cases)} and"
        f" {len(labels.cases)} is the same",
        hint="name the part that is the same in both",
        cures=(Cure("pair_by_list") if (one, two) == (images, masks) else by_pattern,),
    )


def _globs_of(*sides: Sequence[Unit]) -> tuple[str, str]:
    """Return the patterns that the file names suggest, if each side is in one folder."""
    if any(len({unit.folder for unit in side}) > 1 for side in sides):
        return "images/{case}.png", "masks/{case}_a.png"
    one, other = (glob_of(side[0].folder, pattern_of(side)) for side in sides)
    return one, other


def _shared_names(patterns: Sequence[_Pattern]) -> list[str]:
    """Return the named parts that distinguish cases: those that all patterns have."""
    names = [set(pattern.expression.groupindex) - {_CHANNEL} for pattern in patterns]
    return sorted(set.intersection(*names)) if names else []


def _wildcards(match: re.Match[str], ending: int) -> Key:
    """Return what the wildcards matched, without repeats and the file's ending; empty if the pattern has none."""
    parts: list[str] = []
    for number in range(1, (match.re.groups or 0) + 1):
        part = match[number] or ""
        if ending and match.end(number) > len(match.string) - ending:
            part = part[: len(part) - (match.end(number) - (len(match.string) - ending))]
        part = part.strip("/")
        if part and part not in parts:
            parts.append(part)
    return tuple(parts)


def _name(key: Key, unit: Unit) -> str:
    # sub-*/sub-*_T1.nii matches the subject twice, once within a longer part; keep only the longer part.
    parts = [part for part in key if not any(part != other and part in other for other in key)]
    return "_".join(part.replace("/", "_") for part in parts) or unit.stem
