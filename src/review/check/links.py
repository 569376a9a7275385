"""Where files of a dataset really lie: links that leave it, or lead nowhere, and what is no file at all."""

from __future__ import annotations

import os
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...errors import Cure, Finding


def unusable(path: str, shown: str, root: Path, external: bool) -> Finding | None:
    """Return what speaks against reading a link, folder, pipe or device, or a file that is named elsewhere."""
    try:
        real = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        real = os.path.realpath(path)
        what = f"is a link to {real}, which is not there" if os.path.islink(path) else "is not there"
        what += made_later(real, root)
        return Finding("SC012", what, file=shown, hint="restore the file, or remove what names it")
    except ValueError:
        return Finding("SC060", "is no path: it holds the character NUL", file=repr(shown))
    except OSError as error:
        return reading.refusal(error, shown).findings[0]
    if not external and not is_below(real, root):
        return leaves(shown, real)
    if not reading.is_file(real):
        return Finding("SC061", "is a folder, pipe or device, expected a file", file=shown)
    return None


def made_later(path: str, root: Path) -> str:
    """Return words for it where a file lies, or lay, in a dataset that segconv made or edited after another.

    Parameters
    ----------
    path
        The file, free of links.
    root
        The other dataset.
    """
    home = Path(path).parent.parent
    try:
        later = os.stat(home / lineage.RUN).st_mtime_ns > os.stat(root / lineage.RUN).st_mtime_ns
    except OSError:
        return ""
    return f"; {home.name}, where it belongs, was made anew or edited since" if later and home != root else ""


def leaves(shown: str, real: str) -> Finding:
    """Return the error for a link to `real`, which lies elsewhere."""
    return Finding(
        "SC060",
        f"is a link that leaves the dataset, to {real}",
        file=shown,
        hint="copy the file into the dataset",
        cures=(Cure.of("allow_external"),),
    )


def is_below(path: str, folder: Path) -> bool:
    """Return whether a path, free of links, lies in a folder."""
    return path.startswith(f"{str(folder).rstrip('/')}/")
