"""Parse option values, so that a command gets folds, sizes, angles and names instead of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..errors import SegconvError
from .completion import USUAL_FOLDS, complete_tasks, lists_of

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # not generic before click 8.4

TYPED = "segconv.typed"
"""Key of the context's ``meta`` under which the text of parsed options stands, by parameter; recipes keep it."""


class Parsed(ParamType):
    """A parameter type whose text a function parses.

    Parameters
    ----------
    name
        What it expects, with an example, for error messages.
    read
        Parses a text; raises `ValueError` if it is invalid.
    words
        What the parts of a list may be, as far as they have names; a shell completes these.
    """

    def __init__(self, name: str, read: Callable[[str], Any], words: Sequence[str] = ()) -> None:
        self.name = name
        self._read = read
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed text; anything else is already parsed."""
        if not isinstance(value, str):
            return value
        if ctx is not None and param is not None:
            ctx.meta.setdefault(TYPED, {})[param.name] = value
        try:
            return self._read(value)
        except ValueError:
            self.fail(f"{value!r} is not {self.name}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete one of the words, also after others."""
        return lists_of(self._words)(ctx, param, incomplete)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError
    return names


def _folds(text: str) -> tuple[str, ...]:
    # nnU-Net trains fold 0 when asked for 00.
    folds = tuple(name if name == "all" else str(_digits(name)) for name in _names(text))
    if len(set(folds)) < len(folds):
        raise ValueError
    return folds


def _gpus(text: str) -> tuple[str, ...]:
    gpus = tuple(str(_digits(name)) for name in _names(text))
    if len(set(gpus)) < len(gpus):
        raise ValueError
    return gpus


def _numbered_folds(text: str) -> tuple[str, ...]:
    folds = _folds(text)
    if "all" in folds:
        raise ValueError
    return folds


def _digits(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    return int(text)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _some_numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(",") if part.strip())


def _part(text: str) -> float:
    part = float(text.removesuffix("%")) / 100
    if not (text.endswith("%") and 0 < part < 1):
        raise ValueError
    return part


def _size(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("x"))


def _features(text: str) -> tuple[int, int]:
    first, most = (int(part) for part in text.split(":"))
    return first, most


def _limits(text: str) -> tuple[float, float]:
    low, separator, high = text.partition(":")
    return float(low), float(high if separator else low)


def _window(text: str) -> tuple[float, float]:
    from ..review.pictures.windows import CT_WINDOWS

    if text in CT_WINDOWS:
        return CT_WINDOWS[text]
    low, high = (float(part) for part in text.split(":"))
    if not -math.inf < low < high < math.inf:
        raise ValueError
    return low, high


def _spacing(text: str) -> tuple[float, float, float]:
    x, y, z = _numbers(text)
    if not all(0 < part < math.inf for part in (x, y, z)):
        raise ValueError
    return x, y, z


def _tolerance(text: str) -> float | dict[str, float]:
    """Return a distance, or class → distance."""
    if "=" not in text:
        return _distance(text)
    parts = [part.rpartition("=") for part in text.split(",")]
    found = {name.strip(): _distance(value) for name, _, value in parts}
    if len(found) < len(parts) or not all(found):
        raise ValueError
    return found


def _distance(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _pixel(text: str) -> tuple[float, ...]:
    sizes = _numbers(text)
    if len(sizes) not in (2, 3) or not all(0 < size < math.inf for size in sizes):
        raise ValueError
    return sizes


_PLANES = ("sagittal", "coronal", "axial")
NAMES = Parsed("a list of names, such as A,B", _names)
PLANES = Parsed("a list of planes or axes, such as sagittal,coronal", lambda text: _names(text.lower()), _PLANES)
FOLDS = Parsed("a list of folds, such as 0,1,2 or all", _folds, (*USUAL_FOLDS, "all"))
GPUS = Parsed("a list of GPUs, such as 0,1,2", _gpus)
NUMBERED_FOLDS = Parsed("a list of folds, such as 0,1,2", _numbered_folds, USUAL_FOLDS)
ANGLES = Parsed("a list of angles, such as 30,60,180", _numbers)
NUMBERS = Parsed("a list of numbers, such as 5,10,15; it may be empty", _some_numbers)
PART = Parsed("a percentage, such as 20%", _part)
SPLITS = Parsed("a file of folds, or default", lambda text: text if text == "default" else Path(text))
SIZE = Parsed("a size in voxels, such as 64x64", _size)
FEATURES = Parsed("a range of features, such as 8:64", _features)
LIMITS = Parsed("a range of amounts, such as 30:50", _limits)
WINDOW = Parsed(
    "lung, bone, soft, or the values of black and white, such as -100:300", _window, ("lung", "bone", "soft")
)
SPACING = Parsed("a spacing of three lengths in mm above 0, such as 0.5,0.5,2", _spacing)
TOLERANCE = Parsed("a distance in mm, such as 2, or distances of classes, such as liver=5,tumour=2", _tolerance)
PIXEL = Parsed("two or three lengths in mm above 0, such as 0.5,0.5", _pixel)


class OneOf(ParamType):
    """One of several words."""

    name = "choice"

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word, if it is one of them."""
        if value not in self._words:
            self.fail(f"{value!r} is not one of {', '.join(self._words)}", param, ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete one of the words."""
        return [CompletionItem(word) for word in self._words if word.startswith(incomplete)]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the words as help shows them; click before 8.2 passes no context."""
        return f"[{'|'.join(self._words)}]"


@contextmanager
def naming_option(param: click.Parameter | None) -> Iterator[None]:
    """Name the option in errors of parsing its text."""
    try:
        yield
    except SegconvError as error:
        if param is not None:
            error.message = f"{param.opts[0]}: {error.message}"
        raise


OF_TOTALSEGMENTATOR = "totalseg:"
"""Before the name of a task whose numbering counts."""


class Labels(ParamType):
    """Labels as ``NAME=VALUE,…``, the name of a table file, or ``totalseg:TASK``."""

    name = "labels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return name → value or colour, or the numbering of a tool; an empty text declares nothing."""
        if not isinstance(value, str):
            return value
        from .label_texts import parse_labels

        if value.startswith(OF_TOTALSEGMENTATOR):
            from ..flows.numberings import numbering_of

            with naming_option(param):
                return numbering_of(value.removeprefix(OF_TOTALSEGMENTATOR))
        return parse_labels(value) if value else None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete a task of TotalSegmentator after ``totalseg:``, and otherwise the name of a file."""
        if not incomplete.startswith(OF_TOTALSEGMENTATOR):
            return [CompletionItem(incomplete, type="file")]
        tasks = complete_tasks(ctx, param, incomplete.removeprefix(OF_TOTALSEGMENTATOR))
        return [CompletionItem(f"{OF_TOTALSEGMENTATOR}{task.value}", help=task.help) for task in tasks]


def value_map(_: click.Context, __: click.Parameter, entries: Sequence[str]) -> dict[str, str]:
    """Return value or colour → label from a repeatable option."""
    if not entries:
        return {}
    from .label_texts import parse_map

    return parse_map(entries)


def in_one_list(_: click.Context, __: click.Parameter, lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the names in all lists of a repeatable option."""
    return tuple(name for names in lists for name in names)


LABELS = Labels()
