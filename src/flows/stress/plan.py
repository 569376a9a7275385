"""Plan a stress test: which cases, conditions and models."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...augment.spec import PLANES
from ...dataset.layout import Dataset
from ...errors import Cure, SegconvError
from ...image import opened, raster
from ...review.scores.robustness import Condition
from ...train.predict import OWN_FILES

ANGLES_DEG = (5.0, 10.0, 15.0, 30.0, 45.0, 60.0, 90.0, 180.0)
SHIFTS_HU = (-100.0, -50.0, -30.0, 30.0, 50.0, 100.0)
TOLERANCE = 0.05
"""Part of the expected score that may be lost before it counts as a drop."""


@dataclass(frozen=True)
class StressCase:
    """One case, as passed to a worker."""

    fold: str
    case: str
    images: tuple[Path, ...]
    label: Path
    ending: str
    ct_channels: tuple[int, ...]
    classes: Mapping[str, tuple[int, ...]]
    ignore: int | None
    conditions: tuple[Condition, ...]
    models: tuple[str, ...]
    work: Path

    def input_name(self, condition: int, channel: int) -> str:
        """File name of a channel under a condition."""
        return f"{self.case}__{condition:03d}_{channel:04d}{self.ending}"

    def output_name(self, condition: int) -> str:
        """File name of the prediction for its channels."""
        return f"{self.case}__{condition:03d}{self.ending}"

    @property
    def inputs(self) -> Path:
        """Folder of the inputs of all cases of its fold."""
        return inputs_folder(self.work, self.fold)

    def outputs(self, model: int) -> Path:
        """Folder of a model's predictions for them."""
        return outputs_folder(self.work, model, self.fold)


@dataclass(frozen=True)
class Stress:
    """A planned stress test; nothing has been written.

    Parameters
    ----------
    dataset
        Dataset whose cases are predicted and whose labels are the reference.
    models
        Names.
    conditions
        Conditions, untouched first.
    cases
        Cases of all folds.
    tolerance
        See `Robustness`.
    work
        Folder for inputs and predictions, removed at the end.
    """

    dataset: Dataset
    models: tuple[str, ...]
    conditions: tuple[Condition, ...]
    cases: tuple[StressCase, ...]
    tolerance: float
    work: Path

    @property
    def folds(self) -> tuple[str, ...]:
        """Folds that held back its cases."""
        return tuple(dict.fromkeys(case.fold for case in self.cases))

    @property
    def outputs(self) -> Iterator[str]:
        """All files that may be written into the work folder, relative to it."""
        for case in self.cases:
            for number in range(len(self.conditions)):
                for channel in range(len(case.images)):
                    yield os.path.relpath(case.inputs / case.input_name(number, channel), self.work)
                for model in range(len(self.models)):
                    yield os.path.relpath(case.outputs(model) / case.output_name(number), self.work)
        for model in range(len(self.models)):
            for fold in self.folds:
                for name in OWN_FILES:
                    yield os.path.relpath(outputs_folder(self.work, model, fold) / name, self.work)


def plan_stress(
    dataset: Dataset,
    models: Sequence[str],
    work: Path,
    *,
    cases: Mapping[str, Sequence[str]],
    angles_deg: Sequence[float] = ANGLES_DEG,
    planes: Sequence[str] | None = None,
    shifts_hu: Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
) -> Stress:
    """Plan to predict cases of a dataset under a ladder of conditions.

    Parameters
    ----------
    dataset, models, work, tolerance
        See `Stress`.
    cases
        Fold → the cases that it held back.
    angles_deg
        Rotation angles in each of `planes`; 0 is always among the conditions.
    planes
        Planes of `segconv.augment.spec.PLANES`; if None, all of them, or only the axial one for pictures.
    shifts_hu
        Shifts of channels named CT; if None, `SHIFTS_HU` if there is such a channel.

    Raises
    ------
    SegconvError
        ``SC001`` for impossible conditions; ``SC091`` for a shift without a CT channel; ``SC094``
        for files that segconv does not write; ``SC011`` without cases, ``SC012`` without their files; ``SC032``
        if the inputs would not fit on the disk; ``SC062`` if the dataset was replaced meanwhile.
    """
    work = work.absolute()
    conditions = tuple(ladder(dataset, angles_deg, planes, shifts_hu))
    with dataset.unchanged():
        found = tuple(
            _case(dataset, fold, case, conditions, tuple(models), work)
            for fold, chosen in cases.items()
            for case in chosen
        )
    if not found:
        raise SegconvError("no case to test", code="SC011", file=str(dataset.path))
    _refuse_full_disk(found, work)
    return Stress(dataset, tuple(models), conditions, found, tolerance, work)


