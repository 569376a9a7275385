"""Values that a pickle builds by calling functions: arrays and scalars of numpy, and bytes.

`FUNCTIONS` replace the functions that a pickle names: they build the values, and refuse every other use.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPE = re.compile(r"(b|i|u|f|O|U)(\d{1,6})")
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "O": (8,)}
_UTF_32 = 4


_OTHER_TYPE = "holds an array of another type than numbers or texts"
_OTHER_FORM = "holds an array in another form than numpy writes"


class NotPlain(ValueError):
    """A pickle that is damaged, holds more than plain values, or would take too much time or memory."""


@dataclass
class Dtype:
    """A data type of numpy, as a pickle describes it."""

    kind: str
    nbytes: int
    order: str | None = None

    def build(self, state: Any) -> None:
        """Take the state for `numpy.dtype.__setstate__`: byte order and size, no fields, only its own flags."""
        orders = "|" if self.kind == "O" or self.nbytes == 1 else "<>"
        tail = {"U": (self.nbytes, _UTF_32, 8), "O": (-1, -1, 63)}.get(self.kind, (-1, -1, 0))
        if self.order is not None or state not in [(3, order, None, None, None, *tail) for order in orders]:
            raise NotPlain(_OTHER_TYPE)
        self.order = state[1]

    def read(self, data: bytes | bytearray) -> NDArray[Any]:
        """Return values of this type from bytes; does not read objects."""
        if self.order is None:
            raise NotPlain(_OTHER_TYPE)
        size = self.nbytes // _UTF_32 if self.kind == "U" else self.nbytes
        found = np.frombuffer(data, f"{self.order}{self.kind}{size}")
        if self.kind == "U" and np.frombuffer(data, f"{self.order}u{_UTF_32}").max(initial=0) > sys.maxunicode:
            raise NotPlain("holds a text of characters that there are not")
        return found


class Array:
    """An array of numpy, of numbers, texts or objects."""

    def __init__(self) -> None:
        self._filled = False
        self.shape: tuple[int, ...] = (0,)
        self._values: list[Any] | NDArray[Any] = []

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 1

    def values(self) -> list[Any]:
        """Return its values as Python objects, nested like its axes; an array of objects as one list."""
        return self._values if isinstance(self._values, list) else list(self._values.tolist())

    def build(self, state: Any) -> None:
        """Take the state for `numpy.ndarray.__setstate__`."""
        if not (isinstance(state, tuple) and len(state) == 5 and state[0] == 1):
            raise NotPlain(_OTHER_FORM)
        _, shape, dtype, fortran, data = state
        self.fill(shape, dtype, data, "F" if fortran is True else "C")

    def fill(self, shape: Any, dtype: Any, data: Any, order: Any) -> None:
        """Take shape, type and bytes, or a list of objects, after checking that they agree."""
        if self._filled or not isinstance(dtype, Dtype) or order not in ("C", "F") or not _is_shape(shape):
            raise NotPlain(_OTHER_FORM)
        count = math.prod(shape)
        if dtype.kind == "O":
            if not (isinstance(data, list) and len(data) == count):
                raise NotPlain(f"holds an array of the shape {shape} with another number of values")
            self._values = data
        else:
            if not (isinstance(data, (bytes, bytearray)) and len(data) == count * dtype.nbytes):
                raise NotPlain(f"holds an array of the shape {shape} with another number of bytes")
            self._values = dtype.read(data).reshape(shape, order=order)
        self.shape = shape
        self._filled = True


def _is_shape(found: Any) -> bool:
    sizes = found if isinstance(found, tuple) else ()
    return 0 < len(sizes) <= 8 and all(type(size) is int and 0 <= size < 1 << 62 for size in sizes)


class Function:
    """Replacement for a function of numpy or Python."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call


def _dtype(text: Any, align: Any, copy: Any) -> Dtype:
    match = _DTYPE.fullmatch(text) if isinstance(text, str) else None
    if match is None or align != 0 or copy != 1:  # numpy up to 1.19 wrote them as numbers
        raise NotPlain(_OTHER_TYPE)
    kind, size = match[1], int(match[2])
    if kind == "U":
        size *= _UTF_32
    if size == 0 or (kind != "U" and size not in _SIZES[kind]):
        raise NotPlain(f"holds an array of the type {text}")
    return Dtype(kind, size)


def _reconstruct(subtype: Any, shape: Any, dtype: Any) -> Array:
    if subtype is not NDARRAY or shape != (0,) or dtype != b"b":
        raise NotPlain(_OTHER_FORM)
    return Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    found = Array()
    found.fill(shape, dtype, data, order)
    return found


def _scalar(dtype: Any, data: Any) -> Any:
    if not isinstance(dtype, Dtype) or dtype.kind == "O" or not isinstance(data, bytes) or len(data) != dtype.nbytes:
        raise NotPlain("holds a number of numpy in another form than numpy writes")
    return dtype.read(data)[0].item()


def _encode(text: Any, encoding: Any) -> bytes:
    """Replace ``_codecs.encode``, with which protocols 0 to 2 write bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise NotPlain("encodes something in a way that plain values do not need")
    return text.encode("latin1")


def _not_called(*_: Any) -> Any:
    raise NotPlain("calls something that plain values do not need")


NDARRAY = Function(_not_called)

FUNCTIONS: dict[tuple[str, str], Function] = {
    ("collections", "OrderedDict"): Function(dict),
    ("__builtin__", "bytes"): Function(lambda: b""),
    ("builtins", "bytes"): Function(lambda: b""),
    ("_codecs", "encode"): Function(_encode),
    ("numpy", "ndarray"): NDARRAY,
    ("numpy", "dtype"): Function(_dtype),
    # As spelled in numpy 1 and 2.
    **{
        (f"numpy.{core}.{module}", name): Function(call)
        for core in ("core", "_core")
        for module, name, call in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
