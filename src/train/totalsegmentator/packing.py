"""Pack the models that tasks need into one archive, for a machine without a network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..archive_writer import Content, write_archive
from .weights import Needed, complete_models, files_of


def pack_models(models: Iterable[Needed], weights: Path, output: Path, *, overwrite: bool = False) -> str:
    """Write an archive of complete models, with checksums; return its SHA-256.

    It holds the files that predicting takes, in the folders in which TotalSegmentator looks for them.

    Parameters
    ----------
    models
        From `needed`; one that several tasks need is packed once.
    weights
        The folder of all weights.
    output
        The archive.
    overwrite
        Replace an existing archive.

    Raises
    ------
    Refused
        ``SC192`` for models that are missing or incomplete.
    SegconvError
        What `write_archive` raises.
    """
    models = tuple(models)
    contents: dict[str, dict[str, Content]] = {}
    for model, path in zip(models, complete_models(models, weights), strict=True):
        contents.setdefault(model.folder, {}).update({name: path / name for name in files_of(model, path)})
    return write_archive(contents, output, overwrite=overwrite)
