"""A JSON object with a hash over itself, so that whatever somebody changes or adds by hand shows.

The hash is no protection against anybody who means to deceive. It tells what is as it was written from what a person
has made their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .strictjson import dumps

SEAL = "sha256"
"""The key of the hash, over the bytes of the object without it."""


def sealed(found: Mapping[str, Any]) -> bytes:
    """Return the bytes of an object with its hash, in the place of any that it has."""
    rest = {key: value for key, value in found.items() if key != SEAL}
    return dumps({**rest, SEAL: hashlib.sha256(dumps(rest)).hexdigest()})


def holds(found: Mapping[str, Any]) -> bool:
    """Return whether an object is what its hash was computed over."""
    rest = {key: value for key, value in found.items() if key != SEAL}
    return found.get(SEAL) == hashlib.sha256(dumps(rest)).hexdigest()


def sha256_as_written(found: Mapping[str, Any]) -> str | None:
    """Return the SHA-256 that the file of an object must have; None if it was written without a hash."""
    return hashlib.sha256(sealed(found)).hexdigest() if SEAL in found else None
