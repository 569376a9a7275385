"""Examine everything that training on this machine needs."""

from __future__ import annotations

import os

from ...dataset.layout import Dataset
from ...errors import Cure, Finding
from ...image.opened import decoded_bytes
from ...work.plan import hidden_name
from ...work.scratch import scratch
from ..paths import NAMES, PURPOSE, Paths
from ..worker_processes import cores
from . import machine, packages
from .looks import Look
from .variables import look_at_variables

_BYTES_PER_BYTE = 4
"""nnU-Net keeps 32-bit numbers, mostly of 16-bit voxels, for two configurations; compression saves little of noise."""


def examine(paths: Paths, dataset: Dataset | None = None) -> list[Look]:
    """Examine Python, packages, GPU, variables, folders, memory and disks.

    Parameters
    ----------
    dataset
        A dataset whose preprocessing the disk must hold.

    Returns
    -------
    looks
        In the order in which a user would set things up.
    """
    found = _probed(paths)
    return [
        packages.look_at_python(),
        packages.look_at_nnunet(),
        packages.look_at_torch(found),
        packages.look_at_gpus(found, packages.driver_version()),
        packages.look_at_simpleitk(),
        packages.look_at_blosc2(found),
        packages.look_at_mamba(found),
        look_at_folders(paths),
        look_at_variables(os.environ, cores()),
        machine.look_at_workers(),
        machine.look_at_limits(),
        *machine.look_at_disks(paths, 0 if dataset is None else estimated_bytes(dataset)),
    ]


def estimated_bytes(dataset: Dataset) -> int:
    """Return about how many bytes preprocessing takes, as far as headers tell; resampling may change it."""
    images = (path for case in dataset.cases() for path in dataset.stored_images(case))
    return _BYTES_PER_BYTE * sum(decoded_bytes(str(path)) for path in images)


def look_at_folders(paths: Paths) -> Look:
    """Examine whether nnU-Net's three folders are set, and to folders."""
    shown, findings = [], []
    for word, variable in NAMES.items():
        folder = getattr(paths, word)
        if folder is not None:
            shown.append(f"{variable} from {paths.origin[word]}")
            continue
        shown.append(f"{variable} not usable")
        what = paths.problems.get(word, "is not set")
        findings.append(
            Finding(
                "SC040",
                f"{variable}: {what}; it is the folder for {PURPOSE[word]}",
                hint=f"export {variable}, the absolute path of a folder, without quotes",
                cures=(Cure.of("make_folders"),),
            )
        )
    return Look("folders", ", ".join(shown), tuple(findings))


def _probed(paths: Paths) -> dict[str, object]:
    """Try PyTorch and Blosc2, the latter on the disk that will hold preprocessed cases, if there is one."""
    place = paths.preprocessed
    if place is None or not os.access(place, os.W_OK | os.X_OK):
        return packages.probed(None, paths)
    work = place / hidden_name("doctor")
    with scratch(work, [packages.PROBE_FILE]):
        return packages.probed(work, paths)
