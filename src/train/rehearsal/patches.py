"""Find patches that the strides of their network do not divide, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import Cure, Finding
from ...words import typed_size
from ..derivation import divisor
from ..plans import configuration
from .small import NNUNETS_NETWORKS, strides_of


def indivisible_patches(plans: Mapping[str, Any], names: Sequence[str], dataset: str, file: str) -> Iterator[Finding]:
    """Yield an error for each configuration whose patch nnU-Net's own networks cannot halve often enough.

    Parameters
    ----------
    names
        Configurations.
    dataset
        What the user calls the dataset.
    file
        The plans.
    """
    for name in names:
        found = configuration(plans, name)
        strides = strides_of(found)
        network = str(found.get("architecture", {}).get("network_class_name", ""))
        if not strides or not network.startswith(NNUNETS_NETWORKS):
            continue
        patch, totals = found["patch_size"], divisor(strides)
        if all(edge % total == 0 for edge, total in zip(patch, totals, strict=True)):
            continue
        near = [max(1, round(edge / total)) * total for edge, total in zip(patch, totals, strict=True)]
        derive = Cure.of("derive_divisible", dataset=dataset, name=f"{name}_ok", base=name, size=typed_size(near))
        what = f"the patch of {name}, {typed_size(patch)}, is not divisible by {typed_size(totals)}"
        yield Finding("SC164", f"{what}, the strides of its network", file=file, cures=(derive,))
