"""Read zip archives of models: all of an archive is listed and verified before a byte of it is unpacked."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .. import reading
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..work import fsops
from ..work.writing import writing

MAX_ARCHIVE_BYTES = 64 << 30
MAX_MEMBERS = 10_000
MAX_RATIO = 200
"""A model deflates by less than 2; text by less than 20."""

_BLOCK = 1 << 20

_ANOTHER = "do not use it; get the model again from where it was made"


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Parameters
    ----------
    name
        Its path in the archive, with slashes.
    nbytes
        Its size, unpacked.
    """

    name: str
    nbytes: int


def list_archive(path: Path, into: Path | None = None) -> list[Member]:
    """List a zip archive and verify it, without writing anything.

    Parameters
    ----------
    path
        The archive.
    into
        Folder that it is meant for, in which nothing may be replaced.

    Returns
    -------
    members
        Its files, all of which stay inside and are undamaged.

    Raises
    ------
    Refused
        ``SC060`` for paths and links that leave the folder, ``SC054`` for more than it may unpack
        to, ``SC050`` for damage, ``SC020`` for files that exist already.
    SegconvError
        ``SC051`` if it is not a zip archive; ``SC030`` if it cannot be read.
    """
    try:
        with (
            naming(str(path)),
            reading.opened(os.path.realpath(path)) as file,
            zipfile.ZipFile(file) as archive,
        ):
            files = _judged(archive, path)
    except zipfile.BadZipFile as error:
        raise SegconvError(f"is not a zip archive ({error})", code="SC051", file=str(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    if into is not None:
        _refuse_existing([into / entry.filename for entry in files])
    return [Member(entry.filename, entry.file_size) for entry in files]


def _judged(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Return the files of an archive; refuse one that is harmful or damaged."""
    entries = archive.infolist()
    # A cut archive may end with a member that is an archive itself, as checkpoints are, which zipfile then takes.
    if min((entry.header_offset for entry in entries), default=0) > 0:
        raise zipfile.BadZipFile("its end is cut off, or other bytes precede it")
    refuse_if_any([*(found for entry in entries for found in _oddities(entry, path)), *_whole(entries, path)])
    refuse_if_any(found for entry in entries for found in _damage(archive, entry, path))
    return [entry for entry in entries if not entry.is_dir()]


def _refuse_existing(files: Iterable[Path]) -> None:
    refuse_if_any(
        Finding("SC020", "already exists, and is not replaced", file=str(file))
        for file in files
        if os.path.lexists(file)
    )


def _oddities(entry: zipfile.ZipInfo, path: Path) -> Iterator[Finding]:
    name = entry.orig_filename
    if not _stays_inside(name):
        yield Finding("SC060", f"holds {name!r}, expected paths inside it", hint=_ANOTHER, file=str(path))
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = f"holds {name!r}, which is a link or a device, not a file"
        yield Finding("SC060", what, hint=_ANOTHER, file=str(path))
    if entry.flag_bits & 1:
        yield Finding("SC051", f"holds {name!r}, which is encrypted", file=str(path))
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1) and entry.file_size > _BLOCK:
        yield Finding(
            "SC054",
            f"holds {name!r}, {entry.compress_size} bytes that unpack to {entry.file_size}; at most"
            f" {MAX_RATIO} times as many are allowed",
            hint=_ANOTHER,
            file=str(path),
        )


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and name.isprintable() and not set("\\:") & set(name) and not {"/", ".."} & set(parts)


def _whole(entries: list[zipfile.ZipInfo], path: Path) -> Iterator[Finding]:
    total = sum(entry.file_size for entry in entries)
    if total > MAX_ARCHIVE_BYTES or len(entries) > MAX_MEMBERS:
        what = f"unpacks to {len(entries)} files of {total} bytes together"
        yield Finding("SC054", what, hint=_ANOTHER, file=str(path))
    seen: set[str] = set()
    for entry in entries:
        key = entry.filename.rstrip("/").casefold()
        if key in seen:
            yield Finding("SC085", f"holds {entry.filename!r} twice", hint=_ANOTHER, file=str(path))
        seen.add(key)


def _damage(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> Iterator[Finding]:
    """Read a member to its end, which proves its checksum and its length."""
    size = 0
    try:
        with archive.open(entry) as member:
            while block := member.read(_BLOCK):
                size += len(block)
                if size > entry.file_size:
                    break
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        yield Finding("SC050", f"holds {entry.filename!r}, which is damaged ({error})", file=str(path))
        return
    if size != entry.file_size:
        yield Finding("SC050", f"holds {entry.filename!r}, whose length is not the one that it states", file=str(path))


def unpack(path: Path, members: Iterable[Member], into: Path) -> dict[str, str]:
    """Write the listed files of an archive to a folder of ours; return name → SHA-256.

    Parameters
    ----------
    members
        From `list_archive`, which judged them.
    into
        Their names are relative to it; none of these files may exist.

    Raises
    ------
    SegconvError
        ``SC050`` if the archive changed since it was listed; what `writing` raises.
    """
    digests = {}
    with reading.opened(os.path.realpath(path)) as file, zipfile.ZipFile(file) as archive:
        for member in members:
            target = into / member.name
            with writing(target):
                fsops.mkdir(target.parent)
                descriptor = fsops.open_append(target)
            try:
                digests[member.name] = _copy(archive, member, descriptor, target)
            except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError) as error:
                raise SegconvError(
                    f"changed while it was unpacked: {member.name} ({error})", code="SC050", file=str(path)
                ) from error
            finally:
                os.close(descriptor)
    return digests


def _copy(archive: zipfile.ZipFile, member: Member, descriptor: int, target: Path) -> str:
    digest, size = hashlib.sha256(), 0
    with archive.open(member.name) as packed:
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > member.nbytes:
                raise zipfile.BadZipFile("it is longer than it was")
            digest.update(block)
            with writing(target):
                fsops.append(descriptor, block, target)
    return digest.hexdigest()
