"""The floor of augmenting: read the originals, inflate them once, deflate and write all copies.

``python -m benchmarks.augment_floor MADE OUT WORKERS``

MADE is a finished, augmented dataset: its voxels are the bytes that are deflated again. Inflating
those is not part of the work: it happens in the first round, which no benchmark counts.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from isal import isal_zlib


def work(job: tuple[str, list[str], str]) -> None:
    """Do one case: the original is read, inflated and copied, its copies are deflated and written."""
    original, copies, out = job
    data = Path(original).read_bytes()
    raw = isal_zlib.decompressobj(wbits=31).decompress(data)
    Path(out, Path(original).name).write_bytes(data)
    del raw, data
    for copy in copies:
        voxels = Path(copy).read_bytes()
        compressor = isal_zlib.compressobj(level=1, wbits=31)
        packed = [compressor.compress(voxels), compressor.flush()]
        Path(out, Path(copy).name + ".gz").write_bytes(b"".join(packed))


def main() -> None:
    """Do all cases; inflate what they need, if that was not done before."""
    made, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    inflated = made.parent.parent / "inflated"
    jobs = []
    for kind in ("imagesTr", "labelsTr"):
        (out / kind).mkdir(parents=True)
        (inflated / kind).mkdir(parents=True, exist_ok=True)
        originals = [p for p in sorted((made / kind).iterdir()) if "al0" not in p.name and "al1" not in p.name]
        for original in originals:
            stem = original.name.removesuffix(".nii.gz").removesuffix("_0000")
            copies = []
            for path in sorted((made / kind).glob(f"{stem}_*al[01]*.nii.gz")):
                plain = inflated / kind / path.name.removesuffix(".gz")
                if not plain.exists():
                    plain.write_bytes(isal_zlib.decompress(path.read_bytes(), wbits=31))
                copies.append(str(plain))
            jobs.append((str(original), copies, str(out / kind)))
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(work, jobs))


if __name__ == "__main__":
    main()
