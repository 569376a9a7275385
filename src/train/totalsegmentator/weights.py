"""The models that a task of TotalSegmentator needs, and which of them are on this machine.

TotalSegmentator takes a model's folder that exists for a complete model, and its downloader leaves out the models
with which 26 tasks crop their images. Here both are computed, from its own tables, as its ``python_api`` does it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ... import reading
from ...errors import Cure, Finding, SegconvError, refuse_if_any
from ...words import some_of
from ..checkpoints import FINAL, is_whole
from .home import HOME, WEIGHTS
from .registry import find_task, tables

Mode = Literal["normal", "fast", "fastest"]
MODES: tuple[Mode, ...] = ("normal", "fast", "fastest")
Purpose = Literal["segments", "refines", "crops"]
Source = Literal["open", "licence", "none"]
State = Literal["complete", "incomplete", "missing"]

OF_MODEL = ("plans.json", "dataset.json")
"""Files that nnU-Net reads, next to the folders of the folds."""

_TOTAL_3MM, _TOTAL_6MM, _TOTAL_MR_3MM, _BODY_6MM = 297, 298, 852, 300
_OF_BODY = {"body_trunc", "body_extremities"}
_CROPS_WITH = {
    _TOTAL_3MM: "nnUNetTrainer_4000epochs_NoMirroring",
    _TOTAL_6MM: "nnUNetTrainer_4000epochs_NoMirroring",
    _TOTAL_MR_3MM: "nnUNetTrainer_2000epochs_NoMirroring",
    _BODY_6MM: "nnUNetTrainer",
}
"""Models with which images are cropped → their trainers, as ``python_api`` has them."""

_REFINED, _REFINES, _REFINES_WITH = "vertebrae_pp_refined", 305, "nnUNetTrainer_DASegOrd0"
_PLANS, _CONFIGURATION = "nnUNetPlans", "3d_fullres"

_RELEASES = "https://github.com/wasserth/TotalSegmentator/releases/download"
"""As in ``libs.download_pretrained_weights``."""

_RELEASE = re.compile(r"v\d.*")
"""A release in TotalSegmentator's table, which has another word for models of which it offers no weights."""

_SAYS: dict[Purpose, str] = {
    "segments": "that segments",
    "refines": "that refines the result",
    "crops": "that images are cropped with",
}
_HINTS: dict[Source, str] = {
    "open": "download it",
    "licence": "its weights need a licence number, which TotalSegmentator's authors give away for research",
    "none": "TotalSegmentator's authors offer no weights of it",
}


@dataclass(frozen=True)
class Needed:
    """A model that a task needs.

    Parameters
    ----------
    number
        nnU-Net's number of its dataset.
    folder
        Name of the dataset's folder in the folder of all weights.
    name
        Name of the model's folder in it: ``TRAINER__PLANS__CONFIGURATION``.
    folds
        Its folds that predict; none if TotalSegmentator takes all that it finds.
    purpose
        What it does: the task itself, a refinement of the result, or the rough segmentation that images are cropped to.
    source
        Whether TotalSegmentator downloads it, and whether it asks for a licence number first.
    url
        Where an open one is downloaded from.
    """

    number: int
    folder: str
    name: str
    folds: tuple[int, ...]
    purpose: Purpose
    source: Source
    url: str = ""


@dataclass(frozen=True)
class Held:
    """A model that is needed, as it is on this machine.

    Parameters
    ----------
    needed
        The model.
    path
        Folder of its dataset; it need not exist.
    nbytes
        Size of its files together.
    state
        Whether it can be used. If its folder exists it is incomplete, not missing: TotalSegmentator never downloads it.
    lacking
        Files that are missing or cut, relative to `path`; names of other folders with the same number.
    """

    needed: Needed
    path: Path
    nbytes: int
    state: State
    lacking: tuple[str, ...] = ()

    @property
    def in_the_way(self) -> tuple[Path, ...]:
        """Folders to move away: others with its number, and its own if that is incomplete itself."""
        others = [self.path.parent / name for name in self.lacking if "/" not in name]
        own = [self.path] if self.state == "incomplete" and len(others) < len(self.lacking) else []
        return (*own, *others)

    @property
    def to_bring(self) -> bool:
        """Whether its weights are wanting, and not only in conflict with another folder."""
        return self.state == "missing" or self.path in self.in_the_way

    def as_json(self) -> dict[str, Any]:
        """Return it as the object that ``--json`` prints."""
        own = self.needed
        return {
            "number": own.number,
            "folder": own.folder,
            "model": own.name,
            "folds": list(own.folds) or "all",
            "purpose": own.purpose,
            "source": own.source,
            "url": own.url,
            "path": str(self.path),
            "bytes": self.nbytes,
            "state": self.state,
            "lacking": list(self.lacking),
        }


