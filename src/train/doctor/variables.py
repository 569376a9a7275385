"""Examine the environment variables that nnU-Net, PyTorch and MKL heed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ...errors import Finding, warning
from ..folder_values import misspelled
from ..overview import OF_V1
from ..paths import NAMES, TRAINERS
from ..trainer_folders import SHIM, export_line
from .looks import Look

CODE = "SC141"

_COUNTS = ("nnUNet_n_proc_DA", "nnUNet_def_n_proc")
_SHOWN = ("nnUNet", "MKL_", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "RESULTS_FOLDER")


def look_at_variables(environment: Mapping[str, str], cores: int) -> Look:
    """Examine variables.

    Parameters
    ----------
    environment
        All variables.
    cores
        Number of cores that this process may use.
    """
    shown = (f"{name}={value}" for name, value in sorted(environment.items()) if _is_shown(name))
    findings = (*_misspelled(environment), *_counts(environment, cores), *_threads(environment, cores))
    return Look("variables", ", ".join(shown) or "none set", (*findings, *_of_others(environment)))


def _is_shown(name: str) -> bool:
    return name.startswith(_SHOWN) and name not in NAMES.values()  # the folders are shown with their origin


def _misspelled(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield variables whose names are similar to those that nnU-Net reads."""
    for name, right in misspelled(environment):
        yield Finding(CODE, f"{name} is set, and nnU-Net reads {right}", hint=f"export {right}={environment[name]}")


def _counts(environment: Mapping[str, str], cores: int) -> Iterator[Finding]:
    """Yield numbers of processes that are no numbers, or bad ones."""
    for name in _COUNTS:
        value = environment.get(name)
        if value is None:
            continue
        if not value.isdecimal():
            yield Finding(CODE, f"{name}={value}, expected a number", hint=f"unset {name}, or export {name}={cores}")
        elif int(value) == 0:
            yield warning(
                CODE,
                f"{name}=0 does the work in the main process, which helps debugging and makes training several times"
                " slower",
                hint=f"unset {name}",
            )
        elif int(value) > 2 * cores:
            yield warning(CODE, f"{name}={value} on {cores} cores", hint=f"export {name}={cores}")


def _threads(environment: Mapping[str, str], cores: int) -> Iterator[Finding]:
    """Yield settings of thread libraries that slow nnU-Net's many processes down, or stop them."""
    threads = environment.get("OMP_NUM_THREADS", "1")
    if threads.isdecimal() and int(threads) > 1:
        yield warning(
            CODE,
            f"OMP_NUM_THREADS={threads}: each of nnU-Net's worker processes starts so many threads on {cores} cores",
            hint="export OMP_NUM_THREADS=1, as nnU-Net's documentation recommends",
        )
    if environment.get("MKL_THREADING_LAYER", "").upper() == "INTEL":
        yield warning(
            CODE,
            "MKL_THREADING_LAYER=INTEL does not go with PyTorch's libgomp, and ends worker processes at once",
            hint="export MKL_THREADING_LAYER=GNU",
        )


def _of_others(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield variables that nnU-Net v2 ignores, or that segconv does not pass on."""
    for name in OF_V1:
        if name in environment:
            yield warning(
                CODE,
                f"{name} is a variable of nnU-Net v1, which v2 ignores",
                hint="nothing, if you use v1 as well: tasks of v1 are looked up there",
            )
    folders = environment.get(TRAINERS, str(SHIM)).split(os.pathsep)
    if folders[0] != str(SHIM):
        yield warning(
            CODE,
            f"{TRAINERS} names folders of which nnU-Net imports every module; it is not passed on",
            hint=f"unset {TRAINERS}; for nnU-Net's own commands, {export_line()} or put that folder first",
        )
