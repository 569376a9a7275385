"""Patterns that a user gives for images and masks: globs, globs with named parts, regular expressions, or a folder.

``*`` and ``?`` stay within a folder, ``**/`` crosses folders, ``{case}`` names what it matches.
Images and masks belong together if what the patterns matched is the same: the named parts that both
have, else what the wildcards matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ... import reading
from ...dataset.lineage import TRAIN
from ...errors import Cure, Finding, SegconvError
from ..survey import Survey
from ..tree import Unit
from .globs import glob_of, pattern_of
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
        ``SC001`` if it is none.
    """
    if "(?P<" in text:
        expression = text
    else:
        plain = text.rstrip("/").removeprefix("./")
        if reading.is_folder(root / plain):
            plain = f"{plain}/**" if plain not in ("", ".") else "**"
        expression = _of_glob(plain)
    try:
        return re.compile(expression)
    except re.error as error:
        raise SegconvError(f"{text!r} is no pattern ({error})", hint="for example 'images/*.nii.gz'") from error


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
        All files of a known ending.
    images
        One pattern a channel, or one with ``{channel}``.
    masks
        The pattern of labels, or None.
    """
    pairing = Pairing(folders=[f"--images {' '.join(images)}" + (f" --masks {masks}" if masks else "")])
    compiled = [compile_pattern(text, root) for text in images]
    mask_pattern = compile_pattern(masks, root) if masks is not None else None
    names = _shared_names([*compiled, *([mask_pattern] if mask_pattern else [])])
    labels = _matches(units, mask_pattern, masks or "", names, pairing) if mask_pattern is not None else {}
    cases: dict[Key, dict[str, Unit]] = {}
    patients: dict[Key, str] = {}
    label_paths = {unit.path for of_case in labels.values() for unit in of_case.values()}
    for number, (pattern, text) in enumerate(zip(compiled, images, strict=True)):
        others = [unit for unit in units if unit.path not in label_paths]
        for key, of_case in _matches(others, pattern, text, names, pairing, patients).items():
            for channel, unit in of_case.items():
                cases.setdefault(key, {})[channel or (f"{number:04d}" if len(images) > 1 else "")] = unit
    if pairing.findings and not (cases and (labels or mask_pattern is None)):
        return pairing  # a pattern that matches nothing explains all that would be missing
    if cases and labels and not cases.keys() & labels.keys():
        pairing.findings.append(_no_common_case(cases, labels, images[0], masks or ""))
        return pairing
    for key, channels in cases.items():
        label = labels.pop(key, None)
        wanted = len(images) if _CHANNEL not in compiled[0].groupindex else len(channels)
        if len(channels) < wanted:
            missing = [text for n, text in enumerate(images) if f"{n:04d}" not in channels]
            pairing.error("SC084", f"has no file that matches {missing[0]!r}", file=next(iter(channels.values())).path)
            continue
        name = _name(key, next(iter(channels.values())))
        pair = Pair((), name, TRAIN, channels, tuple(label.values()) if label else ())
        pairing.pairs.append(replace(pair, patient=patients.get(key)))
    orphans = [unit for of_case in labels.values() for unit in of_case.values()]
    pairing.findings += [Finding("SC081", "is a label without an image", file=unit.path) for unit in orphans]
    pairing.pairs = split_by_folders(pairing.pairs, pairing)
    return pairing


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


def _no_common_case(
    cases: Mapping[Key, Mapping[str, Unit]], labels: Mapping[Key, Mapping[str, Unit]], images: str, masks: str
) -> Finding:
    first, other = next(iter(cases)), next(iter(labels))
    one, two = _globs_of(cases.values(), labels.values())
    return Finding(
        "SC081",
        f"{images!r} finds cases such as {_name(first, next(iter(cases[first].values())))!r}, and {masks!r} such as"
        f" {_name(other, next(iter(labels[other].values())))!r}: not one of {len(cases)} and {len(labels)} is the same",
        hint=f"name the part that is the same in both, as in --images {one!r} --masks {two!r}",
    )


def _globs_of(cases: Iterable[Mapping[str, Unit]], labels: Iterable[Mapping[str, Unit]]) -> tuple[str, str]:
    """Return the patterns that the names of the files themselves suggest, if each side lies in one folder."""
    sides = [[unit for of_case in side for unit in of_case.values()] for side in (cases, labels)]
    if any(len({unit.folder for unit in side}) > 1 for side in sides):
        return "images/{case}.png", "masks/{case}_a.png"
    one, other = (glob_of(side[0].folder, pattern_of(side)) for side in sides)
    return one, other


def _shared_names(patterns: Iterable[re.Pattern[str]]) -> list[str]:
    """Return the named parts by which cases are told: those that all patterns have."""
    shared: set[str] | None = None
    for pattern in patterns:
        names = set(pattern.groupindex) - {_CHANNEL}
        shared = names if shared is None else shared & names
    return sorted(shared or ())


def _matches(
    units: Sequence[Unit],
    pattern: re.Pattern[str],
    text: str,
    names: list[str],
    pairing: Pairing,
    patients: dict[Key, str] | None = None,
) -> dict[Key, dict[str, Unit]]:
    found: dict[Key, dict[str, Unit]] = {}
    for unit in units:
        whole = pattern.fullmatch(unit.path)
        match = whole or pattern.fullmatch(unit.path[: len(unit.path) - len(unit.ending)])
        if match is None:
            continue
        if names:
            key: Key = tuple(match[name] for name in names)
        else:
            ending = len(unit.ending) if match is whole else 0
            key = _wildcards(match, unit, ending)
        channel = match[_CHANNEL] if _CHANNEL in pattern.groupindex else ""
        channels = found.setdefault(key, {})
        if channel in channels:
            pairing.error(
                "SC085",
                f"and {channels[channel].path} both match {text!r} as the case {'_'.join(key)!r}",
                file=unit.path,
                hint="name the parts that tell cases apart, such as {case}",
            )
            continue
        channels[channel] = unit
        if patients is not None and _PATIENT in pattern.groupindex:
            patients[key] = match[_PATIENT]
    if not found:
        hint = "patterns are relative to the source; * stays within a folder, **/ crosses folders"
        pairing.error("SC011", f"no file matches {text!r}", hint=hint)
    return found


def _wildcards(match: re.Match[str], unit: Unit, ending: int) -> Key:
    """Return what the wildcards matched, each once and without the file's ending; nothing for the name of one file."""
    parts: list[str] = []
    for number in range(1, (match.re.groups or 0) + 1):
        part = match[number] or ""
        if ending and match.end(number) > len(unit.path) - ending:
            part = part[: len(part) - (match.end(number) - (len(unit.path) - ending))]
        part = part.strip("/")
        if part and part not in parts:
            parts.append(part)
    return tuple(parts)


def _name(key: Key, unit: Unit) -> str:
    # sub-*/sub-*_T1.nii matches the subject twice, once within a longer part: once is enough.
    parts = [part for part in key if not any(part != other and part in other for other in key)]
    return "_".join(part.replace("/", "_") for part in parts) or unit.stem
