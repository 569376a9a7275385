"""The grey-value transforms, one line each. To add one, add a line here and a module that is a `Transformation`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Limits = tuple[float, float]
"""Between which an amount is drawn."""


class Transformation(Protocol):
    """The functions that the module of a transform provides."""

    NEEDS: str
    """Which channels it changes, in words."""

    def suits(self, channel: str, /) -> bool:
        """Return whether the transform changes a channel of this name."""

    def refuse_unfit(self, limits: Limits, /) -> None:
        """Refuse limits from which no amount can be drawn (``SC001``)."""

    def draw(self, limits: Limits, random: np.random.Generator, /) -> float:
        """Return an amount."""

    def apply(self, array: NDArray[Any], amount: float, air: float, /) -> NDArray[Any]:
        """Return an image with changed values.

        Parameters
        ----------
        array
            Any shape; not modified.
        amount
            What `draw` returned.
        air
            The smallest value of the file: padding, or air as stored; it stays unchanged.

        Returns
        -------
        array
            Of the same type.
        """


@dataclass(frozen=True)
class GreyTransform:
    """One grey-value transform by a random amount.

    Parameters
    ----------
    name
        Name for the user, such as ``hu_shift``.
    module
        Its `Transformation`, a module of this package, imported when needed.
    key
        Key of the amount in the lineage, with its unit.
    column
        Heading of the amount in a table.
    summary
        Summary for the help.
    unchanged
        The amount that changes nothing.
    """

    name: str
    module: str
    key: str
    column: str
    summary: str
    unchanged: float = 0.0

    @property
    def transformation(self) -> Transformation:
        """The module that implements it."""
        return cast(Transformation, import_module(f".{self.module}", __package__))

    def in_words(self, amount: float) -> str:
        """Return an amount with its name and unit, such as ``shift -42 HU``."""
        name, _, unit = self.column.partition(" ")
        return f"{name} {amount:+.3g} {unit.strip('[]')}"


GREY: tuple[GreyTransform, ...] = (
    GreyTransform("hu_shift", "hu_shift", "shift_hu", "shift [HU]", "Random shift of CT channels: magnitude in HU."),
)
"""In the order in which they are drawn and applied."""


def grey_transform(name: str) -> GreyTransform:
    """Return a transform by its name."""
    return next(one for one in GREY if one.name == name)
