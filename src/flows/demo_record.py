"""Record what a demo made in its folder, so that another demo may replace that and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ..dataset import lineage
from ..dataset.runs import NewRun
from ..errors import SegconvError
from ..train.model import LOGS
from ..train.paths import NAMES, SETTING
from ..work import fsops, owned
from ..work.plan import Target
from ..work.preflight import is_empty_folder
from ..work.run import abort
from ..work.writing import writing
from .abandon import abandon_output

COMMAND = "demo"
PREDICTIONS = "predictions"


def remove_empty_folders(folder: Path) -> None:
    """Remove nnU-Net's folders that an interrupted demo left empty."""
    with writing(folder):
        for name in NAMES.values():
            if is_empty_folder(folder / name):
                fsops.rmdir(folder / name)


def remove_unfinished(folder: Path, datasets: Collection[int]) -> None:
    """Remove what a demo does not resume: unfinished work, and empty folders of its datasets.

    What cannot be removed stays, and is reported when the demo is to be replaced.

    Parameters
    ----------
    folder
        Folder of the demo.
    datasets
        Numbers of its datasets.
    """
    for number in datasets:
        with suppress(SegconvError):
            slot = f"{number:03d}"
            raw = folder / NAMES["raw"]
            abort(Target(raw / f"Dataset{slot}", slot, lineage.manifest(*lineage.DATASETS)))
        for name in NAMES.values():
            for made in (folder / name).glob(f"Dataset{number:03d}_*"):
                if made.is_dir() and not made.is_symlink():
                    with suppress(SegconvError), writing(made):
                        owned.remove(made, ())
    with suppress(SegconvError):
        abandon_output(folder / PREDICTIONS)


def write_record(folder: Path, written: Collection[Path]) -> None:
    """Record only what a demo made.

    Parameters
    ----------
    folder
        Folder of the demo; nothing is written if it does not exist.
    written
        Files that the demo itself wrote. Files of other commands are known by their lineage, files of nnU-Net
        by the folders that it writes into.
    """
    if not folder.is_dir():
        return
    with writing(folder):
        listed = _by_lineage(folder)
        own = {str(path.relative_to(folder)) for path in written} | {name for name, _ in SETTING}
        files = [
            {"path": path, "size": entry.stat().st_size, "sha256": owned.file_sha256(folder / path)}
            for path, entry in owned.entries(folder)
            if entry.is_file(follow_symlinks=False) and (path in own or _made(path, listed))
        ]
        data = NewRun(command=COMMAND, options={}, source={}, files=files).to_bytes()
        fsops.mkdir((folder / lineage.RUN).parent)
        fsops.write_atomic(folder / lineage.RUN, data)


def _by_lineage(folder: Path) -> dict[str, set[str]]:
    """Return the folders of a demo that have a lineage: path → the files that it lists."""
    found = {}
    for where in (PREDICTIONS, *(f"nnUNet_raw/{path.name}" for path in (folder / "nnUNet_raw").glob("Dataset*"))):
        with suppress(SegconvError):
            manifest = lineage.manifest(*lineage.DATASETS, *lineage.RESTORED)
            found[where] = {f"{where}/{written.path}" for written in manifest(folder / where)}
    return found


def _made(path: str, listed: Mapping[str, set[str]]) -> bool:
    """Return whether another command or nnU-Net writes this path, relative to the folder of a demo."""
    within = next((files for where, files in listed.items() if path.startswith(f"{where}/")), None)
    if within is not None:
        return path in within
    first, _, rest = path.partition("/")
    return first in (NAMES["preprocessed"], NAMES["results"]) and rest.startswith(("Dataset", LOGS))
