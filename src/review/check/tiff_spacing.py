"""Check that multi-page images and labels have one spacing: nnU-Net reads it from a json next to each TIFF."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ... import reading
from ...dataset.strictjson import load_object, read_file
from ...errors import Finding, Refused, SegconvError
from ...typed import Misfit, entries, many, positive
from .case_report import Rules
from .inventory import DatasetCase
from .links import unusable
from .looked import judge_mark

_spacing = entries({"spacing": many(positive, least=3, most=3)})
_UNSTATED = [1.0, 1.0, 1.0]
"""What nnU-Net assumes without a json."""


def judge_tiff_spacing(files: DatasetCase, rules: Rules) -> Iterator[Finding]:
    """Yield the findings on the two jsons, and an error if they differ."""
    if files.label is None:
        return
    length = len(rules.ending)
    found = []
    for stem in (files.images[0][: -length - len("_0000")], files.label[:-length]):
        try:
            spacing, odd = _read(f"{stem}.json", rules)
        except SegconvError as error:
            yield from error.findings
            return
        found.append(spacing)
        yield from odd
    if found[0] != found[1]:
        yield Finding("SC083", f"has the spacing {found[1]} in its json, its image {found[0]}", file=files.label)


def _read(name: str, rules: Rules) -> tuple[list[float], list[Finding]]:
    """Return the spacing in a json, ``[z, y, x]``, and warnings about the file."""
    path = os.path.join(rules.root, name)
    if not reading.is_there(path, links_followed=False):
        return _UNSTATED, []
    unfit = unusable(path, name, Path(rules.root), rules.external)
    if unfit is not None:
        raise Refused(reasons=[unfit])
    try:
        data = read_file(path)
        return _spacing(load_object(data))["spacing"], judge_mark(data, name)
    except (SegconvError, Misfit) as error:
        hint = '{"spacing": [z, y, x]}'
        raise SegconvError(f"holds no spacing ({error})", code="SC086", file=name, hint=hint) from None
