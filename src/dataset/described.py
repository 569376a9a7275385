"""A dataset of which only dataset.json is known, such as the one that a model from elsewhere was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import SegconvError
from .description import DatasetDescription
from .label_table import LabelTable
from .layout import DESCRIPTION, Dataset, hold
from .lineage import read_run
from .names import DatasetName
from .runs import RunRecord


@dataclass(frozen=True)
class DescribedDataset(Dataset):
    """A dataset whose cases are elsewhere: labels have its values, unless the record of how it was made came along."""

    @classmethod
    def of_model(cls, model: Path, dataset: str) -> DescribedDataset:
        """Return the dataset that a model was trained on.

        Parameters
        ----------
        model
            Folder of the model, with dataset.json; the record, if any, is next to it.
        dataset
            Name of the dataset's folder.

        Raises
        ------
        SegconvError
            ``SC094`` if that is not the name of a dataset; what `DatasetDescription.read` raises.
        """
        name = DatasetName.of_folder(dataset)
        if name is None:
            raise SegconvError(
                f"was trained on {dataset!r}, expected the name of a dataset, such as Dataset042_Name",
                code="SC094",
                file=str(model),
            )
        return cls(model.parent, name, DatasetDescription.read(model / DESCRIPTION), hold(model.parent))

    @cached_property
    def run(self) -> RunRecord:
        """The run that made the dataset; if unknown, one that changed neither values nor names of labels."""
        return read_run(self.path) or RunRecord({"label_map": LabelTable.identity(self.description.labels).as_json()})
