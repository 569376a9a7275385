"""Channels in separate files: whether all cases have the same channels, and what they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ...errors import Cure
from ...words import count_of
from ..blocks import Chained
from ..survey import Survey
from .pairs import FolderPairs, Pair
from .roles import role_of_stem

_NUMBER = re.compile(r"\d{4}")


def with_all_channels(survey: Survey, pairs: Sequence[Pair]) -> tuple[list[Pair], tuple[str, ...]]:
    """Return the pairs that have the usual channels, and the names of these; other pairs become findings."""
    keys = [tuple(sorted(pair.images)) for pair in pairs]
    named = [key for key in keys if key != ("",)] or keys
    usual = Counter(named).most_common(1)[0][0] if named else ()
    kept = []
    for pair, key in zip(pairs, keys, strict=True):
        if key == usual or len(key) == len(usual) == 1:
            kept.append(pair)
        else:
            what, hint = _difference(key, usual), "add or remove the file of that channel"
            survey.error("SC084", what, file=pair.first_image.path, hint=hint)
    _judge_numbers(survey, usual)
    return kept, usual


def _difference(key: tuple[str, ...], usual: tuple[str, ...]) -> str:
    missing = [name for name in usual if name not in key]
    extra = [name for name in key if name not in usual]
    lacks = [f"lacks the channel {', '.join(missing)}"] if missing else []
    has = [f"has the channel {', '.join(extra)}, which most cases do not have"] if extra and extra != [""] else []
    return " and ".join(lacks + has) or "has other channels than most cases"


def usual_files(survey: Survey, pairs: Chained[Pair]) -> tuple[str, ...]:
    """Return the names of the channels in separate files that most cases have; empty if most have one file each.

    Other cases become findings.
    """
    if pairs.parts and all(isinstance(part, FolderPairs) for part in pairs.parts):
        return ()
    keys: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        keys.setdefault(tuple(sorted(pair.images)) if len(pair.images) > 1 else (), []).append(pair)
    usual = max(keys, key=lambda key: len(keys[key]), default=())
    for pair, key in ((pair, key) for key, odd in keys.items() if key != usual for pair in odd):
        survey.error(
            "SC084",
            f"has {_of_channels(key)}; most cases have {_of_channels(usual)}",
            file=pair.first_image.path,
            hint="add or remove files, so that all cases have the same",
        )
    if usual:
        _judge_numbers(survey, usual, keys[usual][0].first_image.path)
    return usual


def _of_channels(key: tuple[str, ...]) -> str:
    return f"a file for each of {', '.join(key)}" if key else "one file"


def _judge_numbers(survey: Survey, names: Sequence[str], file: str = "") -> None:
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if numbers and [int(name) for name in numbers] != list(range(len(numbers))):
        what = f"channels are numbered {', '.join(numbers)}, expected 0000 to {len(numbers) - 1:04d}"
        survey.error("SC084", what, file=file, hint="rename the files")


def names_of_files(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the names of channels in separate files: those of the files, without the word that means image."""
    return tuple(f"channel_{int(key)}" if key.isdecimal() else role_of_stem(key)[1] or key for key in keys)


def numbered_names(count: int) -> tuple[str, ...]:
    """Return default names for channels without a name."""
    return tuple(f"channel_{number}" for number in range(count))


def refuse_other_count(survey: Survey, count: int, whose: str, *, hint: str = "", cures: Iterable[Cure] = ()) -> None:
    """Add an error if the user names a different number of channels than the source has.

    Parameters
    ----------
    count
        Number of channels; 0 if not known.
    whose
        What has the channels, with its verb, such as ``"the cases have"``.
    """
    given = len(survey.options.channels)
    if given and count and given != count:
        what = f"{count_of(given, 'channel')} {'is' if given == 1 else 'are'} named, {whose} {count}"
        named = (Cure.of("name_each_channel", channels=",".join(["NAME"] * count)),)
        survey.error("SC084", what, hint=hint, cures=tuple(cures) or named)
