"""Recognise weights of the networks that U-Mamba had before 2024-03-27. Needs no PyTorch."""

from __future__ import annotations

from collections.abc import Iterable

UNTIL = "2024-03-27"
"""When U-Mamba's present networks were published."""

_MARK = "decoder.transpconvs."
"""Start of names that only the former networks have: the present ones interpolate. nnU-Net's own have them, too."""


def is_former(names: Iterable[str]) -> bool:
    """Return whether weights are of a U-Mamba before `UNTIL`; the names must be of a U-Mamba."""
    return any(name.startswith(_MARK) for name in names)


def refuse_former(names: Iterable[str]) -> None:
    """Refuse weights of a former U-Mamba.

    Raises
    ------
    ValueError
        With the reason.
    """
    if is_former(names):
        raise ValueError(
            f"these weights are of another network, such as U-Mamba before {UNTIL}: they have {_MARK}*, and upsampling"
            " without parameters was expected"
        )
