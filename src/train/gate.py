"""What a model from elsewhere may bring along: numbers, and the names of networks that are known; no code.

nnU-Net imports and calls what plans name, unpickles checkpoints and unpacks archives over what is
there. So plans, checkpoints and archives are looked at here, without running anything of them,
before a process of nnU-Net sees them.
"""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .. import reading
from ..errors import Finding, Refused, SegconvError, naming
from .derived import is_remembered

PACKAGES = ("dynamic_network_architectures", "torch.nn", "segconv")
"""Where the classes that plans may name are defined."""

_FOUND_BY_NAME = ("image_reader_writer", "experiment_planner_used", "label_manager")
_FOUND_BY_NAME_IN_CONFIGURATION = (
    "preprocessor_name",
    "resampling_fn_data",
    "resampling_fn_seg",
    "resampling_fn_probabilities",
)
"""Entries that nnU-Net looks up by name among its own; a name they are, not a path."""

MAX_ARCHIVE_BYTES = 64 << 30
MAX_MEMBERS = 10_000
MAX_RATIO = 200
"""A model deflates by less than 2; text by less than 20."""

_BLOCK = 1 << 20


def refuse_foreign_classes(plans: Mapping[str, Any], allowed: Collection[str] = (), *, file: str = "") -> None:
    """Refuse plans that name classes from elsewhere, unless segconv derived them here; see `foreign_classes`.

    Raises
    ------
    Refused
        ``SC064``, with every name that is not known.
    """
    found = foreign_classes(plans, allowed, file=file)
    if found and not is_remembered(plans):
        raise Refused(reasons=found)


def foreign_classes(plans: Mapping[str, Any], allowed: Collection[str] = (), *, file: str = "") -> list[Finding]:
    """Return what plans name that is not known; nothing that they name is imported.

    Parameters
    ----------
    plans
        What plans.json says.
    allowed
        Modules that the user trusts besides `PACKAGES`.
    file
        Where the plans were read, for the message.
    """
    found = [
        Finding(
            "SC064",
            f"{where} names {name!r}, which is no class of {', '.join(PACKAGES)}",
            file=file,
            hint="nnU-Net would import and call it: --allow-module MODULE, if that module is installed and trusted",
        )
        for where, name in _class_paths(plans)
        if not _is_known(name, allowed)
    ]
    found += [
        Finding("SC064", f"{where} is {name!r}, expected a name", file=file, hint="plan the dataset anew")
        for where, name in _plain_names(plans)
        if name is not None and not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII))
    ]
    return found


