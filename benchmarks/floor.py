"""The least that converting a task can cost: read, inflate, deflate what must change, write; over the same workers.

``python -m benchmarks.floor TASK OUT WORKERS [--unproved]``
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from isal import isal_zlib


def work(job: tuple[str, str, bool]) -> None:
    """Do one file."""
    source, target, unproved = job
    data = Path(source).read_bytes()
    out = Path(target)
    if unproved:
        out.write_bytes(data)
        return
    raw = isal_zlib.decompressobj(wbits=31).decompress(data)
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


def main() -> None:
    """Do all files of a task."""
    task, made, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    made.mkdir(parents=True)
    jobs = []
    for path in sorted(task.glob("*T?/*.nii.gz")):
        (made / path.parent.name).mkdir(exist_ok=True)
        jobs.append((str(path), str(made / path.parent.name / path.name), "--unproved" in sys.argv))
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(work, jobs))


if __name__ == "__main__":
    main()