def ladder(
    dataset: Dataset, angles_deg: Sequence[float], planes: Sequence[str] | None, shifts_hu: Sequence[float] | None
) -> list[Condition]:
    """Return the conditions, untouched first; see `plan_stress`."""
    turns = [(plane, angle) for plane in _planes(dataset, planes) for angle in _angles(angles_deg)]
    conditions = [
        Condition(),
        *(Condition(plane, float(angle)) for plane, angle in turns),
        *(Condition(shift_hu=float(shift)) for shift in _shifts(dataset, shifts_hu)),
    ]
    if len(conditions) == 1:
        raise SegconvError("nothing is turned or shifted", cures=[Cure.of("choose_conditions")])
    return conditions


def _planes(dataset: Dataset, wanted: Sequence[str] | None) -> tuple[str, ...]:
    ending = dataset.description.file_ending
    if ending not in opened.WRITABLE:
        raise SegconvError(f"files that end in {ending} are not turned", code="SC094", file=str(dataset.path))
    possible = ("axial",) if ending in raster.ENDINGS else PLANES
    planes = possible if wanted is None else tuple(wanted)
    if not set(planes) <= set(possible) or len(set(planes)) < len(planes):
        raise SegconvError(
            f"{','.join(planes)!r} is not a choice of planes", hint=f"possible are {', '.join(possible)}"
        )
    return planes


def _angles(wanted: Sequence[float]) -> list[float]:
    if not all(math.isfinite(angle) and abs(angle) <= 360 for angle in wanted):
        raise SegconvError("angles must be between -360 and 360 degrees")
    return [angle for angle in dict.fromkeys(wanted) if angle % 360]


def _shifts(dataset: Dataset, wanted: Sequence[float] | None) -> list[float]:
    has_ct = bool(_ct_channels(dataset))
    if wanted is None:
        wanted = SHIFTS_HU if has_ct else ()
    shifts = [shift for shift in dict.fromkeys(wanted) if shift]
    if not all(math.isfinite(shift) for shift in shifts):
        raise SegconvError("shifts must be numbers in HU")
    if shifts and not has_ct:
        channels = ", ".join(dataset.description.channel_names)
        raise SegconvError(
            f"a HU shift needs a channel named CT, the dataset has {channels}",
            code="SC091",
            file=str(dataset.path),
            cures=[Cure.of("do_not_shift")],
        )
    return shifts


def _case(
    dataset: Dataset, fold: str, case: str, conditions: tuple[Condition, ...], models: tuple[str, ...], work: Path
) -> StressCase:
    images = dataset.image_files(case)
    ending = dataset.description.file_ending
    if ending in raster.ENDINGS:
        images = [images[0], *(path for path in images[1:] if path.is_file())]  # all colours are in one file
    label = dataset.label_file(case)
    for path in (*images, label):
        if not path.is_file():
            raise SegconvError("does not exist", code="SC012", file=str(path))
    labels = dataset.description.labels
    return StressCase(
        fold,
        case,
        tuple(images),
        label,
        ending,
        _ct_channels(dataset),
        labels.foreground,
        labels.ignore,
        conditions,
        models,
        work,
    )


def _ct_channels(dataset: Dataset) -> tuple[int, ...]:
    return tuple(i for i, name in enumerate(dataset.description.channel_names) if name.casefold() == "ct")


def _refuse_full_disk(tasks: Sequence[StressCase], work: Path) -> None:
    """Refuse a test whose inputs do not fit on the disk: one per condition, each as large as the image."""
    needed = sum(path.stat().st_size for task in tasks for path in task.images) * len(tasks[0].conditions)
    root = next(parent for parent in work.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(root).free
    if needed > free:
        raise SegconvError(
            f"the inputs would take {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free",
            code="SC032",
            file=str(root),
            cures=[Cure.of("stress_less"), Cure.of("choose_other_disk")],
        )


def inputs_folder(work: Path, fold: str) -> Path:
    """Return the folder of the inputs that all models predict for a fold."""
    return work / "inputs" / fold


def outputs_folder(work: Path, model: int, fold: str) -> Path:
    """Return the folder that a model predicts a fold into."""
    return work / f"model-{model}" / fold
