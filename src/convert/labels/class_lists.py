"""Lists of classes next to masks: one name per line, at the position of its value in the masks, from 0.

``label_names.txt`` of LabelMe's ``labelme_json_to_dataset`` and ``class_names.txt`` of its ``labelme2voc`` begin with
``_background_``; the latter may begin with ``__ignore__``, which means -1, stored in a mask as 255.
Source: https://github.com/wkentaro/labelme, examples/semantic_segmentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...dataset.labels import BACKGROUND, IGNORE
from ...errors import SegconvError
from .choices import declaring

FILES = ("label_names.txt", "class_names.txt", "classes.txt", "labels.txt")
"""Names of lists to look for next to the masks."""

_MAY_LIST_FILES = "labels.txt"
"""A file of this name is a list of classes only if it begins like one."""

_GROUNDS = ("background", "bg")
_IGNORED = "__ignore__"
_IGNORED_VALUE = 255


def is_ground(name: str) -> bool:
    """Return whether a list uses this name for background, such as ``_background_``."""
    return name.casefold().strip("_ ") in _GROUNDS


def is_list(name: str, lines: Sequence[str]) -> bool:
    """Return whether a file is a list of classes, judged by its name and first line."""
    begins = lines[:1] == [_IGNORED] or (bool(lines) and is_ground(lines[0]))
    return name in FILES and (begins or name != _MAY_LIST_FILES)


def read_list(lines: Iterable[str]) -> dict[str, int | str]:
    """Return name → value for a list of classes.

    Raises
    ------
    SegconvError
        ``SC074`` if the first name is not background, or a name occurs twice.
    """
    names = list(lines)
    found: dict[str, int | str] = {}
    if names[:1] == [_IGNORED]:
        found[IGNORE] = _IGNORED_VALUE
        names = names[1:]
    if not names or not is_ground(names[0]):
        none = {BACKGROUND: 0, **{name: value for value, name in enumerate(names, 1)}}
        first = {BACKGROUND: 0, **{name: value for value, name in enumerate(names[1:], 1)}}
        cures = [declaring(none, "0 is none of them")]
        if names[1:]:
            cures.append(declaring(first, f"0 is {names[0]!r}, which counts as background then"))
        raise SegconvError(
            f"lists {', '.join(names[:5]) or 'nothing'} without a background first, so that the numbers of its classes"
            " may begin at 0 or at 1",
            code="SC074",
            cures=tuple(cures),
        )
    for value, name in enumerate([BACKGROUND, *names[1:]]):
        if name in found:
            raise SegconvError(f"the class {name!r} occurs twice", code="SC074")
        found[name] = value
    return found
