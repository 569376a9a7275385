"""The floor of augmenting: read the originals, inflate them once, deflate and write all copies.

``python -m benchmarks.augment_floor SOURCE MADE OUT WORKERS``

MADE is an augmented dataset of the first cases of SOURCE: its voxels are the bytes that are deflated again, also for
further cases. Inflating those is not part of the work: it happens in the first run, which no benchmark counts.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from isal import isal_zlib


def work(job: tuple[str, list[str], str]) -> None:
    """Do one file: the original is read, inflated and copied, its copies are deflated and written."""
    original, copies, out = job
    data = Path(original).read_bytes()
    raw = isal_zlib.decompressobj(wbits=31).decompress(data)
    Path(out, Path(original).name).write_bytes(data)
    del raw, data
    for number, copy in enumerate(copies):
        voxels = Path(copy).read_bytes()
        compressor = isal_zlib.compressobj(level=1, wbits=31)
        packed = [compressor.compress(voxels), compressor.flush()]
        Path(out, f"{number}_{Path(original).name}").write_bytes(b"".join(packed))


def inflated(made: Path, kind: str) -> list[list[str]]:
    """Return the inflated copies of each case that was augmented."""
    folder = made.parent.parent / f"inflated_{made.name}" / kind
    folder.mkdir(parents=True, exist_ok=True)
    copies: dict[str, list[str]] = {}
    for path in sorted((made / kind).iterdir()):
        stem, _, angle = path.name.removesuffix(".nii.gz").removesuffix("_0000").rpartition("_")
        if angle.isdigit():
            continue  # an original
        plain = folder / path.name.removesuffix(".gz")
        if not plain.exists():
            plain.write_bytes(isal_zlib.decompress(path.read_bytes(), wbits=31))
        copies.setdefault(stem, []).append(str(plain))
    return list(copies.values())


def main() -> None:
    """Do all cases."""
    source, made, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    jobs = []
    for kind in ("imagesTr", "labelsTr"):
        (out / kind).mkdir(parents=True)
        copies = inflated(made, kind)
        for number, original in enumerate(sorted((source / kind).iterdir())):
            jobs.append((str(original), copies[number % len(copies)], str(out / kind)))
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(work, jobs))


if __name__ == "__main__":
    main()
