"""Examine a trainer and its network before a training depends on them; runs in the process of `program`."""

from __future__ import annotations

import inspect
import pickle
import pydoc
from collections.abc import Sequence
from typing import Any

from .faults import Fault
from .sizes import sizes_of

LOOKED_UP = ("network_class_name",)


def trainer_class(name: str) -> Any:
    """Return a trainer class, found as nnU-Net finds it, whose parameters are those that nnU-Net passes.

    Raises
    ------
    Fault
        ``SC166`` if it does not exist, ``SC161`` if its ``__init__`` does not fit.
    """
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        found = recursive_find_trainer_class_by_name(name)
    except RuntimeError:  # whose message names all places
        raise Fault("SC166", f"no trainer {name!r} in nnunetv2, nor in a folder of trainers that was named") from None
    except AssertionError:
        raise Fault("SC161", f"{name} does not inherit from nnUNetTrainer", "derive it from nnUNetTrainer") from None
    _refuse_parameters(found, list(inspect.signature(nnUNetTrainer.__init__).parameters)[1:])
    return found


def _refuse_parameters(found: Any, expected: Sequence[str]) -> None:
    """Refuse parameters that nnU-Net's trainer does not have.

    Its ``__init__`` looks up each parameter of the derived class among its own local variables, to keep them in
    checkpoints, and stops with a KeyError at any other name, ``*args`` and ``**kwargs`` included.
    """
    own = list(inspect.signature(found.__init__).parameters)[1:]
    if set(own) == set(expected):
        return
    wrong = [name for name in own if name not in expected] or [name for name in expected if name not in own]
    what = f"{found.__name__}.__init__ has the parameters {', '.join(own)}, expected {', '.join(expected)}"
    hint = f"nnU-Net passes exactly these: remove or add {', '.join(wrong)}, and set anything else as an attribute"
    raise Fault("SC161", what, hint)


def refuse_unknown_planner(name: str) -> None:
    """Refuse a planner that nnU-Net would not find.

    Raises
    ------
    Fault
        ``SC166``.
    """
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    folder = f"{nnunetv2.__path__[0]}/experiment_planning"
    if recursive_find_python_class(folder, name, current_module="nnunetv2.experiment_planning") is None:
        raise Fault("SC166", f"nnunetv2 has no planner {name!r}", "check the name of the planner")


def look_at_network(trainer: Any, plans: dict[str, Any], name: str) -> dict[str, Any]:
    """Build a trainer's network, small and as planned, and try what training and prediction do with it.

    Parameters
    ----------
    trainer
        Of the small plans.
    plans
        The user's plans.
    name
        Configuration.

    Returns
    -------
    facts
        See `sizes_of`, for the network as planned; ``small`` has those of the small one.

    Raises
    ------
    Fault
        ``SC162`` … ``SC168``.
    """
    import torch

    _refuse_missing_classes(plans, name)
    trainer.initialize()
    manager = trainer.configuration_manager
    image = torch.zeros((1, trainer.num_input_channels, *manager.patch_size))
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    trainer.network.train()
    with torch.no_grad():
        _refuse_output(trainer, trainer.network(image), image.shape[2:])
    _refuse_unpicklable(trainer.network)
    _refuse_prediction(trainer, image)
    return {**sizes_of(trainer, plans, name), "small": sizes_of(trainer, trainer.plans_manager.plans, name)}


