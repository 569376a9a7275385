"""Judge the values of nnU-Net's folder variables: what is wrong with one, and what was probably meant."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import Finding

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
_OTHERS = ("nnUNet_n_proc_DA", "nnUNet_def_n_proc", "nnUNet_compile", "nnUNet_extTrainer")
_QUOTES = "\"'“”‘’"
_SIMILAR = 0.85
"""How similar two names of variables are if one is a misspelling, by `difflib`."""


def problem(text: str) -> str | None:
    """Return why a value cannot be one of the folders; None if it can.

    >>> problem('"/data"'), problem("data"), problem("/")
    ('has quotes around it, which are part of the value', 'is not absolute', None)
    """
    if text[:1] in _QUOTES or text[-1:] in _QUOTES:
        return "has quotes around it, which are part of the value"
    if text != text.strip():
        return "has blanks or a line end around it, which are part of the value"
    if text.startswith("~") or "$" in text:
        return "has ~ or $, which only a shell replaces, and not within quotes"
    if not os.path.isabs(text):
        return "is not absolute"
    if not os.path.isdir(text):
        return "is not a folder"
    return None


def meant(text: str) -> str | None:
    """Return the folder that an unusable value probably means; None if there is no such folder."""
    bare = os.path.expanduser(os.path.expandvars(text.strip().strip(_QUOTES).strip()))
    absolute = os.path.abspath(bare) if bare else ""
    return absolute if absolute and absolute != text and os.path.isdir(absolute) else None


def misspelled(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield variables that nnU-Net does not read, each with the similar one that it reads and that is not set."""
    known = {name.lower(): name for name in (*FOLDERS, *_OTHERS)}
    for name in sorted(environment):
        if not name.lower().startswith("nnunet") or name in known.values():
            continue
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=_SIMILAR)
        if near and known[near[0]] not in environment:
            yield name, known[near[0]]


def of_similar_name(variable: str, environment: Mapping[str, str]) -> Finding | None:
    """Return an error if, instead of a variable, one of a similar name is set."""
    for name, right in misspelled(environment):
        if right == variable:
            return Finding(
                "SC040",
                f"{variable} is not set; {name} is, which nnU-Net does not read",
                hint=f"export {variable}={environment[name]}",
            )
    return None


def count_of_tasks(base: Path) -> int:
    """Return the number of nnU-Net v1's tasks in ``nnUNet_raw_data_base``."""
    return sum(path.is_dir() for path in (base / "nnUNet_raw_data").glob("Task[0-9][0-9][0-9]_*"))
