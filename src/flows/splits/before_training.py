"""Refuse to train with folds that leak, by a certificate that is kept with the preprocessed data.

The images of a dataset are read when it is planned, or by the first training, for the hash of their bytes and their
perceptual hash. Both are kept, so that later trainings read only files that have changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...dataset.layout import Dataset
from ...dataset.splits import held_out_fold
from ...dataset.strictjson import dumps, load_object, read_file
from ...errors import Cure, Finding, SegconvError, as_warning, warning
from ...image.perceptual import is_perceptual_hash
from ...train.folds import ALL
from ...train.inputs import RECORDS
from ...train.paths import Paths
from ...typed import Misfit, count, entries, mapping, sha256, text
from ...words import count_of
from ...work import fsops
from ...work.readers import Readers
from ...work.writing import writing
from .certificate import Certificate, certified
from .contents import Content, read_contents
from .evidence import cases_of, with_contents
from .found import Found, find_splits
from .verify import leaking

FILE = "leak_certificate.json"
FORMAT = 1
"""Also of the perceptual hash: with another one, images are read again."""
ALLOW = Cure.of("allow_leaks")


def _look(value: Any) -> str:
    if not is_perceptual_hash(found := text(value)):
        raise Misfit("is not a perceptual hash")
    return found


_content = entries({"size": count, "mtime_ns": count, "sha256": sha256}, {"look": _look})
_kept = entries({"format": count, "files": mapping(_content)})


def judge_before_training(
    dataset: Dataset, found: Found, folds: Sequence[str], folder: Path, readers: Readers, *, allow: bool
) -> list[Finding]:
    """Return what folds leak, as errors; as warnings if that is allowed.

    Parameters
    ----------
    found
        The folds of the dataset.
    folds
        Those to be trained, by number, or ``all``.
    folder
        The preprocessed dataset, which keeps the certificate.
    """
    if not found.folds:
        return []  # a model on all cases of a dataset without folds
    findings = [*_on_held_out(found, folds), *_leaks(dataset, found, folder, readers)]
    if not allow:
        return findings
    return [
        replace(as_warning(finding), cures=tuple(cure for cure in finding.cures if cure != ALLOW))
        for finding in findings
    ]


def judge_planned(
    dataset: Dataset, folds: Sequence[str], paths: Paths, readers: Readers, *, allow: bool
) -> list[Finding]:
    """Return the same of a dataset that is planned, long before the training; nothing if there are no folds yet."""
    try:
        found = find_splits(dataset, paths)
    except SegconvError:
        return []  # too few cases for nnU-Net's own folds, or a damaged file: the training says so
    folder = paths.require("preprocessed") / dataset.path.name
    return judge_before_training(dataset, found, folds, folder, readers, allow=allow)


def _on_held_out(found: Found, folds: Sequence[str]) -> list[Finding]:
    """Return an error if a model on all cases would be trained on those that are held out."""
    number = held_out_fold(found.folds)
    if number is None or ALL not in folds:
        return []
    cases = count_of(len(found.folds[number]["val"]), "case")
    cure = Cure.of("train_held_out", fold=number)
    what = f"fold {ALL} trains on what is held out, {cases} that fold {number} validates"
    return [Finding("SC216", what, file=found.shown, cures=(cure, ALLOW))]


def _leaks(dataset: Dataset, found: Found, folder: Path, readers: Readers) -> tuple[Finding, ...]:
    try:
        return leaking(_certificate(dataset, found, folder / RECORDS / FILE, readers), ALLOW)
    except SegconvError as error:
        # nnU-Net trains on preprocessed data: a file that is gone or is not read must not stop it.
        unread = warning("SC217", f"near-identical images were not looked for: {error.message}", file=error.file)
        return (*leaking(certified(found, cases_of(dataset)), ALLOW), unread)


def _certificate(dataset: Dataset, found: Found, path: Path, readers: Readers) -> Certificate:
    """Return the certificate, and keep it; files are read that are not as they were."""
    before = _read(path)
    known = cases_of(dataset)
    evidence = with_contents(known, read_contents(dataset, known.records, readers, _contents(before)))
    certificate = certified(found, evidence)
    files = {name: _as_json(content) for name, content in sorted(evidence.contents.of.items())}
    now = {"format": FORMAT, "certificate": certificate.as_json(), "files": files}
    if now != before:
        with suppress(SegconvError), writing(path):  # the certificate is kept only to save time
            fsops.mkdir(path.parent)
            fsops.write_atomic(path, dumps(now))
    return certificate


def _read(path: Path) -> Mapping[str, Any]:
    """Return what is kept; nothing if it cannot be used."""
    if not os.path.lexists(path):
        return {}
    try:
        found = load_object(read_file(path))
        return found if _kept(found)["format"] == FORMAT else {}
    except (SegconvError, Misfit):
        return {}


def _contents(kept: Mapping[str, Any]) -> dict[str, Content]:
    return {
        name: Content(file["size"], file["mtime_ns"], file["sha256"], file.get("look"))
        for name, file in kept.get("files", {}).items()
    }


def _as_json(content: Content) -> dict[str, Any]:
    return {name: value for name, value in vars(content).items() if value is not None}
