"""Try a network as nnU-Net's training and prediction use it, without training; runs in a process of its own.

For each configuration: find the class, build it as trainer and predictor do, send a patch through, and load the weights
of the one into the other. What begins, what is wrong and that all is done are events; the first fault of a
configuration ends its trial. Only this module and those that it imports here import nnunetv2 and torch.
"""

from __future__ import annotations

import inspect
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import SegconvError
from ..words import typed_size
from .built_networks import LARGEST_TRIED, built
from .child_events import say, say_fault
from .deep_supervision import DeepSupervision
from .derivation import divisor
from .network_outputs import Expected
from .own_classes import located
from .time_limit import LIMIT_S, end_after


def main() -> None:
    """Try the configurations of the request in the first argument."""
    asked = json.loads(sys.argv[1])
    refused: set[str] = set()
    for name in asked["names"]:
        path = asked["plans"]["configurations"][name]["architecture"]["network_class_name"]
        try:
            if path not in refused:
                _begin("import", path, max(LIMIT_S, asked["limit_s"]))
                refused.add(path)
                class_at(path)
                refused.remove(path)
                if not asked["only_import"]:
                    import nnunetv2.training.nnUNetTrainer.nnUNetTrainer  # noqa: F401 - takes seconds of this step

                    _try(asked, name)
        except SegconvError as error:
            say_fault(error)
    say({"done": True})


def _begin(step: str, name: str, limit_s: int) -> None:
    """Say what begins, and set its limit."""
    say({"begin": step, "of": name})
    end_after(limit_s)


def _try(asked: dict[str, Any], name: str) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(asked["plans"])
    trial = _Trial(manager, name, asked["description"], DeepSupervision(**asked["deep_supervision"]))
    trial.refuse_indivisible()
    _begin("build", name, asked["limit_s"])
    training, predicting = trial.for_training(), trial.for_prediction()
    _begin("forward pass", name, asked["limit_s"])
    trial.refuse_training(training)
    trial.refuse_prediction(predicting)
    trial.refuse_weights(training, predicting)


def class_at(path: str) -> Any:
    """Return the class at a path, which nnU-Net would find there.

    Raises
    ------
    SegconvError
        ``SC166`` if this process cannot import it, ``SC185`` if it is no class of networks.
    """
    import torch

    found = located(path)  # for a missing one, nnU-Net would take one of its own networks of that name
    if not (inspect.isclass(found) and issubclass(found, torch.nn.Module)):
        kind = "a class" if inspect.isclass(found) else f"of type {type(found).__name__}"
        what = f"{path} is {kind}, expected a class that descends from torch.nn.Module"
        raise SegconvError(what, code="SC185", hint="name the class of the network, as module.Class")
    return found


