"""Examine a trainer and its network before a training depends on them; runs in the process of `program`."""

from __future__ import annotations

import inspect
import io
import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

from ..built_networks import built as as_nnunet_does
from ..network_outputs import Expected
from ..own_classes import located
from ..planner_list import ROOT as USUAL_PLANNER
from .sizes import sizes_of, wrong
from .small import NNUNETS_NETWORKS

SWITCH = "override set_deep_supervision_enabled of the trainer, so that it suits its network"
"""What to do about a network that nnU-Net cannot switch: it sets ``network.decoder.deep_supervision``."""


def trainer_class(name: str) -> Any:
    """Return a trainer class, found as nnU-Net finds it, whose parameters are those that nnU-Net passes.

    Raises
    ------
    SegconvError
        ``SC166`` if it does not exist, ``SC161`` if its ``__init__`` does not fit.
    """
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        found = recursive_find_trainer_class_by_name(name)
    except RuntimeError:  # whose message names all places
        raise wrong("SC166", f"no trainer {name!r} in nnunetv2, nor in a folder of trainers that was named") from None
    except AssertionError:
        raise wrong("SC161", f"{name} does not inherit from nnUNetTrainer", "derive it from nnUNetTrainer") from None
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
    surplus, lacking = [[name for name in a if name not in b] for a, b in ((own, expected), (expected, own))]
    what = f"{found.__name__}.__init__ has the parameters {', '.join(own)}, expected {', '.join(expected)}"
    steps = [f"{verb} {', '.join(names)}" for verb, names in (("remove", surplus), ("add", lacking)) if names]
    raise wrong("SC161", what, f"{' and '.join(steps)}; anything else can be an attribute that is set afterwards")


def planner_to_use(name: str, *, wanted: bool) -> str:
    """Return the name of a planner that nnU-Net finds.

    Parameters
    ----------
    name
        A planner.
    wanted
        Whether the user named it. Otherwise it is the one that made the plans, perhaps elsewhere, and nnU-Net's usual
        planner takes its place if it is unknown here.

    Raises
    ------
    SegconvError
        ``SC166`` for a planner that the user named and that does not exist.
    """
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

    folder = f"{nnunetv2.__path__[0]}/experiment_planning"
    if recursive_find_python_class(folder, name, current_module="nnunetv2.experiment_planning") is not None:
        return name
    if wanted:
        raise wrong("SC166", f"nnunetv2 has no planner {name!r}", "check the name of the planner")
    return USUAL_PLANNER


def look_at_network(trainer: Any, plans: dict[str, Any], name: str) -> dict[str, Any]:
    """Build a trainer's network, small and as planned, and try what training and prediction do with it.

    Parameters
    ----------
    trainer
        Of the small plans, initialized.
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
    SegconvError
        ``SC162``, ``SC163``, ``SC164``, ``SC168``, ``SC186``.
    """
    import torch

    manager = trainer.configuration_manager
    image = torch.zeros((1, trainer.num_input_channels, *manager.patch_size))
    expected = _expected(trainer)
    _switch(trainer, on=trainer.enable_deep_supervision)
    trainer.network.train()
    with torch.no_grad():
        expected.refuse_in_training(trainer.network(image))
    _refuse_unpicklable(trainer.network)
    _refuse_prediction(trainer, image, expected)
    return {**sizes_of(trainer, plans, name), "small": sizes_of(trainer, trainer.plans_manager.plans, name)}


def _switch(trainer: Any, *, on: bool) -> None:
    """Switch deep supervision as nnU-Net does before training and validation."""
    try:
        trainer.set_deep_supervision_enabled(on)
    except AttributeError as error:
        raise wrong("SC163", f"deep supervision cannot be switched {'on' if on else 'off'}: {error}", SWITCH) from None


