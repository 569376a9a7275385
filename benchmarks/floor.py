"""The floor of converting: read, inflate, deflate what must change, and write, with the same number of workers.

``python -m benchmarks.floor SOURCE OUT WORKERS [--unproved]``, or OUT ``-`` to inflate all files and write nothing.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from isal import isal_zlib


def volume(job: tuple[str, str, bool]) -> None:
    """Do one volume: a file of several channels is cut into slabs, any other is inflated once and copied."""
    source, target, unproved = job
    data = Path(source).read_bytes()
    out = Path(target)
    if unproved:
        out.write_bytes(data)
        return
    raw = isal_zlib.decompressobj(wbits=31).decompress(data)
    if target == "-":
        return
    channels = int.from_bytes(raw[48:50], "little") if int.from_bytes(raw[40:42], "little") == 4 else 1
    if channels == 1:
        out.write_bytes(data)
        return
    slab = (len(raw) - 352) // channels
    view = memoryview(raw)
    for channel in range(channels):
        compressor = isal_zlib.compressobj(level=1, wbits=31)
        start = 352 + channel * slab
        parts = [compressor.compress(view[:352]), compressor.compress(view[start : start + slab]), compressor.flush()]
        out.with_name(f"{out.name[:-7]}_{channel:04d}.nii.gz").write_bytes(b"".join(parts))


def picture(job: tuple[str, str, bool]) -> None:
    """Do one picture: a mask is inflated and deflated, any other is inflated once and copied."""
    source, target, unproved = job
    data = Path(source).read_bytes()
    if not unproved:
        at, packed = 8, []
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            if data[at + 4 : at + 8] == b"IDAT":
                packed.append(data[at + 8 : at + 8 + length])
            at += 12 + length
        raw = isal_zlib.decompress(b"".join(packed))
        if "output" in source:
            data = isal_zlib.compress(raw, level=1)
    Path(target).write_bytes(data)


def main() -> None:
    """Do all files of a source."""
    task, made, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    unproved = "--unproved" in sys.argv
    is_png = (task / "training").is_dir()
    jobs = []
    for path in sorted(task.glob("training/*/*.png") if is_png else task.glob("*T?/*.nii.gz")):
        target = Path(made, path.parent.name, path.name)
        if made != "-":
            target.parent.mkdir(parents=True, exist_ok=True)
        jobs.append((str(path), "-" if made == "-" else str(target), unproved))
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(picture if is_png else volume, jobs, chunksize=16 if is_png else 1))


if __name__ == "__main__":
    main()
