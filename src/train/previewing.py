"""Apply a trainer's transforms to a real patch.

Runs in its own process, like all of nnU-Net, and builds the trainer as nnU-Net does: rotation, mirroring,
sizes and transforms come from the object itself. Only this module imports nnunetv2 and torch.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..work import begun, fsops


def main() -> None:
    """Transform a patch as specified in the file of the first argument; write an npz file to the second."""
    request, output = (Path(argument).absolute() for argument in sys.argv[1:])
    os.chdir(request.parent)  # nnU-Net imports matplotlib, which reads settings in the current folder
    asked = json.loads(request.read_bytes())
    trainer = _trainer(asked)
    log = Path(trainer.log_file)  # the only file that it writes, named by the second
    begun.declare(request.parent, [os.path.relpath(log, request.parent)])
    manager = trainer.configuration_manager
    rotation, slice_by_slice, initial_patch, mirror_axes = (
        trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    )
    labels = trainer.label_manager
    transforms = trainer.get_training_transforms(
        manager.patch_size,
        rotation,
        trainer._get_deep_supervision_scales(),
        mirror_axes,
        slice_by_slice,
        use_mask_for_norm=manager.use_mask_for_norm,
        is_cascaded=trainer.is_cascaded,
        foreground_labels=labels.foreground_labels,
        regions=labels.foreground_regions if labels.has_regions else None,
        ignore_label=labels.ignore_label,
    )
    _seed(asked["seed"])
    image, label = _patch(trainer, asked["folder"], asked["case"], initial_patch)
    images, made = [], []
    for number in range(asked["samples"]):
        _seed(asked["seed"] + 1 + number)
        done = transforms(image=image.clone(), segmentation=label.clone())
        target = done["segmentation"]
        images.append(done["image"].numpy())
        # With deep supervision the target is a list, the full resolution first.
        made.append(_decoded((target[0] if isinstance(target, list) else target).numpy(), labels))
    inner = (
        slice(None),
        *(_centre(whole, part) for whole, part in zip(image.shape[1:], manager.patch_size, strict=True)),
    )
    facts = {
        "patch_size": _plain(manager.patch_size),
        "initial_patch_size": _plain(initial_patch),
        "spacing_mm": _plain(manager.spacing),
        "rotation_deg": _plain(np.rad2deg(rotation)),
        "mirror_axes": _plain(mirror_axes) or [],
        "slice_by_slice": bool(slice_by_slice),
        "transforms": [_described(step) for step in _steps(transforms)],
    }
    buffer = io.BytesIO()
    np.savez(
        buffer,
        facts=np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8),
        image=image.numpy()[inner],
        label=np.maximum(label.numpy()[inner][0], 0),
        images=np.stack(images),
        labels=np.stack(made),
    )
    fsops.write_new(output, buffer.getbuffer())


def _trainer(asked: dict[str, Any]) -> Any:
    import torch
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    torch.set_num_threads(1)
    plans = json.loads(Path(asked["plans"]).read_bytes())
    plans["continue_training"] = False  # set by nnU-Net's own run_training
    description = json.loads(Path(asked["description"]).read_bytes())
    return recursive_find_trainer_class_by_name(asked["trainer"])(
        plans=plans,
        configuration=asked["configuration"],
        fold=0,
        dataset_json=description,
        device=torch.device("cpu"),
    )


def _patch(trainer: Any, folder: str, case: str, initial_patch: Sequence[int]) -> tuple[Any, Any]:
    """Return image ``(c, …)`` and label ``(1, …)`` of a patch around foreground, as nnU-Net's loader cuts it."""
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
    from nnunetv2.training.dataloading.nnunet_dataset import infer_dataset_class

    loader = nnUNetDataLoader(
        infer_dataset_class(folder)(folder, [case]),
        1,
        initial_patch,
        trainer.configuration_manager.patch_size,
        trainer.label_manager,
        oversample_foreground_percent=1.0,
    )
    batch = loader.generate_train_batch()
    return batch["data"][0], batch["target"][0]


def _decoded(target: NDArray[Any], labels: Any) -> NDArray[np.int16]:
    """Return label values, even of a target with one channel per region and one for ignore."""
    if not labels.has_regions:
        plain: NDArray[np.int16] = np.maximum(target[0], 0).astype(np.int16)
        return plain
    values = [*labels.regions_class_order, *([labels.ignore_label] if labels.ignore_label is not None else [])]
    label = np.zeros(target.shape[1:], dtype=np.int16)
    for channel, value in zip(target, values, strict=True):
        label[channel > 0] = value
    return label


def _centre(whole: int, part: int) -> slice:
    """Return the place of a patch in the larger one that it is cut from after the rotation."""
    first = (int(whole) - int(part)) // 2
    return slice(first, first + int(part))


def _steps(transforms: Any) -> Iterator[Any]:
    yield from getattr(transforms, "transforms", [transforms])


def _described(step: Any) -> dict[str, Any]:
    """Return the name, probability and plain settings of a transform."""
    probability = getattr(step, "apply_probability", None)
    inner = getattr(step, "transform", step)
    if hasattr(inner, "list_of_transforms"):
        choices = [_described(choice) for choice in inner.list_of_transforms]
        return {"name": "one of", "probability": probability, "choices": choices}
    settings = {key: shown for key, value in vars(inner).items() if (shown := _plain(value)) is not None}
    return {"name": type(inner).__name__, "probability": probability, **settings}


def _plain(value: Any) -> Any:
    """Return a number, text, or list of these for JSON; None for anything else."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        parts = [_plain(part) for part in value]
        return None if any(part is None for part in parts) else parts
    return None


def _seed(seed: int) -> None:
    """Seed all random generators of the transforms."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
