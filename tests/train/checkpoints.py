"""Files that pass for nnU-Net's checkpoints, without PyTorch."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path


def checkpoint(epoch: int = 1, **entries: object) -> bytes:
    """The bytes of a complete checkpoint that resumes at this epoch."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "archive/data.pkl", pickle.dumps({"_best_ema": 0.5, "current_epoch": epoch, **entries}, protocol=2)
        )
    return data.getvalue()


def fold(folder: Path, *names: str, epoch: int = 1, cut: tuple[str, ...] = (), validated: bool = False) -> Path:
    """Make the folder of a fold with these checkpoints: ``"final"``, ``"latest"``, ``"best"``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*names, *cut):
        whole = checkpoint(epoch)
        (folder / f"checkpoint_{name}.pth").write_bytes(whole[: len(whole) // 2] if name in cut else whole)
    if validated:
        (folder / "validation").mkdir(exist_ok=True)
        (folder / "validation" / "a.png").write_bytes(b"a")
        (folder / "validation" / "summary.json").write_text('{"mean": {}}')
    return folder