def home_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of TotalSegmentator's settings, found as ``config.get_totalseg_dir`` does, without torch."""
    if HOME in variables:
        return Path(variables[HOME])
    # In a container without a home, TotalSegmentator takes /tmp.
    home = Path(os.sep, "tmp") if str(Path.home()) == os.sep else Path.home()
    return home / ".totalsegmentator"


def weights_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of all weights, found as ``config.get_weights_dir`` does, without torch."""
    if WEIGHTS in variables:
        return Path(variables[WEIGHTS])
    return home_folder(variables) / "nnunet" / "results"


def needed(
    task: str, mode: Mode = "normal", *, roi_subset: bool = False, robust_crop: bool = False
) -> tuple[Needed, ...]:
    """Return the models that a task needs: its own first, then those that its images are cropped with.

    Parameters
    ----------
    task
        Name of the task.
    mode
        Without, with ``--fast`` or with ``--fastest`` of TotalSegmentator.
    roi_subset
        Whether only some classes are asked for.
    robust_crop
        Whether the 3 mm model is asked for to crop with.

    Raises
    ------
    SegconvError
        ``SC191`` if there is no such task; ``SC001`` for a mode or a subset that TotalSegmentator refuses for it.
    """
    name = find_task(task).name
    raw: Mapping[str, Any] = tables("map_tasks_config").TASK_CONFIGS[name]
    _refuse_impossible(name, raw, mode, roi_subset=roi_subset)
    own = _of_mode(raw, mode)
    robust = robust_crop or bool(own.get("robust_crop")) or (roi_subset and _is_mr(name))
    found = [
        *_own_models(own),
        *([_model(_REFINES, _REFINES_WITH, "refines")] if name == _REFINED else []),
        *(_cropping(name, own, robust=robust) if own.get("crop") or own.get("cascade") or roi_subset else []),
    ]
    first: dict[tuple[int, str], Needed] = {}
    for model in found:
        first.setdefault((model.number, model.name), model)
    return tuple(first.values())


def modes_of(task: str) -> tuple[Mode, ...]:
    """Return the modes in which a task has models of their own."""
    raw: Mapping[str, Any] = tables("map_tasks_config").TASK_CONFIGS[find_task(task).name]
    return tuple(mode for mode in MODES if mode == "normal" or mode in raw.get("sub_modes", ()))


def _is_mr(task: str) -> bool:
    """Return what ``python_api`` takes for MR, by the name."""
    return task.endswith("_mr")


def _refuse_impossible(task: str, raw: Mapping[str, Any], mode: Mode, *, roi_subset: bool) -> None:
    if mode == "fast" and raw.get("disallow_fast"):
        raise SegconvError(f"the task {task} has no faster models", hint="segment without them")
    if roi_subset and not task.startswith("total"):
        hint = "segment all, and combine or keep what you need"
        raise SegconvError(f"only the tasks named total… segment a subset of their classes, not {task}", hint=hint)


def _of_mode(raw: Mapping[str, Any], mode: Mode) -> Mapping[str, Any]:
    """Return the settings of a mode; a task without that mode takes the next one, or has only one."""
    modes = raw.get("sub_modes")
    if modes is None:
        return raw
    order = {"normal": ("default",), "fast": ("fast", "default"), "fastest": ("fastest", "fast", "default")}
    chosen: Mapping[str, Any] = next(modes[name] for name in order[mode] if name in modes)
    return chosen


def _own_models(own: Mapping[str, Any]) -> Iterator[Needed]:
    usual = tables("map_tasks_config").DEFAULT_CONFIG
    numbers = own["task_id"] if isinstance(own["task_id"], list) else [own["task_id"]]
    folds = own.get("folds", usual["folds"])
    for number in numbers:
        yield _model(
            number, own["trainer"], "segments", configuration=own.get("model", usual["model"]), folds=tuple(folds or ())
        )


def _cropping(task: str, own: Mapping[str, Any], *, robust: bool) -> tuple[Needed, ...]:
    """Return the models that the images of a task are cropped with."""
    if own.get("crop_model"):
        return tuple(replace(model, purpose="crops") for model in needed(own["crop_model"]))
    if _OF_BODY & set(own.get("crop") or ()):
        number = _BODY_6MM
    elif _is_mr(task):
        number = _TOTAL_MR_3MM
    else:
        number = _TOTAL_3MM if robust else _TOTAL_6MM
    return (_model(number, _CROPS_WITH[number], "crops"),)


def _model(
    number: int,
    trainer: str,
    purpose: Purpose,
    *,
    configuration: str = _CONFIGURATION,
    folds: tuple[int, ...] = (0,),
) -> Needed:
    known = tables("map_tasks_config").TASK_ID_WEIGHTS_CONFIGS.get(number, {})
    folder, release = known.get("foldername", f"Dataset{number:03}"), known.get("version", "")
    licensed = number in tables("map_to_binary").commercial_models.values()
    source: Source = "licence" if licensed else "open" if _RELEASE.fullmatch(release) else "none"
    url = f"{_RELEASES}/{release}/{folder}.zip" if source == "open" else ""
    return Needed(number, folder, f"{trainer}__{_PLANS}__{configuration}", folds, purpose, source, url)


def look(models: Iterable[Needed], folder: Path) -> tuple[Held, ...]:
    """Return what a folder of weights holds of some models; only names, sizes and ends of files are read."""
    try:
        existing = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        existing = []
    except OSError as error:
        raise reading.unlisted(error, folder) from error
    return tuple(_held(model, folder, existing) for model in models)


def _held(model: Needed, folder: Path, existing: Sequence[str]) -> Held:
    path = folder / model.folder
    if not reading.is_folder(path):
        return Held(model, path, 0, "missing")
    nbytes = sum(reading.size_of(file) for file in path.rglob("*") if reading.is_file(file))
    lacking = [name for name in files_of(model, path) if not _is_usable(path / name)]
    # nnU-Net finds the folder by its number, and refuses two.
    lacking += [name for name in existing if name.startswith(f"Dataset{model.number:03}") and name != model.folder]
    return Held(model, path, nbytes, "incomplete" if lacking else "complete", tuple(lacking))


def files_of(model: Needed, path: Path) -> list[str]:
    """Return the files that predicting with a model takes."""
    own = path / model.name
    # Like nnU-Net, which leaves out folds without a checkpoint, and one of all cases.
    found = sorted(file.parent.name for file in own.glob(f"fold_*/{FINAL}") if file.parent.name != "fold_all")
    folds = [f"fold_{fold}" for fold in model.folds] or found or ["fold_0"]
    return [f"{model.name}/{name}" for name in (*OF_MODEL, *(f"{fold}/{FINAL}" for fold in folds))]


def _is_usable(file: Path) -> bool:
    if file.suffix == ".pth":
        return is_whole(file)
    return reading.is_file(file) and reading.size_of(file) > 0


def complete_models(models: Iterable[Needed], folder: Path) -> list[Path]:
    """Return the folders of models, in order, if all are complete.

    Parameters
    ----------
    models
        From `needed`.
    folder
        The folder of all weights.

    Raises
    ------
    Refused
        ``SC192`` for each model that is missing or incomplete.
    """
    held = look(models, folder)
    refuse_if_any(_finding(model) for model in held if model.state != "complete")
    return [model.path for model in held]


def _finding(model: Held) -> Finding:
    own, found = model.needed, some_of(model.lacking)
    what = "does not exist" if model.state == "missing" else f"is incomplete; missing, cut or in the way: {found}"
    advice = [f"move {path} away" for path in model.in_the_way]
    if model.to_bring:
        advice.append(f"download {own.url}" if own.url else _HINTS[own.source])
    return Finding(
        "SC192",
        f"{what} (the model {_SAYS[own.purpose]})",
        hint="; ".join(advice),
        file=str(model.path),
        cures=(Cure("install_weights"),) if model.to_bring else (),
    )


def spacing_mm(task: str, mode: Mode) -> Any:
    """Return the spacing that TotalSegmentator resamples images to, in mm: one number, three, or None for their own."""
    raw: Mapping[str, Any] = tables("map_tasks_config").TASK_CONFIGS[find_task(task).name]
    return _of_mode(raw, mode).get("resample", tables("map_tasks_config").DEFAULT_CONFIG["resample"])
