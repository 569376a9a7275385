"""The outputs of a conversion: a dataset of nnU-Net v2, or a task of nnU-Net v1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ..dataset import lineage
from ..dataset.description import V1_ENDING, DatasetDescription, v1_object
from ..dataset.layout import DESCRIPTION, image_path, label_path
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import write_splits
from ..dataset.strictjson import dumps
from ..dataset.target import free_target, free_task
from ..errors import Cure, SegconvError
from ..image import raster
from ..work.caseio import EXTERNAL
from ..work.plan import Target
from ..work.run_options import RunOptions
from ..work.staging import Staged
from .model import ConvertOptions, Scan
from .sources import nnunet_v1
from .tasks.folds import settled_folds
from .write.task import PICTURES
from .write.whole import Whole


@dataclass(frozen=True)
class Made:
    """A conversion whose cases are all written.

    Parameters
    ----------
    link
        As in `ConvertOptions`.
    whole
        What can only be known from all cases together.
    """

    scan: Scan
    target: Path
    link: str
    whole: Whole
    description: DatasetDescription

    def cases(self, split: str) -> list[str]:
        """Return the identifiers of the cases of a split, sorted."""
        return sorted(record.case for record in self.whole.records if record.split == split)


class Output(Protocol):
    """What is made, and where."""

    def options(self, options: ConvertOptions) -> ConvertOptions:
        """Return the user's options with those set that this output dictates."""

    def free_name(self, to: str, own_name: str, how: RunOptions, *, force: bool) -> DatasetName:
        """Return the name of the output; raises ``SC002`` and ``SC020`` as `free_target` does."""

    def target(self, name: DatasetName) -> Target:
        """Return where the output will be."""

    def refuse(self, scan: Scan) -> None:
        """Refuse what this form of output cannot hold, before anything is written."""

    def write(self, staged: Staged, made: Made) -> None:
        """Write dataset.json and the folds; findings on them go to ``made.whole.findings``."""


@dataclass(frozen=True)
class V2Dataset:
    """A dataset of nnU-Net v2.

    Parameters
    ----------
    raw
        ``nnUNet_raw``.
    other_roots
        Where else an id may be taken: ``nnUNet_preprocessed`` and ``nnUNet_results``.
    """

    raw: Path
    other_roots: Sequence[Path | None] = ()

    def options(self, options: ConvertOptions) -> ConvertOptions:
        """Return the options as they are."""
        return options

    def free_name(self, to: str, own_name: str, how: RunOptions, *, force: bool) -> DatasetName:
        """Return the name of the dataset to make."""
        return free_target(to, own_name, self.raw, self.other_roots, overwrite=how.overwrite, force=force)

    def target(self, name: DatasetName) -> Target:
        """Return where the dataset will be."""
        return _target(self.raw / name.folder, name)

    def refuse(self, scan: Scan) -> None:
        """Refuse pictures in a format that nnU-Net knows for volumes only, or not at all."""
        if scan.file_ending in raster.ENDINGS and scan.file_ending not in PICTURES:
            what = f"nnU-Net reads no pictures from files that end with {scan.file_ending}"
            raise SegconvError(what, code="SC001", cures=(Cure.of("choose_format", format="tif"),))

    def write(self, staged: Staged, made: Made) -> None:
        """Write the folds and a dataset.json, which names files elsewhere if they are linked that way."""
        source = nnunet_v1.SPLITS if made.scan.kind == nnunet_v1.KIND else SPLITS_FILE
        folds, findings = settled_folds(made.scan.splits, made.whole.records, source)
        made.whole.findings += findings
        if folds:
            write_splits(staged, folds)
        entries = made.description.as_json()
        if made.link == EXTERNAL:
            files = made.whole.external
            for case in made.cases(TRAIN):
                files.setdefault(case, _own_files(case, made.scan, made.target))
            entries |= {"dataset": files}
        staged.write(DESCRIPTION, dumps(entries))


@dataclass(frozen=True)
class V1Task:
    """A task of nnU-Net v1.

    Parameters
    ----------
    raw
        The folder of such tasks.
    """

    raw: Path

    def options(self, options: ConvertOptions) -> ConvertOptions:
        """Return the options with the only file ending that v1 reads."""
        return replace(options, file_ending=V1_ENDING)

    def free_name(self, to: str, own_name: str, how: RunOptions, *, force: bool) -> DatasetName:
        """Return the name of the task to make."""
        return free_task(to, own_name, self.raw, overwrite=how.overwrite, force=force)

    def target(self, name: DatasetName) -> Target:
        """Return where the task will be."""
        return _target(self.raw / name.task_folder, name)

    def refuse(self, scan: Scan) -> None:
        """Refuse regions and an ignore label, which v1 does not have."""
        v1_object(DatasetDescription(scan.channel_names, scan.label_map.labels, scan.file_ending, 0), ())

    def write(self, staged: Staged, made: Made) -> None:
        """Write the dataset.json; v1 makes its own folds."""
        staged.write(DESCRIPTION, dumps(v1_object(made.description, made.cases(TRAIN), made.cases(TEST))))


def _target(folder: Path, name: DatasetName) -> Target:
    return Target(folder, name.slot, lineage.manifest(*lineage.DATASETS))


def _own_files(case: str, scan: Scan, target: Path) -> dict[str, Any]:
    """Return where the files of a case would be if all of them were written."""
    channels = len(scan.cases[0].images) if scan.file_ending in PICTURES else len(scan.channel_names)
    return {
        "images": [str(target / image_path(case, channel, scan.file_ending)) for channel in range(channels)],
        "label": str(target / label_path(case, scan.file_ending)),
    }
