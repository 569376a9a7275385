"""Tell what a rehearsal writes into its work folder, so that a later one can remove what a killed one left."""

from __future__ import annotations

import re
from pathlib import Path

from ...work import begun, owned

CASE = "rehearsal_"
"""Start of the names of all cases of a rehearsal; a number follows."""

ASKED, ADOPTED = "request.json", "adopted.json"
"""What the program of a rehearsal is asked, and the plans that it made if the user has none."""

_WRITTEN = re.compile(
    rf"{CASE}\d+.*|{ASKED}|{ADOPTED}"
    # nnU-Net's
    r"|dataset(_fingerprint)?\.json|splits_final\.json|[\w.-]*[Pp]lans[\w.-]*\.json|predict_from_raw_data_args\.json"
    r"|checkpoint_(final|best|latest)\.pth|training_log_[\d_ ]+\.txt|progress\.png|debug\.json|summary\.json"
    r"|network_architecture(\.\w+)?"
    # segconv's
    r"|(plan|predict)[\w-]*\.log|run\.json|cases\.jsonl|\.segconv-.*\.lock|\.tmp-.*"
)
"""Names of files."""


def declare_written(work: Path) -> None:
    """List what a rehearsal wrote into its work folder as segconv's own; nothing for a folder of others."""
    if begun.read(work) is None:
        return
    ours = []
    for path, entry in owned.entries(work):
        if entry.is_dir(follow_symlinks=False):  # an empty one: it counts as made for a file in it
            ours.append(f"{path}/{CASE}")
        elif _WRITTEN.fullmatch(entry.name):
            ours.append(path)
    begun.declare(work, ours)