def refuse_missing_classes(plans: dict[str, Any], name: str) -> None:
    """Refuse names of classes in the plans of a configuration that Python does not find.

    Raises
    ------
    SegconvError
        ``SC166``.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans).get_configuration(name)
    arguments = manager.network_arch_init_kwargs
    wanted = [manager.network_arch_class_name]
    wanted += [arguments[key] for key in manager.network_arch_init_kwargs_req_import if arguments.get(key)]
    for path in wanted:
        located(path)


def _expected(trainer: Any) -> Expected:
    """Return what a trainer and its plans expect of its network."""
    patch = [int(edge) for edge in trainer.configuration_manager.patch_size]
    scales = trainer._get_deep_supervision_scales()
    reduced = scales and [[round(edge * part) for edge, part in zip(patch, scale, strict=True)] for scale in scales]
    heads = trainer.label_manager.num_segmentation_heads
    return Expected("the network", heads, patch, reduced, "set self.enable_deep_supervision = False")


def _refuse_unpicklable(network: Any) -> None:
    """Refuse a network that cannot be handed to another process, or whose weights cannot be stored."""
    for what, value in (("its weights", network.state_dict()), ("it", network)):
        try:
            with _own_modules(network):
                _Pickler(io.BytesIO()).dump(value)
        except Exception as error:
            raise wrong(
                "SC162",
                f"{type(network).__name__} cannot be pickled: {what} cannot be handed to another process ({error})",
                "move lambdas and functions or classes that are defined inside others to the top of their module",
            ) from error


class _Pickler(pickle.Pickler):
    """A pickler that passes over functions of nnU-Net's own networks.

    Some of their blocks keep a lambda (``BasicBlockD`` of dynamic_network_architectures 0.4), which does no harm as
    long as nnU-Net stores only their weights.
    """

    def reducer_override(self, found: Any) -> Any:
        """Replace such a function by its name."""
        if isinstance(found, FunctionType) and str(found.__module__).startswith((NNUNETS_NETWORKS, "torch.")):
            return str, (found.__qualname__,)
        return NotImplemented


@contextmanager
def _own_modules(network: Any) -> Iterator[None]:
    """Let Python find the modules of a network's classes, which nnU-Net forgets after it found a trainer outside."""
    classes = {kind for part in network.modules() for kind in type(part).__mro__ if kind.__module__ not in sys.modules}
    shown = {}
    for kind in classes:
        values = getattr(vars(kind).get("forward"), "__globals__", None)
        if values is not None:
            shown[kind.__module__] = ModuleType(kind.__module__)
            vars(shown[kind.__module__]).update(values)
    sys.modules.update(shown)
    try:
        yield
    finally:
        for name in shown:
            del sys.modules[name]


def _refuse_prediction(trainer: Any, image: Any, expected: Expected) -> None:
    """Refuse a network that validation or prediction cannot use, which both need one output."""
    import torch

    _switch(trainer, on=False)
    with torch.no_grad():
        expected.refuse_single(trainer.network.train(False)(image), "in the validation, which needs one tensor", SWITCH)
    _switch(trainer, on=trainer.enable_deep_supervision)
    predicting = _built_for_prediction(trainer)
    with torch.no_grad():
        hint = "build_network_architecture has a parameter for it: pass it on"
        expected.refuse_single(predicting.train(False)(image), "when it is built for prediction", hint)
    expected.refuse_weights(trainer.network.state_dict(), predicting.state_dict())


def _built_for_prediction(trainer: Any) -> Any:
    """Return the network as nnU-Net's predictor builds it: by the class of the trainer, and the last one by keyword."""
    build = type(trainer).build_network_architecture
    if "plans_manager" not in inspect.signature(build).parameters:
        return built(trainer, trainer.plans_manager, trainer.configuration_name, deep_supervision=False)
    try:
        return build(
            trainer.plans_manager,
            trainer.configuration_manager,
            trainer.num_input_channels,
            trainer.label_manager.num_segmentation_heads,
            enable_deep_supervision=False,
        )
    except TypeError as error:
        what = f"build_network_architecture does not take what prediction passes: {error}"
        raise wrong("SC161", what, "make it a static method with the parameters of nnUNetTrainer's") from error


def built(trainer: Any, plans: Any, name: str, *, deep_supervision: bool) -> Any:
    """Return a network as nnU-Net's trainer and predictor build it.

    Parameters
    ----------
    plans
        A plans manager.
    """
    ends = (trainer.num_input_channels, trainer.label_manager.num_segmentation_heads)
    return as_nnunet_does(trainer, plans, name, ends, deep_supervision=deep_supervision)
