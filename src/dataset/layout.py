"""The files of a nnU-Net v2 dataset, and their places."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, SegconvError, naming
from ..work.held import Held, unchanged
from . import lineage
from .description import DatasetDescription, external_files
from .lineage import TEST, TRAIN, VALIDATION, CaseRecord
from .names import DatasetName
from .runs import RunRecord
from .splits import FILE as SPLITS
from .strictjson import load_object, read_file

DESCRIPTION = "dataset.json"
IDENTITY = (DESCRIPTION, SPLITS, lineage.RUN, lineage.CASES)
"""Files that identify a dataset, in addition to its folder."""

_SUFFIX = {TRAIN: "Tr", TEST: "Ts", VALIDATION: "Val"}


def image_path(case: str, channel: int, ending: str, split: str = TRAIN) -> str:
    """Return ``imagesTr/case_0000.ending``, relative to the dataset."""
    return f"images{_SUFFIX[split]}/{case}_{channel:04d}{ending}"


def label_path(case: str, ending: str, split: str = TRAIN) -> str:
    """Return ``labelsTr/case.ending``, relative to the dataset; nnU-Net ignores ``labelsTs``."""
    return f"labels{_SUFFIX[split]}/{case}{ending}"


def hold(folder: Path) -> Held:
    """Hold a folder that is read as a dataset or a task, whether or not it is one."""
    return Held(folder, IDENTITY)


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk.

    Parameters
    ----------
    path
        Its folder; absolute if created by `open`.
    name
        Number and name.
    description
        Its dataset.json.
    held
        Its state when it was opened.
    """

    path: Path
    name: DatasetName
    description: DatasetDescription
    held: Held = field(compare=False, repr=False)

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """Read dataset.json of a folder that is named as a dataset.

        Raises
        ------
        SegconvError
            ``SC094`` if the folder's name is not that of a dataset; ``SC062`` if it is replaced meanwhile; also any
            error of `DatasetDescription.read`.
        """
        path = path.absolute()
        name = DatasetName.of_folder(path.name)
        if name is None:
            raise SegconvError(
                "the folder's name is not that of a dataset, expected Dataset042_Name", code="SC094", file=str(path)
            )
        held = hold(path)
        with unchanged(held):
            return cls(path, name, DatasetDescription.read(path / DESCRIPTION), held)

    def unchanged(self) -> AbstractContextManager[None]:
        """Let a block succeed only if the dataset is unchanged since it was opened; see `work.held.unchanged`."""
        return unchanged(self.held)

    @cached_property
    def external(self) -> Mapping[str, Mapping[str, Any]]:
        """Case → location of its files, for training cases whose files dataset.json names elsewhere.

        The key ``dataset`` of dataset.json is followed only if segconv wrote it.
        """
        if self.run is None or self.run.link != "external":
            return {}
        path = self.path / DESCRIPTION
        data = read_file(path)
        with naming(str(path)):
            return external_files(load_object(data).get("dataset", {}))

    def cases(self, split: str = TRAIN) -> list[str]:
        """Return the sorted identifiers of cases that have a first channel."""
        return sorted(self.external if split == TRAIN and self.external else self._channels(split))

    def no_case(self, what: str = "case") -> SegconvError:
        """Return the error for a dataset without cases: ``SC011``, or ``SC060`` if it names files elsewhere."""
        path = self.path / DESCRIPTION
        if "dataset" in load_object(read_file(path)) and not self.external:
            return SegconvError(
                "has the key 'dataset', which names files elsewhere, and segconv did not write it",
                code="SC060",
                file=str(path),
                cures=(Cure.of("rewrite_external", dataset=self.path),),
            )
        return SegconvError(f"holds no {what}", code="SC011", file=str(self.path))

    def image_files(self, case: str, split: str = TRAIN) -> list[Path]:
        """Return one file per channel."""
        if split == TRAIN and case in self.external:
            return [self.path / path for path in self.external[case]["images"]]
        ending = self.description.file_ending
        return [
            self.path / image_path(case, channel, ending, split)
            for channel in range(len(self.description.channel_names))
        ]

    def stored_images(self, case: str, split: str = TRAIN) -> list[Path]:
        """Return the files of `image_files` that exist: pictures in colour have one file for three channels."""
        return [path for path in self.image_files(case, split) if reading.is_there(path)]

    def label_file(self, case: str, split: str = TRAIN) -> Path:
        """Return the label's file, whether or not it exists."""
        if split == TRAIN and case in self.external:
            return self.path / (self.external[case].get("label") or label_path(case, self.description.file_ending))
        return self.path / label_path(case, self.description.file_ending, split)

    def located(self, path: Path) -> Path:
        """Return the real location of a file of the dataset, with links resolved.

        Raises
        ------
        SegconvError
            ``SC060`` if a link leads out of the dataset, and segconv did not make the dataset with links.
        """
        real = self._real(path)
        if not (self.links_away or real.is_relative_to(self._real_path)):
            raise SegconvError(
                f"is a link that leaves the dataset, to {real}",
                code="SC060",
                file=str(path),
                hint="copy the file into the dataset",
                cures=(Cure.of("rewrite_external", dataset=self.path),),
            )
        return real

    def _real(self, path: Path) -> Path:
        folder, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):
            return Path(os.path.realpath(path))
        if folder not in self._real_folders:  # looked at once, as it has many files
            self._real_folders[folder] = os.path.realpath(folder)
        return Path(self._real_folders[folder], name)

    @cached_property
    def _real_folders(self) -> dict[str, str]:
        return {}

    @cached_property
    def links_away(self) -> bool:
        """Whether segconv made the dataset with links to files elsewhere, or with their names."""
        return self.run is not None and self.run.link in ("symlink", "external")

    @cached_property
    def _real_path(self) -> Path:
        return Path(os.path.realpath(self.path))

    def records(self) -> Iterator[CaseRecord]:
        """Yield the lineage; nothing for a dataset that segconv did not make."""
        return lineage.read_records(self.path)

    @cached_property
    def run(self) -> RunRecord | None:
        """The run that made the dataset, or None if segconv did not make it."""
        return lineage.read_run(self.path)

    def _channels(self, split: str) -> set[str]:
        folder = self.path / f"images{_SUFFIX[split]}"
        pattern = re.compile(r"(.+)_0000" + re.escape(self.description.file_ending))
        if not reading.is_folder(folder):
            return set()
        return {match[1] for path in folder.iterdir() if (match := pattern.fullmatch(path.name))}
