"""The one pickle that segconv reads: nnU-Net v1's ``splits_final.pkl``, by an unpickler that can do nothing else.

It admits lists, OrderedDicts, strings and numpy arrays of strings. Everything else that a pickle
could name, it refuses before anything is looked up.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from .. import reading
from ..errors import SegconvError

MAX_BYTES = 64 << 20


class _Splits(pickle.Unpickler):
    """Knows the names that a pickled array of strings needs, in the spellings of numpy 1 and 2."""

    _ADMITTED = {  # noqa: RUF012 - never changed
        ("collections", "OrderedDict"): OrderedDict,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle names, if it is admitted."""
        if (module, name) in self._ADMITTED:
            return self._ADMITTED[module, name]
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name in ("_reconstruct", "scalar"):
            # numpy says itself which functions these are, wherever it keeps them.
            return (np.empty(0) if name == "_reconstruct" else np.str_("")).__reduce__()[0]
        if module in ("numpy.core.numeric", "numpy._core.numeric") and name == "_frombuffer":
            return _from_buffer
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        raise SegconvError(
            f"names {module}.{name}, which folds do not need; it was not loaded",
            code="SC095",
            hint="write the folds as splits_final.json",
        )


def read_splits(path: Path) -> list[dict[str, list[str]]]:
    """Return the folds of a ``splits_final.pkl``.

    Raises
    ------
    SegconvError
        ``SC095`` if it holds anything but folds.
    """
    data = reading.whole(path, MAX_BYTES)
    try:
        found = _Splits(io.BytesIO(data)).load()
    except SegconvError:
        raise
    except Exception as error:
        raise SegconvError(f"cannot be read ({type(error).__name__}: {error})", code="SC095") from error
    if not isinstance(found, list) or not all(
        isinstance(fold, dict) and {"train", "val"} <= fold.keys() for fold in found
    ):
        raise SegconvError("is no list of folds", code="SC095")
    return [{part: [_name(case) for case in _listed(fold[part])] for part in ("train", "val")} for fold in found]


def _listed(cases: Any) -> Any:
    if not isinstance(cases, (list, tuple, np.ndarray)):
        raise SegconvError(f"holds {type(cases).__name__} where a list of cases should be", code="SC095")
    return cases


def _name(case: Any) -> str:
    if not isinstance(case, str):
        raise SegconvError(f"holds {type(case).__name__} where the name of a case should be", code="SC095")
    return str(case)


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """Stand in for numpy's function of that name, with which protocol 5 writes arrays; strings alone."""
    if not isinstance(data, (bytes, bytearray)) or np.dtype(dtype).kind != "U":
        raise SegconvError("holds an array of something else than names", code="SC095")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order=order)


def _latin1(text: Any, encoding: Any) -> bytes:
    """Stand in for ``_codecs.encode``, with which protocol 2 writes bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise SegconvError("encodes something in a way that folds do not need", code="SC095")
    return text.encode("latin1")
