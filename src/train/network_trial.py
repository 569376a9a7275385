"""Try a network as nnU-Net's training and prediction use it, without training; runs in a process of its own.

For each configuration: find the class, build it as trainer and predictor do, send a patch through, and load the weights
of the one into the other. What is wrong is written to stdout as lines that start with `SAID`, each with a JSON
object; the first fault of a configuration ends its trial. Only this module and those that it imports here import
nnunetv2 and torch.
"""

from __future__ import annotations

import faulthandler
import inspect
import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import SegconvError
from .network_weights import CURE, other_weights
from .own_classes import located

SAID = "NETWORK "
"""Start of the lines for segconv."""

LIMIT_S = 300
"""How long a step may take: importing, building or the forward passes of a configuration."""

LARGEST_TRIED = 1 << 21
"""Voxels of a patch that is computed where a network does not know PyTorch's meta device: 128 × 128 × 128."""


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
                import nnunetv2.training.nnUNetTrainer.nnUNetTrainer  # noqa: F401 - takes seconds, which count here

                refused.remove(path)
                if not asked["only_import"]:
                    _try(asked, name)
        except SegconvError as error:
            found = error.findings[0]
            _say({"finding": {"code": found.code, "message": found.message, "hint": found.hint}, "of": name})


def _say(event: dict[str, Any]) -> None:
    print(f"\n{SAID}{json.dumps(event)}", flush=True)  # noqa: T201 - stdout is what segconv reads


def _begin(step: str, name: str, limit_s: int) -> None:
    """Say what begins, and let the kernel end this process if it takes too long, wherever it hangs."""
    _say({"begin": step, "of": name})
    _end_after(limit_s)


def _end_after(limit_s: int) -> None:
    faulthandler.dump_traceback_later(max(1, limit_s - 1), file=sys.stdout)  # for the log
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(limit_s)


