"""What nnU-Net's loss, validation and prediction expect of a network's outputs, and of its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SegconvError
from ..words import some_of, typed_size


@dataclass(frozen=True)
class Expected:
    """What is expected for one patch.

    Parameters
    ----------
    network
        How messages call the network, such as ``"MyUNet of 2d"``.
    heads
        Number of channels.
    patch
        Size of the patch, in voxels, in nnU-Net's axis order.
    reduced
        Sizes to which nnU-Net reduces labels for deep supervision, largest first; None without it.
    otherwise
        How to train without deep supervision, in words.
    """

    network: str
    heads: int
    patch: Sequence[int]
    reduced: Sequence[Sequence[int]] | None = None
    otherwise: str = ""

    def refuse_in_training(self, outputs: Any) -> None:
        """Refuse outputs that do not fit nnU-Net's loss.

        Raises
        ------
        SegconvError
            ``SC163``, ``SC168``.
        """
        if self.reduced is None:
            self.refuse_single(outputs, "although deep supervision is off", "return one tensor")
        else:
            self._refuse_several(outputs, [list(size) for size in self.reduced])

    def _refuse_several(self, outputs: Any, wanted: list[list[int]]) -> None:
        import torch

        if not isinstance(outputs, list | tuple):
            hint = "return a list with an output for each stage but the last, the largest first"
            hint = ", or ".join(filter(None, (hint, self.otherwise)))
            raise self.wrong("SC163", "returns one tensor, and the loss expects one for each resolution", hint)
        if not all(isinstance(output, torch.Tensor) for output in outputs) or not outputs:
            raise self.wrong("SC163", "returns a list of something else than tensors", "return a list of tensors")
        self._refuse_channels(outputs)
        found = [list(output.shape[2:]) for output in outputs]
        if found[0] != list(self.patch) and sorted(found, reverse=True) == found:
            self._refuse_size(outputs[0])
        if found != wanted:
            sizes, labels = (", ".join(map(typed_size, each)) for each in (found, wanted))
            what = f"returns sizes {sizes}, and the labels are {labels}"
            raise self.wrong("SC163", what, "return an output for each stage but the last, the largest first")

    def refuse_single(self, output: Any, when: str, hint: str) -> None:
        """Refuse everything but one tensor of the size of the patch; raises as `refuse_in_training`."""
        import torch

        if not isinstance(output, torch.Tensor):
            raise self.wrong("SC163", f"returns a {type(output).__name__} {when}", hint)
        self._refuse_channels([output])
        self._refuse_size(output)

    def _refuse_channels(self, outputs: Sequence[Any]) -> None:
        axes = 2 + len(self.patch)
        for output in outputs:
            if output.dim() != axes or output.shape[1] != self.heads:
                found = f"{output.shape[1]} channels" if output.dim() == axes else f"a tensor of {output.dim()} axes"
                expected = f"{self.heads} channels" if output.dim() == axes else f"{axes}"
                hint = "make the last layers with num_classes channels"
                raise self.wrong("SC168", f"returns {found}, expected {expected}", hint)
            if not output.is_floating_point():
                kind = str(output.dtype).removeprefix("torch.")
                hint = "return scores, which nnU-Net itself makes labels of"
                raise self.wrong("SC168", f"returns values of type {kind}, expected floating-point numbers", hint)

    def _refuse_size(self, output: Any) -> None:
        if list(output.shape[2:]) != list(self.patch):
            what = f"returns a size of {typed_size(output.shape[2:])} for a patch of {typed_size(self.patch)}"
            raise self.wrong("SC168", what, "return an output as large as the patch")

    def refuse_weights(self, trained: Mapping[str, Any], predicting: Mapping[str, Any]) -> None:
        """Refuse a network whose trained weights prediction cannot load: it builds without deep supervision.

        Parameters
        ----------
        trained, predicting
            State dicts: of the network as training builds it, and as prediction does.

        Raises
        ------
        SegconvError
            ``SC186``.
        """
        odd = [f"{key} is missing" for key in sorted(predicting.keys() - trained.keys())]
        odd += [f"{key} is not expected" for key in sorted(trained.keys() - predicting.keys())]
        both = sorted(trained.keys() & predicting.keys())
        odd += [f"{key} has another shape" for key in both if trained[key].shape != predicting[key].shape]
        if odd:
            what = f"has other weights when it is built for prediction: {some_of(odd)}"
            hint = "make the same layers whether deep_supervision is True or False, and only return fewer outputs"
            raise self.wrong("SC186", what, hint)

    def wrong(self, code: str, what: str, hint: str) -> SegconvError:
        """Return an error about the network."""
        return SegconvError(f"{self.network} {what}", code=code, hint=hint)
