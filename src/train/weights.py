"""Compare the tensors of a checkpoint with those of a network, as nnU-Net does when it loads pretrained weights.

nnU-Net demands every tensor of the network but those of the segmentation heads, which are as many as there are
classes. Otherwise it fails with all numbers of a tensor in its message, after the data are loaded. Source:
``nnunetv2.run.load_pretrained_weights`` of nnunetv2 2.8.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset.layout import DESCRIPTION
from ..errors import SegconvError
from ..words import some_of, times
from .child import commands, environment, python, run_child
from .child_events import heard
from .former_umamba import refuse_former
from .known_trainers import find_trainer, list_trainers
from .model import Model
from .paths import Paths
from .plans import configuration
from .untrusted_models import read_tensors

HEADS = ".seg_layers."
"""Part of the names of tensors that nnU-Net does not load: they depend on the classes."""

SELF_SUPERVISED = "nnssl_adaptation_plan"
"""Key of checkpoints that nnssl made by self-supervised pretraining."""

SELF_SUPERVISED_COMMANDS = ("nnUNetv2_preprocess_like_nnssl", "nnUNetv2_train_pretrained")
"""nnU-Net's commands for such checkpoints, in releases that have them; 2.8.1 does not."""

SHOWN = 3
"""How many tensors a refusal names."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint.

    Parameters
    ----------
    file
        The checkpoint.
    shapes
        Name of a tensor → its shape.
    network
        The network that it says it is of, in words; empty if it does not.
    """

    file: Path
    shapes: Mapping[str, Shape]
    network: str = ""


@dataclass(frozen=True)
class Mismatch:
    """A tensor of a network that a checkpoint lacks, or has in another shape.

    Parameters
    ----------
    name
        Its name.
    wanted
        Its shape in the network.
    found
        Its shape in the checkpoint; None if it is missing there.
    """

    name: str
    wanted: Shape
    found: Shape | None

    @property
    def is_of_input(self) -> bool:
        """Whether only the number of input channels differs."""
        found, wanted = self.found, self.wanted
        return (
            found is not None
            and len(found) == len(wanted) > 2
            and (*found[:1], *found[2:])
            == (
                *wanted[:1],
                *wanted[2:],
            )
        )

    def __str__(self) -> str:
        found = "missing" if self.found is None else _shape(self.found)
        return f"{self.name} is {found}, expected {_shape(self.wanted)}"


@dataclass(frozen=True)
class Transfer:
    """What nnU-Net would do with each tensor; names are in the order of the network or the checkpoint.

    Parameters
    ----------
    loaded
        Tensors of the network that get the numbers of the checkpoint.
    skipped
        Segmentation heads, which are trained from the start.
    misfits
        Tensors that do not fit, because of which nnU-Net would fail.
    unused
        Tensors of the checkpoint that the network does not have.
    """

    loaded: Mapping[str, Shape]
    skipped: Mapping[str, Shape]
    misfits: tuple[Mismatch, ...]
    unused: Mapping[str, Shape]


def read_weights(path: Path) -> Weights:
    """Return the tensors of a checkpoint of nnU-Net; nothing in it is run.

    Raises
    ------
    SegconvError
        ``SC152`` if it is not a checkpoint of nnU-Net's trainer; ``SC064`` if it holds more than numbers, texts and
        tensors; ``SC181`` for a U-Mamba that is too old; ``SC010``, ``SC030``.
    """
    found = read_tensors(path)
    if isinstance(found, Mapping) and SELF_SUPERVISED in found:
        raise _self_supervised(path)
    refuse_former(found, path)
    weights = found.get("network_weights") if isinstance(found, Mapping) else None
    if not isinstance(weights, Mapping) or not all(hasattr(tensor, "shape") for tensor in weights.values()):
        raise SegconvError(
            "has no network_weights, as checkpoints of nnU-Net's trainer have",
            code="SC152",
            file=str(path),
            hint="give the checkpoint_final.pth of a trained fold",
        )
    shapes = {str(name): tuple(tensor.shape) for name, tensor in weights.items()}
    return Weights(path, shapes, _of_checkpoint(found.get("init_args")))


