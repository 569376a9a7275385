"""The outcome of a command, as far as it must stay the same when the code behind it is rebuilt."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segconv.cli.main import run

UNSTABLE = frozenset(("message", "hint", "cures", "sha256", "size", "version", "tool"))
"""Keys of the lineage that hold words, or depend on the release of a compressor."""

UNORDERED = frozenset(("label_file",))
"""Keys of the lineage whose entries have no order that means anything."""

DRAWN = re.compile(r"\.tmp-[0-9a-f]{16}-")
"""What is drawn at random in a name."""

SHARED = (
    Path(os.environ.get("SEGCONV_TEST_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")).resolve().parent
)
"""Where real data and failing inputs are; no pin may hold this."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def outcome(words: list[str], made: Path) -> dict[str, Any]:
    """Run a command; return its exit code, its findings without their words, and a digest of every file in a folder.

    Parameters
    ----------
    words
        Command line.
    made
        Folder that the command writes into.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*words, "--json"])
    found = json.loads(out.getvalue())
    wording = sorted(
        DRAWN.sub("", f"{finding['severity']} {finding['code']} {finding['file']}")
        .replace(str(made.parent), "FOLDER")
        .replace(str(SHARED), "SHARED")
        for finding in found["findings"]
    )
    return {"code": code, "findings": wording, "files": dict(digests(made))}


def digest_of(outcomes: dict[str, Any]) -> str:
    """Return a digest of the outcomes of a subject."""
    return hashlib.sha256(json.dumps(outcomes, sort_keys=True).encode()).hexdigest()[:16]


def digests(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every file and link below a folder but those of a run that was refused, and the digest of what is in it."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if ".segconv-" in name:  # of a run that was refused
            continue
        if path.is_symlink():
            yield name, f"link to {os.path.basename(os.readlink(path))}"
        elif path.is_file():
            yield name, hashlib.sha256(stable(path)).hexdigest()[:16]


def stable(path: Path) -> bytes:
    """Return what is in a file without what a compressor, or the wording of a message, decides."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".png":
        return b"".join(_chunks(data))
    if path.suffix == ".json":
        return _canonical(json.loads(data))
    if path.suffix == ".jsonl":
        return b"\n".join(_canonical(json.loads(line)) for line in data.splitlines())
    return data


def _canonical(value: Any) -> bytes:
    return json.dumps(_without_unstable(value)).encode()


def _without_unstable(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_unstable(entry) for key, entry in value.items() if key not in UNSTABLE}
        return {key: _sorted(entry) if key in UNORDERED else entry for key, entry in kept.items()}
    return [_without_unstable(entry) for entry in value] if isinstance(value, list) else value


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(entry) for entry in value] if isinstance(value, list) else value


def _chunks(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a PNG, its voxels inflated."""
    assert data.startswith(SIGNATURE)
    at, voxels = len(SIGNATURE), zlib.decompressobj()
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at + 8 : at + 8 + length]
        yield kind + (voxels.decompress(chunk) if kind == b"IDAT" else chunk)
        at += length + 12
