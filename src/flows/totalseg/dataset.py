"""Make a dataset of images and their pre-labels: what TotalSegmentator found, named by its registry.

The same command goes on wherever it was interrupted: with the cases that are not segmented yet, or with the conversion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...convert.conversion import Conversion, plan_conversion
from ...convert.labels.keep import kept_names
from ...convert.model import ConvertOptions, own_name
from ...convert.outputs import V2Dataset
from ...dataset.names import DatasetName
from ...dataset.numbering import Numbering
from ...dataset.target import refuse_crossed
from ...errors import Cure, SegconvError
from ...train.totalsegmentator.registry import version
from ...work.run_options import RunOptions
from .plan import Segmentation
from .results import PAIRS

_NOT_OFFERED = ("overwrite", "force_replacing", "force_replacing_linked")
"""Kinds of cures that replace an existing dataset."""


@dataclass(frozen=True)
class Prelabelled:
    """The dataset to make of a segmentation.

    Parameters
    ----------
    to
        ``42``, ``42_Name`` or ``Dataset042_Name``.
    raw
        ``nnUNet_raw``.
    other_roots
        ``nnUNet_preprocessed`` and ``nnUNet_results``, where an id may be taken too.
    keep
        Names or patterns of the classes that become labels; all that occur if empty.
    """

    to: str
    raw: Path
    other_roots: tuple[Path | None, ...] = ()
    keep: tuple[str, ...] = ()

    def free_name(self, planned: Segmentation, how: RunOptions) -> DatasetName:
        """Return the name of the dataset; refuse what would fail only after hours of segmentation.

        Raises
        ------
        SegconvError
            ``SC001`` for masks in place of label maps, and for classes to keep that the task has not; ``SC002`` for the
            dataset's name; ``SC020`` if the id is taken, or the dataset would be in the source.
        """
        if planned.masks:
            cures = (Cure.of("leave_out", field="masks"),)
            raise SegconvError("a dataset is made of label maps, not of a mask for each class", cures=cures)
        if self.keep:
            kept_names(list(planned.request.classes.values()), self.keep)
        root, output = planned.plan.source_root, V2Dataset(self.raw, self.other_roots)
        name = _free_name(output, self.to, root, how)
        refuse_crossed(root, output.target(name))
        return name


def _free_name(output: V2Dataset, to: str, root: Path, how: RunOptions) -> DatasetName:
    """Return the name of the dataset; replacing one is not offered, as that would segment every case anew."""
    try:
        return output.free_name(to, own_name(root), how, force=False)
    except SegconvError as error:
        error.cures = tuple(cure for cure in error.cures if cure.kind not in _NOT_OFFERED)
        raise


def plan_prelabelled(planned: Segmentation, wish: Prelabelled, how: RunOptions) -> Conversion:
    """Plan the conversion of the images and results of a finished segmentation to a dataset.

    The lineage of the dataset will have what that of the results says of TotalSegmentator, its models and resampling.

    Parameters
    ----------
    how
        As of `conversion.plan_conversion`, which lists the errors too.
    """
    request, output = planned.request, planned.plan.target.path
    values = {name: value for value, name in request.classes.items()}
    options = ConvertOptions(
        numbering=Numbering(f"task {request.task} of TotalSegmentator {version()}", values),
        keep=wish.keep,
        pairs=output / PAIRS,
        channels=(request.known.modality,),
    )
    root = planned.plan.source_root
    return plan_conversion(root, wish.to, raw=wish.raw, other_roots=wish.other_roots, options=options, how=how)