def _refuse_missing_classes(plans: dict[str, Any], name: str) -> None:
    """Refuse names of classes in plans that Python does not find."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans).get_configuration(name)
    arguments = manager.network_arch_init_kwargs
    wanted = [manager.network_arch_class_name]
    wanted += [arguments[key] for key in manager.network_arch_init_kwargs_req_import if arguments.get(key)]
    for path in wanted:
        try:
            found = pydoc.locate(path)
        except pydoc.ErrorDuringImport as error:
            if isinstance(error.value, ModuleNotFoundError):
                raise error.value from None
            raise Fault("SC166", f"{path}, which plans name, cannot be imported: {error.value}") from None
        if found is None:
            package = path.split(".")[0]
            hint = f"pip install the package that has {package}, or correct the plans"
            raise Fault("SC166", f"plans name {path} for {name}, which is not installed", hint)


def _refuse_output(trainer: Any, output: Any, patch: Sequence[int]) -> None:
    """Refuse an output that does not fit the loss."""
    scales = trainer._get_deep_supervision_scales()
    parts = output if isinstance(output, (list, tuple)) else [output]
    if trainer.enable_deep_supervision and not isinstance(output, (list, tuple)):
        hint = "let the network return a list, the full resolution first, or set self.enable_deep_supervision = False"
        raise Fault("SC163", "the network returns one tensor, and the loss expects one for each resolution", hint)
    if not trainer.enable_deep_supervision and isinstance(output, (list, tuple)):
        hint = "let the network return a tensor if deep supervision is off, or set self.enable_deep_supervision = True"
        raise Fault("SC163", f"the network returns {len(parts)} tensors although deep supervision is off", hint)
    if scales is not None:
        found = [list(part.shape[2:]) for part in parts]
        wanted = [[round(edge * part) for edge, part in zip(patch, scale, strict=True)] for scale in scales]
        if found != wanted:
            what = f"the network returns sizes {_in_words(found)} for a patch of {_times(patch)}, and the labels are "
            hint = "return one tensor for each stage but the last, the full resolution first"
            raise Fault("SC163", what + _in_words(wanted), hint)
    heads, wanted_heads = parts[0].shape[1], trainer.label_manager.num_segmentation_heads
    if heads != wanted_heads:
        raise Fault(
            "SC168",
            f"the network returns {heads} channels, and the labels need {wanted_heads}",
            "pass num_output_channels on to the network",
        )


def _refuse_unpicklable(network: Any) -> None:
    """Refuse a network that cannot be handed to another process, or whose weights cannot be stored."""
    for what, value in (("its weights", network.state_dict()), ("it", network)):
        try:
            pickle.dumps(value)
        except Exception as error:
            raise Fault(
                "SC162",
                f"{type(network).__name__} cannot be pickled: {what} cannot be handed to another process ({error})",
                "move lambdas and functions or classes that are defined inside others to the top of their module",
            ) from error


def _refuse_prediction(trainer: Any, image: Any) -> None:
    """Refuse a network that validation or prediction cannot use, which both need one output."""
    import torch

    hint = "override set_deep_supervision_enabled of the trainer, so that it switches this network"
    try:
        trainer.set_deep_supervision_enabled(False)
    except AttributeError as error:
        raise Fault("SC163", f"deep supervision cannot be switched off for the validation: {error}", hint) from None
    with torch.no_grad():
        output = trainer.network.eval()(image)
    if not isinstance(output, torch.Tensor):
        raise Fault("SC163", "the network returns a list in the validation, which needs one tensor", hint)
    trainer.set_deep_supervision_enabled(trainer.enable_deep_supervision)
    predicting = built(trainer, trainer.plans_manager, trainer.configuration_name, deep_supervision=False)
    with torch.no_grad():
        output = predicting.eval()(image)
    hint = "build_network_architecture has a parameter for it: pass it on"
    if not isinstance(output, torch.Tensor):
        raise Fault("SC163", "the network returns a list when it is built for prediction", hint)
    own, other = set(trainer.network.state_dict()), set(predicting.state_dict())
    if own != other:
        odd = sorted(own ^ other)[0]
        raise Fault("SC163", f"the network has other weights when it is built for prediction, such as {odd}", hint)


def built(trainer: Any, plans: Any, name: str, *, deep_supervision: bool) -> Any:
    """Return a network as nnU-Net's trainer and predictor build it.

    Parameters
    ----------
    plans
        A plans manager.
    """
    manager = plans.get_configuration(name)
    build, channels = trainer.build_network_architecture, trainer.num_input_channels
    heads = trainer.label_manager.num_segmentation_heads
    if "plans_manager" in inspect.signature(build).parameters:
        return build(plans, manager, channels, heads, deep_supervision)
    # The signature of nnunetv2 before 2.7, which it still accepts.
    return build(
        manager.network_arch_class_name,
        manager.network_arch_init_kwargs,
        manager.network_arch_init_kwargs_req_import,
        channels,
        heads,
        deep_supervision,
    )


def _in_words(sizes: Sequence[Sequence[int]]) -> str:
    return ", ".join(map(_times, sizes))


def _times(size: Sequence[int]) -> str:
    return "x".join(map(str, size))
