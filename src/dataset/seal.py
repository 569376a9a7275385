"""A JSON object with a hash over itself, so that any change or addition by hand shows.

The hash does not protect against deliberate deception. It distinguishes a file as written from one that a person has
changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from .strictjson import dumps

SEAL = "sha256"
"""Key of the hash, which covers the bytes of the object without this key."""


def sealed(found: Mapping[str, Any]) -> bytes:
    """Return the bytes of an object with its hash, replacing any that it has."""
    rest = {key: value for key, value in found.items() if key != SEAL}
    return dumps({**rest, SEAL: hashlib.sha256(dumps(rest)).hexdigest()})


def holds(found: Mapping[str, Any]) -> bool:
    """Return whether an object matches its hash."""
    rest = {key: value for key, value in found.items() if key != SEAL}
    return found.get(SEAL) == hashlib.sha256(dumps(rest)).hexdigest()


def sha256_as_written(found: Mapping[str, Any]) -> str | None:
    """Return the expected SHA-256 of an object's file; None if the object was written without a hash."""
    return hashlib.sha256(sealed(found)).hexdigest() if SEAL in found else None
