"""Write trained models into one archive with checksums, for another machine.

nnU-Net's own export has an option to leave out what is not trained, which does nothing in nnunetv2 2.8; and it adds
pickles. This one writes what predicting needs, which nnU-Net can install as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .. import reading
from ..dataset.lineage import RUN
from ..dataset.strictjson import dumps
from ..errors import SegconvError
from .archive_writer import Content, write_archive
from .best import Best, read_best, read_json
from .chosen import usual_folds
from .comparison import Wanted
from .holds import predicting
from .model import FINAL, Model, trained_folds
from .paths import Paths
from .predict import stage_folders

_OF_MODEL = ("dataset.json", "dataset_fingerprint.json", "plans.json")
_OF_BEST = ("summary.json", "postprocessing.json")


def files_of(
    folder: Path, models: Sequence[str], folds: Sequence[str] | None = None, *, checkpoint: str = FINAL
) -> dict[str, Content]:
    """Return what an archive of models holds: path below the dataset's folder → file, or its bytes.

    Parameters
    ----------
    folder
        Results of the dataset.
    models
        Names of the models' folders.
    folds
        Folds; of each model all that predict by default if None.
    checkpoint
        File name of the checkpoint in each fold.

    Raises
    ------
    SegconvError
        ``SC010`` for a fold that is not trained.
    """
    found: dict[str, Content] = {}
    for name in models:
        chosen = folds or usual_folds(folder / name)[0]
        if not chosen:
            raise SegconvError("has no trained fold", code="SC010", file=str(folder / name))
        for fold in chosen:
            path = folder / name / f"fold_{fold}" / checkpoint
            if not path.is_file():
                raise SegconvError("does not exist: this fold is not trained", code="SC010", file=str(path))
            found[f"{name}/fold_{fold}/{checkpoint}"] = path
            _take(found, folder, f"{name}/fold_{fold}/validation/summary.json")
        _take(found, folder, *(f"{name}/{file}" for file in _OF_MODEL))
    best = read_best(folder)
    if best is not None and _is_in(found, best, checkpoint):
        source = best.source.relative_to(folder).as_posix()
        _take(found, folder, *(f"{source}/{file}" for file in _OF_BEST))
        found[best.file.name] = _without_paths(best)
    return found


def _take(found: dict[str, Content], folder: Path, *names: str) -> None:
    """Add the files that exist, without what they say of single cases and of folders of this machine."""
    for name in names:
        path = folder / name
        if reading.is_file(path):
            kept = {"summary.json": _only_means, "dataset.json": _without_files}.get(path.name)
            found[name] = path if kept is None else kept(path)


def _only_means(path: Path) -> Content:
    said = read_json(path)
    return json.dumps({key: said[key] for key in ("foreground_mean", "mean") if key in said}, indent=4).encode()


def _without_files(path: Path) -> Content:
    """Return a dataset.json without the locations of its cases, if it has any."""
    said = read_json(path)
    if "dataset" not in said:
        return path
    return dumps({key: value for key, value in said.items() if key != "dataset"})


def _is_in(found: Iterable[str], best: Best, checkpoint: str) -> bool:
    """Return whether all folds that the best averages are exported."""
    return all(f"{model.name}/fold_{fold}/{checkpoint}" in found for model in best.models for fold in best.folds)


def _without_paths(best: Best) -> bytes:
    """Return what nnU-Net wrote about the best; of paths, which name folders of this machine, only the file names."""
    said = read_json(best.file)
    chosen = said["best_model_or_ensemble"]
    for key in ("postprocessing_file", "some_plans_file"):
        if isinstance(chosen.get(key), str):
            chosen[key] = os.path.basename(chosen[key])
    return json.dumps(said, indent=4).encode()


def models_to_export(dataset: str, paths: Paths, wanted: Wanted) -> list[str]:
    """Return the folder names of the trained models that are wanted, and of the first stages of cascades among them.

    Raises
    ------
    SegconvError
        ``SC010`` if there are none.
    """
    folder = paths.require("results") / dataset
    trained = [path.parent.name for path in sorted(folder.glob("*__*__*/plans.json")) if trained_folds(path.parent)]
    models = [name for name in trained if _is_wanted(name, dataset, wanted)]
    if not models:
        raise SegconvError(
            f"no such model is trained; there are {', '.join(trained)}" if trained else "no model of it is trained",
            code="SC010",
            file=str(folder),
        )
    return sorted({path.name for name in models for path in stage_folders(folder / name)})


def _is_wanted(name: str, dataset: str, wanted: Wanted) -> bool:
    trainer, plans, configuration = name.split("__", 2)
    return wanted.takes(Model(dataset, configuration, trainer, plans))


def export_models(
    dataset: str, files: dict[str, Content], output: Path, paths: Paths, *, overwrite: bool = False
) -> str:
    """Write an archive of models; return its SHA-256.

    Parameters
    ----------
    dataset
        Name of the folder.
    files
        What `files_of` returned.
    output
        The archive.
    paths
        nnU-Net's folders; how the dataset was made is included if the dataset is in nnUNet_raw.
    overwrite
        Replace an existing archive.

    Raises
    ------
    SegconvError
        ``SC020`` if the output exists; ``SC035`` if another run writes it, or trains one of the folds; ``SC03x``.
    """
    run = paths.raw / dataset / RUN if paths.raw is not None else None
    if run is not None and reading.is_file(run):
        files = {**files, RUN: run}
    folds = {path.parent for path in files.values() if isinstance(path, Path) and path.suffix == ".pth"}
    with predicting(paths, folds):
        return write_archive({dataset: files}, output, overwrite=overwrite)