def _configurations(plans: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = plans.get("configurations")
    for name, configuration in found.items() if isinstance(found, Mapping) else ():
        if isinstance(configuration, Mapping):
            yield str(name), configuration


def _class_paths(plans: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield where a class stands and what stands there."""
    for name, configuration in _configurations(plans):
        architecture = configuration.get("architecture")
        if architecture is None:
            continue
        if not isinstance(architecture, Mapping):
            yield f"the architecture of {name}", architecture
            continue
        if "network_class_name" in architecture:
            yield f"the network of {name}", architecture["network_class_name"]
        arguments = architecture.get("arch_kwargs") or {}
        imported = architecture.get("_kw_requires_import") or ()
        if not isinstance(arguments, Mapping) or not isinstance(imported, (list, tuple)):
            yield f"the network of {name}", arguments
            continue
        for key in imported:
            value = arguments.get(key) if isinstance(key, str) else key
            if value is not None:
                yield f"{key} of {name}", value


def _plain_names(plans: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in _FOUND_BY_NAME:
        yield key, plans.get(key)
    for name, configuration in _configurations(plans):
        for key in _FOUND_BY_NAME_IN_CONFIGURATION:
            yield f"{key} of {name}", configuration.get(key)


def _is_known(path: Any, allowed: Collection[str]) -> bool:
    if not isinstance(path, str) or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", path, re.ASCII):
        return False
    if any(path.startswith(f"{module}.") for module in allowed):
        return True
    if not any(path.startswith(f"{package}.") for package in PACKAGES):
        return False
    # A module has more attributes than its classes, other modules among them: all but the last part
    # must be modules that lie in the package, and the last is called as classes are.
    *modules, name = path.split(".")
    return name[:1].isupper() and _is_module(modules)


def _is_module(parts: list[str]) -> bool:
    """Return whether a module lies in the folder of its package, without importing any of it."""
    try:
        root = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return False
    if root is None or not root.submodule_search_locations:
        return False
    for folder in root.submodule_search_locations:
        place = Path(folder, *parts[1:])
        if (place / "__init__.py").is_file() or (len(parts) > 1 and place.with_suffix(".py").is_file()):
            return True
    return False


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that holds more than numbers, texts and tensors.

    It is read by PyTorch's own restricted reader, which builds nothing else; of numpy it may hold
    scalars, which nnU-Net's log consists of.

    Raises
    ------
    SegconvError
        ``SC064`` if there is more in it; ``SC041`` if PyTorch is not installed, or is too old to tell.
    """
    try:
        import torch
    except ImportError as error:
        raise SegconvError("PyTorch is not installed", code="SC041", hint="pip install 'segconv[train]'") from error
    safe_globals = getattr(torch.serialization, "safe_globals", None)
    if safe_globals is None:
        raise SegconvError(
            f"PyTorch {torch.__version__} cannot tell what is in a checkpoint, expected 2.5 or later",
            code="SC041",
            file=str(path),
            hint="pip install --upgrade torch; or --trust-model, if you trust where the model comes from",
        )
    try:
        with safe_globals(_numpy_scalars()):
            torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError as error:
        raise reading.refusal(error, path) from error
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        global_name = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it names {global_name[1]}" if global_name else said[0]
        raise SegconvError(
            f"holds more than numbers and tensors, or is damaged: {what}",
            code="SC064",
            file=str(path),
            hint="a model is code: --trust-model, if you trust where it comes from",
        ) from error


def _numpy_scalars() -> list[Any]:
    """Return what unpickling a numpy scalar needs."""
    import numpy as np

    kinds = [np.dtype(name) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")]
    # numpy says itself which function builds a scalar, wherever it keeps it.
    return [np.float64(0).__reduce__()[0], np.dtype, *{type(kind) for kind in kinds}]


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
    """List a zip archive and prove it, without writing anything.

    Parameters
    ----------
    path
        The archive.
    into
        Folder that it is meant for; what is there already is not to be replaced.

    Returns
    -------
    members
        Its files, all of which stay inside and are whole.

    Raises
    ------
    Refused
        ``SC060`` for paths and links that leave the folder, ``SC054`` for more than it may unpack
        to, ``SC050`` for damage, ``SC020`` for what is there already.
    SegconvError
        ``SC051`` if it is no zip archive; ``SC030`` if it cannot be read.
    """
    try:
        with naming(str(path)), zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            findings = [found for entry in entries for found in _oddities(entry, path)]
            findings += _of_the_whole(entries, path)
            if not findings:
                findings += [found for entry in entries for found in _damage(archive, entry, path)]
            files = [entry for entry in entries if not entry.is_dir()]
    except zipfile.BadZipFile as error:
        raise SegconvError(f"is no zip archive ({error})", code="SC051", file=str(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    if into is not None:
        findings += [
            Finding("SC020", "is there already, and is not replaced", file=str(into / entry.filename))
            for entry in files
            if not findings and os.path.lexists(into / entry.filename)
        ]
    if findings:
        raise Refused(reasons=findings)
    return [Member(entry.filename, entry.file_size) for entry in files]


def _oddities(entry: zipfile.ZipInfo, path: Path) -> Iterator[Finding]:
    name = entry.orig_filename
    parts = PurePosixPath(name).parts
    if not name.isprintable() or "\\" in name or ":" in name or name.startswith("/") or ".." in parts or not parts:
        yield Finding("SC060", f"holds {name!r}, expected paths inside it", file=str(path))
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield Finding("SC060", f"holds {name!r}, which is no file but a link or a device", file=str(path))
    if entry.flag_bits & 1:
        yield Finding("SC051", f"holds {name!r}, which is encrypted", file=str(path))
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1) and entry.file_size > _BLOCK:
        yield Finding(
            "SC054",
            f"holds {name!r}, {entry.compress_size} bytes that unpack to {entry.file_size}; at most"
            f" {MAX_RATIO} times as many are allowed",
            file=str(path),
        )


def _of_the_whole(entries: list[zipfile.ZipInfo], path: Path) -> Iterator[Finding]:
    total = sum(entry.file_size for entry in entries)
    if total > MAX_ARCHIVE_BYTES or len(entries) > MAX_MEMBERS:
        yield Finding("SC054", f"unpacks to {len(entries)} files of {total} bytes together", file=str(path))
    seen: set[str] = set()
    for entry in entries:
        key = entry.filename.rstrip("/").casefold()
        if key in seen:
            yield Finding("SC085", f"holds {entry.filename!r} twice", file=str(path))
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
        yield Finding("SC050", f"holds {entry.filename!r}, which has not the length it says", file=str(path))
