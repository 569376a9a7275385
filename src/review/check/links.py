"""Judge where files of a dataset really are: links that leave it, broken links, and non-files."""

from __future__ import annotations

import os
from pathlib import Path

from ... import reading
from ...dataset import lineage
from ...errors import Cure, Finding


def unusable(path: str, shown: str, root: Path, external: bool) -> Finding | None:
    """Return why a path (a link, folder, pipe, device or file elsewhere) cannot be read, or None."""
    try:
        real = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        real = os.path.realpath(path)
        message = f"is a link to {real}, which does not exist" if os.path.islink(path) else "does not exist"
        message += made_later(real, root)
        return Finding("SC012", message, file=shown, hint="restore the file, or remove what names it")
    except ValueError:
        return Finding("SC060", "is not a path: it holds the character NUL", file=repr(shown))
    except OSError as error:
        return reading.refusal(error, shown).findings[0]
    if not external and not is_below(real, root):
        return leaves(shown, real)
    if not reading.is_file(real):
        return Finding("SC061", "is a folder, pipe or device, expected a file", file=shown)
    return None


def made_later(path: str, root: Path) -> str:
    """Describe that a file belongs to a dataset that segconv made or edited after another one; else return nothing.

    Parameters
    ----------
    path
        The file, with links resolved.
    root
        The other dataset.
    """
    home = Path(path).parent.parent
    try:
        later = os.stat(home / lineage.RUN).st_mtime_ns > os.stat(root / lineage.RUN).st_mtime_ns
    except OSError:
        return ""
    return f"; {home.name}, to which it belongs, was made again or edited since" if later and home != root else ""


def leaves(shown: str, real: str) -> Finding:
    """Return the error for a link that leaves the dataset, to `real`."""
    return Finding(
        "SC060",
        f"is a link that leaves the dataset, to {real}",
        file=shown,
        hint="copy the file into the dataset",
        cures=(Cure.of("allow_external"),),
    )


def is_below(path: str, folder: Path) -> bool:
    """Return whether a path, with links resolved, is in a folder."""
    return path.startswith(f"{str(folder).rstrip('/')}/")
