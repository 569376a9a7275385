"""Give a trainer class a number of epochs, and of iterations of an epoch."""

from __future__ import annotations

from typing import Any

import torch

_TO_VALIDATE = 5
"""nnU-Net validates with a fifth as many iterations as it trains with: 50 of 250."""


def of_length(base: Any, name: str, epochs: int | None, iterations: int | None) -> type:
    """Return a subclass with these numbers, which pickles as ``segconv.train.trainers.NAME``.

    Parameters
    ----------
    base
        A trainer class.
    name
        Name of the subclass.
    epochs, iterations
        Number of epochs, and of training iterations of an epoch; None keeps those of the base.
    """

    # nnU-Net looks up each parameter by name among those of its own __init__, so there can be no others.
    def __init__(  # noqa: N807 - the method of the class that is made
        self: Any,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 - as nnU-Net's; a device is never changed
    ) -> None:
        base.__init__(self, plans, configuration, fold, dataset_json, device)
        if epochs is not None:
            self.num_epochs = epochs
        if iterations is not None:
            self.num_iterations_per_epoch = iterations
            self.num_val_iterations_per_epoch = max(1, round(iterations / _TO_VALIDATE))

    about = {"__init__": __init__, "__module__": __package__, "__qualname__": name, "__doc__": base.__doc__}
    return type(name, (base,), about)