class _Trial:
    """The trial of one configuration."""

    def __init__(self, plans: Any, name: str, description: dict[str, Any], asked: DeepSupervision) -> None:
        from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

        self._plans, self._name, self._asked = plans, name, asked
        self._configuration = plans.get_configuration(name)
        self._channels = determine_num_input_channels(plans, self._configuration, description)
        self._heads = plans.get_label_manager(description).num_segmentation_heads
        self._patch = [int(edge) for edge in self._configuration.patch_size]

    def refuse_indivisible(self) -> None:
        """Refuse a patch that the planned strides do not divide."""
        totals = divisor(self._configuration.pool_op_kernel_sizes)
        if any(edge % total for edge, total in zip(self._patch, totals, strict=True)):
            what = f"the patch of {self._name}, {typed_size(self._patch)}, is not divisible by {typed_size(totals)}"
            raise SegconvError(f"{what}, its strides", code="SC164", hint="choose a patch that the strides divide")

    def for_training(self) -> Any:
        """Return the network as the trainer builds it."""
        return self._built(deep_supervision=self._asked.is_on)

    def for_prediction(self) -> Any:
        """Return the network as the predictor builds it."""
        return self._built(deep_supervision=False)

    def _built(self, *, deep_supervision: bool) -> Any:
        """Return the network on PyTorch's meta device, or as it is if it does not know that."""
        import torch

        try:
            with torch.device("meta"):
                return self._build(deep_supervision)
        except Exception:  # noqa: BLE001 - whatever a network of others raises where it does not know this device
            return self._really_built(deep_supervision)

    def _build(self, deep_supervision: bool) -> Any:
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

        ends = (self._channels, self._heads)
        return built(nnUNetTrainer, self._plans, self._name, ends, deep_supervision=deep_supervision)

    def _really_built(self, deep_supervision: bool) -> Any:
        try:
            return self._build(deep_supervision)
        except Exception as error:
            path = self._configuration.network_arch_class_name
            passed = ["input_channels", "num_classes", *self._configuration.network_arch_init_kwargs]
            raise SegconvError(
                f"{path} cannot be built for {self._name}: {type(error).__name__}: {_first_line(error)}",
                code="SC185",
                hint=f"nnU-Net passes {', '.join(passed)} and deep_supervision, all by name",
            ) from error

    @property
    def _expected(self) -> Expected:
        network = self._configuration.network_arch_class_name.rpartition(".")[2]
        reduced = self._reduced() if self._asked.is_on else None
        return Expected(f"{network} of {self._name}", self._heads, self._patch, reduced)

    def _reduced(self) -> list[list[int]]:
        """Return the sizes to which nnU-Net reduces labels; as ``nnUNetTrainer._get_deep_supervision_scales``."""
        totals = [1] * len(self._patch)
        sizes = []
        for stride in self._configuration.pool_op_kernel_sizes[:-1]:
            totals = [total * step for total, step in zip(totals, stride, strict=True)]
            sizes.append([round(edge / total) for edge, total in zip(self._patch, totals, strict=True)])
        return sizes

    def refuse_training(self, network: Any) -> None:
        """Refuse outputs that do not fit nnU-Net's loss, and a network whose deep supervision cannot be switched."""
        outputs = self._outputs(network.train(), deep_supervision=self._asked.is_on)
        self._expected.refuse_in_training(outputs)
        if self._asked.by_decoder:
            self._refuse_without_switch(network)

    def _refuse_without_switch(self, network: Any) -> None:
        """Refuse a network that does not heed the attribute that nnU-Net sets before training and validation."""
        decoder = getattr(network, "decoder", None)
        if decoder is None or (self._asked.is_on and not hasattr(decoder, "deep_supervision")):
            hint = "nnU-Net sets decoder.deep_supervision to switch it off for validation: give the network a decoder"
            raise self._expected.wrong("SC163", "has no decoder.deep_supervision", hint)
        if not self._asked.is_on:
            return
        network.decoder.deep_supervision = False
        outputs = self._outputs(network.train(False), deep_supervision=True)
        hint = "return one tensor whenever decoder.deep_supervision is False"
        self._expected.refuse_single(outputs, "although decoder.deep_supervision is False", hint)
        network.decoder.deep_supervision = True

    def refuse_prediction(self, network: Any) -> None:
        """Refuse a network that returns something else than one tensor when it is built for prediction."""
        output = self._outputs(network.train(False), deep_supervision=False)
        hint = "with deep_supervision=False, return one tensor"
        self._expected.refuse_single(output, "when it is built for prediction", hint)

    def refuse_weights(self, training: Any, predicting: Any) -> None:
        """Refuse a network whose trained weights prediction cannot load."""
        self._expected.refuse_weights(training.state_dict(), predicting.state_dict())

    def _outputs(self, network: Any, *, deep_supervision: bool) -> Any:
        """Return what a network makes of a patch."""
        import torch

        shape = (1, self._channels, *self._patch)
        is_meta = any(tensor.is_meta for tensor in network.state_dict().values())
        with torch.no_grad():
            if is_meta:
                try:
                    return network(torch.empty(shape, device="meta"))
                except Exception:  # noqa: BLE001 - likewise; then the CPU says what is wrong, if anything is
                    switched = getattr(getattr(network, "decoder", None), "deep_supervision", deep_supervision)
                    network = self._really_built(deep_supervision).train(network.training)
                    if hasattr(getattr(network, "decoder", None), "deep_supervision"):
                        network.decoder.deep_supervision = switched
            return self._computed(network, shape)

    def _computed(self, network: Any, shape: Sequence[int]) -> Any:
        import torch

        if math.prod(self._patch) > LARGEST_TRIED:
            shape = (*shape[:2], *self._smaller())
        try:
            return network(torch.zeros(tuple(shape)))
        except Exception as error:
            raise self._expected.wrong(
                "SC164",
                f"does not take a patch of {typed_size(shape[2:])}: {type(error).__name__}: {_first_line(error)}",
                "let it halve the patch as often as the planned strides do, or derive a patch that it takes",
            ) from error

    def _smaller(self) -> list[int]:
        """Cut the patch to one that can be computed; the expected sizes follow it."""
        from .rehearsal.small import small_patch

        self._patch = small_patch(self._patch, [list(stride) for stride in self._configuration.pool_op_kernel_sizes])
        return self._patch


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
