"""Show nnU-Net the trainers of segconv, and those that installed packages offer.

nnU-Net imports each module of a folder in ``nnUNet_extTrainer``, asks it for a class by name, and forgets the module
again. A class defined here would be another one with each search, and could not be pickled. So the classes are defined
elsewhere, and imported when nnU-Net asks for one of them by name.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Return the trainer of this name."""
    from segconv.train.trainers import of_packages

    if name.startswith("_") or not of_packages.is_known(name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return of_packages.trainer(name)
    except AttributeError as error:  # which would let nnU-Net look for the trainer elsewhere
        raise ImportError(f"{name} cannot be imported: {error}") from error
