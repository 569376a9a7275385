"""Disk access for the work on one case, and the record of it.

Outputs keep a temporary name until the run has recorded the case as finished. Only the run gives them their
final names, so an existing file of such a name is not segconv's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from isal import isal_zlib

from .. import reading
from ..errors import Cure, Finding, SegconvError
from . import fsops
from .backends.gone import run_is_gone

COPY = "none"
HARD = "hard"
SYMBOLIC = "symlink"
EXTERNAL = "external"
"""How an unchanged file is put into the target."""


class CaseIO:
    """Reads each source once, writes each output completely, and records the sizes and hashes of both.

    Parameters
    ----------
    staging
        Folder for the outputs.
    source_root
        Folder that the recorded paths of sources are relative to.
    mark
        Prefix of the names of incomplete files.
    """

    def __init__(self, staging: Path, source_root: Path, mark: str = fsops.MARK) -> None:
        self._staging = os.fspath(staging)
        self._mark = mark
        self._source_root = os.path.normpath(source_root)
        self._stats: dict[str, os.stat_result] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.targets: list[dict[str, Any]] = []
        self.warnings: list[Finding] = []

    def read(self, path: str | Path, limit: int | None = None) -> bytes:
        """Read, hash and record a source; return its bytes.

        Parameters
        ----------
        path
            The file, without links.
        limit
            Maximum size in bytes, if its header was not read before.

        Raises
        ------
        SegconvError
            ``SC061`` if it is not a regular file, ``SC060`` if it is a link, ``SC012`` if it is gone,
            ``SC054`` if it is too long, ``SC030`` if the system refuses.
        """
        try:
            descriptor = self._open(path)
            try:
                size = self._stats[os.fspath(path)].st_size
                data = reading.bytes_of(descriptor, size, path, sys.maxsize if limit is None else limit)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _cannot_read(path, error) from error
        self._record(path, len(data), hashlib.sha256(data).hexdigest())
        return data

    def sha256_of(self, path: str | Path) -> str:
        """Return the hash of a source already read."""
        return str(self.sources[os.fspath(path)]["sha256"])

    def write(self, relative: str, *pieces: fsops.Buffer) -> None:
        """Write an output under a temporary name.

        Parameters
        ----------
        relative
            Path relative to the target.
        pieces
            All of its bytes, in contiguous pieces.
        """
        temporary, name = self._prepare(relative)
        fsops.write_new(temporary, *pieces)
        digest, crc32, size = hashlib.sha256(), 0, 0
        for piece in pieces:
            digest.update(piece)
            crc32 = isal_zlib.crc32(piece, crc32)
            size += memoryview(piece).nbytes
        self._target(relative, size, digest.hexdigest(), temporary=name, crc32=crc32)

    def carry(self, source: str | Path, relative: str, how: str = COPY) -> None:
        """Hash a source and place it in the target unchanged."""
        descriptor = self._open(source)
        try:
            digest, crc32, size = hashlib.sha256(), 0, 0
            for block in reading.blocks(descriptor, self._stats[os.fspath(source)].st_size):
                digest.update(block)
                crc32 = isal_zlib.crc32(block, crc32)
                size += len(block)
            self._record(source, size, digest.hexdigest())
            if how == COPY:
                temporary, name = self._prepare(relative)
                os.lseek(descriptor, 0, os.SEEK_SET)
                fsops.copy_new(descriptor, temporary)
                self._target(relative, size, digest.hexdigest(), carried=True, temporary=name, crc32=crc32)
                return
        finally:
            os.close(descriptor)
        self._link(source, relative, how, crc32)

    def place(self, source: str | Path, data: bytes, relative: str, how: str = COPY) -> None:
        """Place a source in the target unchanged: its bytes, or a link to it.

        Parameters
        ----------
        source
            The file.
        data
            The bytes from `read`.
        relative
            Path relative to the target.
        how
            `COPY`, `HARD`, `SYMBOLIC`, or `EXTERNAL`: the file stays in place and is only referenced.
        """
        if how == COPY:
            temporary, name = self._prepare(relative)
            fsops.write_new(temporary, data)
            crc32 = isal_zlib.crc32(data)
            digest = self.sha256_of(source)
            self._target(relative, len(data), digest, carried=True, temporary=name, crc32=crc32)
        else:
            self._link(source, relative, how, isal_zlib.crc32(data))

    def _link(self, source: str | Path, relative: str, how: str, crc32: int) -> None:
        entry = self.sources[os.fspath(source)]
        same = {"carried": True, "crc32": crc32}
        if how == EXTERNAL:
            self._target(relative, entry["size"], entry["sha256"], **same, at=os.fspath(source))
            return
        path, name = self._prepare(relative)
        try:
            fsops.hard_link(source, path) if how == HARD else fsops.symbolic_link(source, path)
        except OSError as error:
            if not os.path.lexists(source):
                raise _changed(os.fspath(source)) from error
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
                raise
            raise SegconvError(
                f"cannot be linked ({error.strerror})",
                code="SC031",
                file=os.fspath(source),
                cures=[Cure.of("link_symbolically"), Cure.of("copy_files")],
            ) from error
        if how == HARD and not os.path.samestat(self._stats[os.fspath(source)], os.lstat(path)):
            fsops.unlink(path)  # the file was replaced between reading and linking
            raise _changed(os.fspath(source))
        self._target(relative, entry["size"], entry["sha256"], **same, temporary=name)

    def warn(self, finding: Finding) -> None:
        """Record a warning about this case."""
        self.warnings.append(finding)

    def refuse_changed_sources(self) -> None:
        """Raise ``SC062`` if a source has changed since it was read."""
        for path, before in self._stats.items():
            try:
                after = reading.status_of(path)
            except OSError as error:
                raise _changed(path) from error
            if not os.path.samestat(before, after) or _version(before) != _version(after):
                raise _changed(path)

    def _open(self, path: str | Path) -> int:
        try:
            descriptor, self._stats[os.fspath(path)] = reading.descriptor_and_status(path)
        except OSError as error:
            raise _cannot_read(path, error) from error
        return descriptor

    def _record(self, path: str | Path, size: int, sha256: str) -> None:
        relative = _relative(os.fspath(path), self._source_root)
        found = self._stats[os.fspath(path)]
        self.sources[os.fspath(path)] = {
            "path": relative,
            "size": size,
            "mtime_ns": found.st_mtime_ns,
            "sha256": sha256,
        }

    def _prepare(self, relative: str) -> tuple[str, str]:
        """Return the path of an output under its temporary name, and that name."""
        if run_is_gone():
            raise SegconvError("the run that this worker belongs to is gone", code="SC100")
        folder, name = os.path.split(os.path.join(self._staging, relative))
        fsops.mkdir(folder)
        temporary = fsops.temporary_name(name, self._mark)
        return os.path.join(folder, temporary), temporary

    def _target(self, relative: str, size: int, sha256: str, **more: Any) -> None:
        self.targets.append({"path": relative, "size": size, "sha256": sha256, **more})


def _relative(path: str, folder: str) -> str:
    """Return a path relative to a normalized folder; most are below it, and need no look at the current one."""
    inside = path.startswith(f"{folder}/") and os.path.normpath(path) == path
    return path[len(folder) + 1 :] if inside else os.path.relpath(path, folder)


def _cannot_read(path: str | Path, error: OSError) -> SegconvError:
    return reading.refusal(error, path)


def _version(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _changed(path: str) -> SegconvError:
    return SegconvError(
        "changed while it was read",
        code="SC062",
        file=path,
        hint="run the same command again once nothing writes to it",
    )
