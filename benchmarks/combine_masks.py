"""TotalSegmentator's way to combine classes of many cases, and the floor: read, inflate, deflate once, and write.

``python -m benchmarks.combine_masks SOURCE GROUP WORKERS command|function|floor OUT``
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path


def command(group: str, source: Path, out: Path) -> None:
    """Run ``totalseg_combine_masks``."""
    program = Path(sys.executable).parent / "totalseg_combine_masks"
    subprocess.run([program, "-i", source, "-o", out, "-m", group], check=True)


def function(group: str, source: Path, out: Path) -> None:
    """Call the function of that command."""
    import nibabel as nib
    from totalsegmentator.libs import combine_masks

    nib.save(combine_masks(source, group), out)


def floor(values: list[int], files: list[Path], out: Path) -> None:
    """Inflate what is needed, and deflate as much as the result."""
    import numpy as np
    from isal import isal_zlib

    made = np.zeros(0, np.uint8)
    for file in files:
        raw = isal_zlib.decompressobj(wbits=31).decompress(file.read_bytes())
        start = int(np.frombuffer(raw[108:112], np.float32)[0])
        voxels = np.frombuffer(raw, np.uint8, offset=start)
        if len(files) == 1:
            table = np.isin(np.arange(256), values).astype(np.uint8)
            made = np.frombuffer(voxels.tobytes().translate(table.tobytes()), np.uint8)
        elif made.size:
            np.bitwise_or(made, voxels, out=made)
        else:
            made = voxels.copy()
    head = raw[:108] + np.float32(352).tobytes() + raw[112:348] + bytes(4)
    compressor = isal_zlib.compressobj(level=1, wbits=31)
    out.write_bytes(compressor.compress(head) + compressor.compress(made.data) + compressor.flush())


WAYS = {"command": command, "function": function}


def main() -> None:
    """Do all cases of a source: one after the other as TotalSegmentator does, the floor by several workers."""
    source, group, workers, how, out = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], Path(sys.argv[5])
    out.mkdir(parents=True)
    cases = sorted(source.iterdir())
    targets = [out / f"{case.name.removesuffix('.nii.gz')}.nii.gz" for case in cases]
    if how == "floor":
        from segconv.train.totalsegmentator.groups import usual_groups
        from segconv.train.totalsegmentator.registry import numbering

        values = numbering("total")
        classes = usual_groups(values)[group]
        files = [[case / f"{name}.nii.gz" for name in classes] if case.is_dir() else [case] for case in cases]
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(partial(floor, [values[name] for name in classes]), files, targets))
        return
    for case, target in zip(cases, targets, strict=True):
        WAYS[how](group, case, target)


if __name__ == "__main__":
    main()