@contextmanager
def limited(limit_s: int) -> Iterator[None]:
    """Let the kernel end this process if a block takes longer, wherever it hangs."""
    _end_after(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()


def _try(asked: dict[str, Any], name: str) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    trial = _Trial(PlansManager(asked["plans"]), name, asked["description"])
    trial.refuse_indivisible()
    _begin("build", name, asked["limit_s"])
    training, predicting = (trial.built(deep_supervision=on) for on in (True, False))
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
        kind = "a class" if inspect.isclass(found) else f"a {type(found).__name__}"
        what = f"{path} is {kind}, expected a class that descends from torch.nn.Module"
        raise SegconvError(what, code="SC185", hint="name the class of the network, as module.Class")
    return found


class _Trial:
    """The trial of one configuration."""

    def __init__(self, plans: Any, name: str, description: dict[str, Any]) -> None:
        from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

        self._plans, self._name = plans, name
        self._configuration = plans.get_configuration(name)
        self._channels = determine_num_input_channels(plans, self._configuration, description)
        self._heads = plans.get_label_manager(description).num_segmentation_heads
        self._patch = [int(edge) for edge in self._configuration.patch_size]

    def refuse_indivisible(self) -> None:
        """Refuse a patch that the planned strides do not divide."""
        totals = [math.prod(axis) for axis in zip(*self._configuration.pool_op_kernel_sizes, strict=True)]
        if any(edge % total for edge, total in zip(self._patch, totals, strict=True)):
            what = f"the patch of {self._name}, {_times(self._patch)}, is not divisible by {_times(totals)}"
            raise SegconvError(f"{what}, its strides", code="SC164", hint="choose a patch that the strides divide")

    def built(self, *, deep_supervision: bool) -> Any:
        """Return the network on PyTorch's meta device, or as it is if it does not know that."""
        import torch

        try:
            with torch.device("meta"):
                return self._build(deep_supervision)
        except Exception:  # noqa: BLE001 - whatever a network of others raises where it does not know this device
            return self._really_built(deep_supervision)

    def _build(self, deep_supervision: bool) -> Any:
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

        return nnUNetTrainer.build_network_architecture(
            self._plans, self._configuration, self._channels, self._heads, deep_supervision
        )

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

    def refuse_training(self, network: Any) -> None:
        """Refuse outputs that do not fit nnU-Net's loss, and a network whose deep supervision cannot be switched."""
        import torch

        outputs = self._outputs(network.train(), deep_supervision=True)
        if not isinstance(outputs, list | tuple):
            hint = "with deep_supervision=True, return a list with an output for each stage but the last, largest first"
            raise self._wrong("SC163", "returns one tensor, and the loss expects one for each resolution", hint)
        if not all(isinstance(output, torch.Tensor) for output in outputs) or not outputs:
            raise self._wrong("SC163", "returns a list of something else than tensors", "return a list of tensors")
        self._refuse_channels(outputs)
        self._refuse_sizes([list(output.shape[2:]) for output in outputs])
        if not hasattr(getattr(network, "decoder", None), "deep_supervision"):
            hint = "nnU-Net sets decoder.deep_supervision to switch it off for validation: give the network a decoder"
            raise self._wrong("SC163", "has no decoder.deep_supervision", hint)
        network.decoder.deep_supervision = False
        hint = "return one tensor whenever decoder.deep_supervision is False"
        if not isinstance(self._outputs(network.train(False), deep_supervision=True), torch.Tensor):
            raise self._wrong("SC163", "does not heed decoder.deep_supervision, which nnU-Net sets to False", hint)
        network.decoder.deep_supervision = True

    def refuse_prediction(self, network: Any) -> None:
        """Refuse a network that returns something else than one tensor when it is built for prediction."""
        import torch

        output = self._outputs(network.train(False), deep_supervision=False)
        if not isinstance(output, torch.Tensor):
            hint = "with deep_supervision=False, return one tensor"
            raise self._wrong("SC163", f"returns a {type(output).__name__} when it is built for prediction", hint)
        self._refuse_channels([output])
        if list(output.shape[2:]) != self._patch:
            raise self._wrong_size(list(output.shape[2:]))

    def refuse_weights(self, training: Any, predicting: Any) -> None:
        """Refuse a network whose trained weights prediction cannot load: it builds without deep supervision."""
        what = other_weights(training.state_dict(), predicting.state_dict())
        if what:
            raise self._wrong("SC186", what, CURE)

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
            raise self._wrong(
                "SC164",
                f"does not take a patch of {_times(shape[2:])}: {type(error).__name__}: {_first_line(error)}",
                "let it halve the patch as often as the planned strides do, or derive a patch that it takes",
            ) from error

    def _smaller(self) -> list[int]:
        """Cut the patch to one that can be computed; the expected sizes follow it."""
        from .rehearsal.small import small_patch

        self._patch = small_patch(self._patch, [list(stride) for stride in self._configuration.pool_op_kernel_sizes])
        return self._patch

    def _refuse_channels(self, outputs: Sequence[Any]) -> None:
        axes = 2 + len(self._patch)
        for output in outputs:
            if output.dim() != axes or output.shape[1] != self._heads:
                found = f"{output.shape[1]} channels" if output.dim() == axes else f"a tensor of {output.dim()} axes"
                expected = f"{self._heads} channels" if output.dim() == axes else f"{axes}"
                hint = "make the last layers with num_classes channels"
                raise self._wrong("SC168", f"returns {found}, expected {expected}", hint)

    def _refuse_sizes(self, found: list[list[int]]) -> None:
        """Refuse outputs of other sizes than those to which nnU-Net reduces labels.

        Source: ``nnUNetTrainer._get_deep_supervision_scales``.
        """
        if found[0] != self._patch and sorted(found, reverse=True) == found:
            raise self._wrong_size(found[0])
        totals = [1] * len(self._patch)
        wanted = []
        for stride in self._configuration.pool_op_kernel_sizes[:-1]:
            totals = [total * step for total, step in zip(totals, stride, strict=True)]
            wanted.append([round(edge / total) for edge, total in zip(self._patch, totals, strict=True)])
        if found != wanted:
            what = f"returns sizes {', '.join(map(_times, found))}, and the labels are {', '.join(map(_times, wanted))}"
            raise self._wrong("SC163", what, "return an output for each stage but the last, the largest first")

    def _wrong_size(self, found: list[int]) -> SegconvError:
        what = f"returns a size of {_times(found)} for a patch of {_times(self._patch)}"
        return self._wrong("SC168", what, "return an output as large as the patch")

    def _wrong(self, code: str, what: str, hint: str) -> SegconvError:
        network = self._configuration.network_arch_class_name.rpartition(".")[2]
        return SegconvError(f"{network} of {self._name} {what}", code=code, hint=hint)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _times(size: Sequence[int]) -> str:
    return "x".join(map(str, size))
