"""Find a network that is made for one patch size in a configuration with another, as after an edit of plans."""

from __future__ import annotations

from collections.abc import Iterator

from ..dataset.names import DatasetName
from ..errors import Cure, Finding
from ..words import times
from .architectures import SIZE
from .plans import Planned


def refused_size(found: Planned) -> Iterator[Finding]:
    """Yield ``SC182`` if the network of a configuration would refuse its patches."""
    arguments = found.configuration.get("architecture", {}).get("arch_kwargs", {})
    size, patch = arguments.get(SIZE), found.configuration.get("patch_size")
    if size is not None and patch is not None and list(size) != list(patch):
        folder = found.file.parent.name
        number = DatasetName.of_folder(folder)
        yield Finding(
            "SC182",
            f"has a network for patches of {times(size)}, and patches of {times(patch)}",
            file=str(found.file),
            hint=f"set {SIZE} to the patch size, if nothing was trained with it yet",
            cures=(Cure.of("make_plans_again", dataset=number.id if number else folder),),
        )
