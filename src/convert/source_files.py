"""The files of a source: listed, resolved through links that stay inside, opened, and named in messages."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from functools import lru_cache
from pathlib import Path

from .. import reading
from ..dataset.folders import is_stray
from ..errors import Cure, SegconvError
from ..image import opened


def files_of(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted by name, without stray files."""
    return [folder / name for name in names_of(folder)]


def names_of(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without stray files."""
    try:
        return sorted(name for name in os.listdir(folder) if not is_stray(name))
    except FileNotFoundError as error:
        raise SegconvError("does not exist", code="SC010", file=str(folder)) from error
    except OSError as error:
        raise reading.unlisted(error, folder) from error


def resolve_inside(path: str | Path, root: Path, *, external: bool = False) -> str:
    """Return the real path of a source file.

    Parameters
    ----------
    root
        The source, resolved.
    external
        Allow links that leave the source.

    Raises
    ------
    SegconvError
        ``SC060`` if a link leaves the source or is circular; ``SC012`` if its target does not
        exist; ``SC061`` if it is not a regular file; ``SC051`` if the name of a picture or volume is a
        link to a name that says no format.
    """
    text = os.fspath(path)
    real, proved = _real_path(text)
    hashed = os.path.basename(real) != os.path.basename(text) and _ending(text) and not _ending(real)
    if not external and not _is_below(real, os.fspath(root)):
        usable = not hashed and reading.is_file(real)
        raise SegconvError(
            f"is a link that leaves the source, to {real}",
            code="SC060",
            file=text,
            hint="copy the file into the source",
            cures=(Cure("allow_external"),) if usable else (),
        )
    if not proved and not reading.is_file(real):
        raise SegconvError("is a folder, pipe or device, expected a file", code="SC061", file=text)
    if hashed:
        # As in stores that name files by their hash.
        raise SegconvError(
            f"is a link to {shown(real, root)}, which has no ending of a picture or volume, expected {_ending(text)}",
            code="SC051",
            file=text,
            hint=f"cp -rL {shlex.quote(os.fspath(root))} COPY makes a source without links",
        )
    return real


def _real_path(text: str) -> tuple[str, bool]:
    """Return the real path of a file, and whether it is known to be a regular file."""
    try:
        # A plan over 100,000 files looks once at each file and once at each folder.
        if stat.S_ISREG(os.lstat(text).st_mode):
            folder, name = os.path.split(text)
            return os.path.join(real_folder(folder), name), True
        return os.path.realpath(text, strict=True), False
    except FileNotFoundError as error:
        link = os.path.islink(text)
        what = "is a link to a file that does not exist" if link else "does not exist"
        hint = f"restore the file{' or remove the link' if link else ', or remove it from the list that names it'}"
        raise SegconvError(what, code="SC012", file=text, hint=hint) from error
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise reading.refusal(error, text) from error
        raise SegconvError("is a link that ends in a circle", code="SC060", file=text) from error


@lru_cache(maxsize=1 << 12)
def real_folder(folder: str) -> str:
    """Return a folder's path without links; cached for one plan, which clears the cache first."""
    return os.path.realpath(folder, strict=True)


def _ending(name: str) -> str:
    """Return the ending of a picture or volume, in lower case, or an empty string."""
    return opened.ending_of(name) or ""


def real_folder_below(folder: str, root: str) -> str:
    """Return the real path of a folder, with a slash at its end; empty if it is not in the source any more."""
    try:
        real = os.path.join(real_folder(folder.rstrip("/")), "")
    except OSError:
        return ""
    return real if real.startswith(os.path.join(root, "")) else ""


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def read_head(path: str, size: int) -> bytes:
    """Return the first bytes of a source file, for planning."""
    try:
        return reading.head(path, size)
    except OSError as error:
        raise reading.refusal(error, path) from error


def read_source(path: str, limit: int = reading.LONGEST) -> bytes:
    """Return the bytes of a source file, for planning; ``SC054`` if there are more than `limit`."""
    try:
        return reading.whole(path, limit)
    except OSError as error:
        raise reading.refusal(error, path) from error


def shown(path: str | Path, root: str | Path) -> str:
    """Return a path for messages: relative to the source if it is in it."""
    text, folder = os.fspath(path), os.fspath(root).rstrip("/") + "/"
    return text[len(folder) :] if text.startswith(folder) else text
