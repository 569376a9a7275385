"""Write archives of models, with the checksums of what they hold: the same bytes for the same models."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .. import reading
from ..dataset.strictjson import dumps
from ..errors import Cure, SegconvError
from ..version import VERSION
from ..work import fsops
from ..work.owned import file_sha256
from ..work.plan import MODELS, work_folder
from ..work.preflight import refuse_unwritable_name
from ..work.scratch import scratch
from ..work.writing import writing
from .packed import CHECKSUMS, checksums

_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every entry, so that the same models give the same bytes; the first that a zip archive can state."""

_BLOCK = 1 << 20

Content = Path | bytes
"""Of an entry: a file, or what it holds."""


def write_archive(contents: Mapping[str, Mapping[str, Content]], output: Path, *, overwrite: bool = False) -> str:
    """Write an archive of the models of datasets; return its SHA-256.

    Parameters
    ----------
    contents
        Name of a dataset's folder → path below it → file, or its bytes.
    output
        The archive.
    overwrite
        Replace an existing archive.

    Raises
    ------
    SegconvError
        ``SC020`` if the output exists; ``SC035`` if another run writes it; ``SC03x``.
    """
    refuse_unwritable_name(output)
    _refuse_existing(output, overwrite=overwrite)
    work = work_folder(MODELS, output)
    name = "archive"  # its own name may be too long with the ending of an incomplete file
    with scratch(work, [name]), writing(output):
        descriptor = fsops.open_append(work / name)
        try:
            _write(descriptor, work / name, contents)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        digest = file_sha256(work / name)
        _refuse_existing(output, overwrite=overwrite)
        fsops.complete(work / name, output)
    return digest


def _refuse_existing(output: Path, *, overwrite: bool) -> None:
    if os.path.lexists(output) and not (overwrite and zipfile.is_zipfile(output) and not output.is_symlink()):
        raise SegconvError("already exists", code="SC020", file=str(output), cures=[Cure.of("overwrite")])


def _write(descriptor: int, path: Path, contents: Mapping[str, Mapping[str, Content]]) -> None:
    with zipfile.ZipFile(_Appended(descriptor, path), "w") as archive:
        for dataset, files in contents.items():
            written = {name: _add(archive, f"{dataset}/{name}", source) for name, source in sorted(files.items())}
            listed = checksums(written, segconv=VERSION, dataset=dataset)
            archive.writestr(_entry(f"{dataset}/{CHECKSUMS}", zipfile.ZIP_DEFLATED), dumps(listed))


class _Appended:
    """A file that zipfile only appends to, through the one place that changes the disk."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    def write(self, data: bytes) -> int:
        """Append bytes."""
        fsops.append(self._descriptor, data, self._path)
        return len(data)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        """Do nothing: the file was opened elsewhere."""


def _add(archive: zipfile.ZipFile, name: str, source: Content) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    kind = zipfile.ZIP_STORED if name.endswith(".pth") else zipfile.ZIP_DEFLATED  # weights do not deflate
    with archive.open(_entry(name, kind), "w", force_zip64=True) as packed:
        for block in [source] if isinstance(source, bytes) else _blocks(source):
            packed.write(block)
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def _entry(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = kind
    entry.external_attr = 0o100644 << 16
    return entry


def _blocks(source: Path) -> Iterator[bytes]:
    try:
        with reading.opened(os.path.realpath(source)) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise reading.refusal(error, source) from error
