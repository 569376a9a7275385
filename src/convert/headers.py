"""What the headers of a case's volumes say about one another, before any voxel is read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import Finding, SegconvError, naming
from ..image import nifti
from .source import ConvertOptions, SourceCase, collect, read_head, shown


def judge_headers(
    cases: Iterable[SourceCase], channels: int, root: Path, findings: list[Finding], options: ConvertOptions
) -> None:
    """Add a finding for each header that cannot be used, or does not go with the others of its case.

    Parameters
    ----------
    channels
        How many a case must have; 0 if that is not known.
    """
    for case in cases:
        try:
            images = [_probe(path, root, options) for path in case.images]
            label = _probe(case.label, root, options) if case.label is not None else None
        except SegconvError as error:
            collect(findings, error)
            continue
        image = shown(case.images[0], root)
        size = images[0].geometry.size
        found = sum(header.channels for header in images)
        if channels and found != channels:
            findings.append(
                Finding(
                    "SC084",
                    f"has {found} channels, the dataset has {channels}",
                    file=image,
                    hint="mend the channels in dataset.json, or --channels",
                )
            )
        for path, header in zip(case.images[1:], images[1:], strict=True):
            if header.geometry.size != size:
                findings.append(
                    Finding(
                        "SC082",
                        f"has the size {header.geometry.size}, the first channel {size}",
                        file=shown(path, root),
                        hint="export all channels on one grid",
                    )
                )
        if label is not None and label.four_dimensional:
            findings.append(
                Finding(
                    "SC073",
                    f"is a label of four dimensions ({label.channels} channels), expected one value a voxel",
                    file=shown(str(case.label), root),
                    hint="merge the channels into one label map",
                )
            )
        elif label is not None and label.geometry.size != size:
            findings.append(
                Finding(
                    "SC082",
                    f"has the size {label.geometry.size}, its image {size}",
                    file=shown(str(case.label), root),
                    hint="check that both are of one case",
                )
            )


def _probe(path: str, root: Path, options: ConvertOptions) -> nifti.NiftiHeader:
    with naming(shown(path, root)):
        header = nifti.probe(read_head(path, nifti.HEAD_BYTES))
        if header.voxel_bytes > options.max_volume:
            raise SegconvError(
                f"decodes to {header.voxel_bytes} bytes, at most {options.max_volume} are allowed", code="SC054"
            )
        return header