def network_shapes(model: Model, paths: Paths) -> dict[str, Shape]:
    """Return the tensors of the network that a model's training would begin with: name → shape.

    nnU-Net builds the network in a process of its own; refuse foreign classes in its plans first.

    Raises
    ------
    SegconvError
        What `find_trainer` and `run_child` raise.
    """
    trainer = find_trainer(model.trainer, list_trainers(paths.trainers), paths.trainers)
    plans = model.plans_file(paths)
    asked = {
        "trainer": trainer.name,
        "plans": str(plans),
        "description": str(plans.with_name(DESCRIPTION)),
        "configuration": model.configuration,
    }
    events: list[dict[str, Any]] = []
    run_child(
        [*python("from segconv.train.weights_child import main; main()"), json.dumps(asked)],
        environment(paths),
        shown=f"the network of {model.configuration}",
        tell=lambda line: events.extend(filter(None, [heard(line)])),
    )
    return {name: tuple(shape) for name, shape in events[-1]["shapes"].items()}


def transfer(weights: Weights, network: Mapping[str, Shape]) -> Transfer:
    """Return what nnU-Net would do with each tensor of a checkpoint and of a network."""
    heads = {name: shape for name, shape in network.items() if HEADS in name}
    loaded: dict[str, Shape] = {}
    misfits = []
    for name, shape in network.items():
        found = weights.shapes.get(name)
        if name in heads:
            continue
        if found == shape:
            loaded[name] = shape
        else:
            misfits.append(Mismatch(name, shape, found))
    unused = {name: shape for name, shape in weights.shapes.items() if name not in network}
    return Transfer(loaded, heads, tuple(misfits), unused)


def refuse_misfits(weights: Weights, plan: Transfer, network: str) -> None:
    """Refuse weights that nnU-Net would fail to load.

    Parameters
    ----------
    network
        The network that they are for, in words.

    Raises
    ------
    SegconvError
        ``SC153``.
    """
    misfits = plan.misfits
    if not misfits:
        return
    if all(misfit.is_of_input for misfit in misfits):
        of_weights, own = (misfits[0].found or ())[1], misfits[0].wanted[1]
        what = f"is of a network with {of_weights} input channels, and this one has {own}"
    else:
        count = f"{len(misfits)} of {len(misfits) + len(plan.loaded)} tensors do not fit: "
        what = count + some_of(misfits, SHOWN)
        if weights.network and weights.network != network:
            what = f"is of {weights.network}, not of {network}; {what}"
    raise SegconvError(what, code="SC153", file=str(weights.file))


def described(plans: Mapping[str, Any], name: str) -> str:
    """Return the network of a configuration, such as ``a PlainConvUNet in 3D with 4 stages, 8…32 features``."""
    found = configuration(plans, name)
    network = found.get("architecture") or {}
    arguments = network.get("arch_kwargs") or {}
    features, size = arguments.get("features_per_stage"), arguments.get("input_size")
    kind = str(network.get("network_class_name", "network")).rsplit(".", 1)[-1]
    sizes = f" with {len(features)} stages, {features[0]}…{features[-1]} features" if isinstance(features, list) else ""
    patches = f", for patches of {_shape(size)}" if size else ""
    return f"a {kind} in {len(found.get('patch_size') or ())}D{sizes}{patches}"


def _of_checkpoint(arguments: Any) -> str:
    """Return the network that a checkpoint says it is of; empty if that cannot be read."""
    try:
        return described(arguments["plans"], arguments["configuration"])
    except (SegconvError, KeyError, TypeError, AttributeError, IndexError):
        return ""


def _self_supervised(path: Path) -> SegconvError:
    known = commands()
    if all(name in known for name in SELF_SUPERVISED_COMMANDS):
        hint = f"use nnU-Net's own {' and '.join(SELF_SUPERVISED_COMMANDS)}"
    else:
        hint = f"a later nnunetv2 may have {' and '.join(SELF_SUPERVISED_COMMANDS)}; the installed one does not"
    what = "is of a self-supervised pretraining, whose network must be adapted first"
    return SegconvError(what, code="SC152", file=str(path), hint=hint)


def _shape(shape: Sequence[int]) -> str:
    return times(shape) or "one number"
