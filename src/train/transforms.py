"""Apply the training transforms of a trainer to a preprocessed case in a child process."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION
from ..dataset.strictjson import dumps
from ..errors import Cure, SegconvError
from ..work import fsops
from ..work.writing import writing
from .child import environment, python, run_child
from .commands import Tell
from .model import Model
from .paths import Paths
from .plans import planned
from .preprocessed import case_files, copy_case
from .trainer_list import Trainer

CASE, REQUEST, TRANSFORMED = "case", "request.json", "transformed.npz"
"""In the work folder: the preprocessed case, the request, and the result."""

_QUIET = {"nnUNet_wandb_enabled": "0"}
"""A preview is not a training, and is not logged as one."""


@dataclass(frozen=True)
class Transformed:
    """A patch before and after a trainer's transforms.

    Parameters
    ----------
    case
        The case that it was cut from.
    image, label
        The patch before its transforms: ``(c, …)`` and ``(…)``, in the axis order and with the grey values that the
        network sees.
    images, labels
        One row per sample: ``(n, c, …)`` and ``(n, …)``.
    facts
        ``patch_size``, ``initial_patch_size``, ``spacing_mm`` (all in the order of the axes),
        ``rotation_deg``, ``mirror_axes``, ``slice_by_slice``, and ``transforms`` in their order, each
        with ``name``, ``probability`` (None for always) and its settings.
    """

    case: str
    image: NDArray[Any]
    label: NDArray[Any]
    images: NDArray[Any]
    labels: NDArray[Any]
    facts: dict[str, Any]


def preprocessed_cases(model: Model, paths: Paths) -> list[str]:
    """Return the cases that are preprocessed for a model's configuration, sorted.

    Raises
    ------
    SegconvError
        ``SC010`` if there are none; what `planned` raises.
    """
    folder = planned(model, paths).data
    cases = sorted(path.stem for path in folder.glob("*.pkl"))
    if not cases:
        raise SegconvError(
            f"holds no case preprocessed for {model.configuration}",
            code="SC010",
            file=str(folder),
            cures=[Cure.of("preprocess", dataset=model.dataset, configuration=model.configuration)],
        )
    return cases


def outputs(case: str) -> list[str]:
    """Return the files that `transform_case` may write into its work folder, except the trainer's log."""
    return [*(f"{CASE}/{name}" for name in case_files(case)), REQUEST, TRANSFORMED]


def transform_case(
    model: Model,
    trainer: Trainer,
    case: str,
    paths: Paths,
    work: Path,
    *,
    samples: int = 8,
    seed: int = 0,
    tell: Tell | None = None,
) -> Transformed:
    """Cut a patch around foreground out of a preprocessed case and give it to a trainer's transforms.

    Parameters
    ----------
    model
        Model with the dataset, plans and configuration to build the trainer for.
    trainer
        The trainer; see `segconv.train.trainer_list`.
    case
        A preprocessed case.
    work
        Folder for the child's files, made with `scratch` for `outputs`; the trainer uses it as
        ``nnUNet_results``.
    samples
        Number of times that the same patch is transformed.
    seed
        Seed of the patch position and of the transforms.

    Raises
    ------
    SegconvError
        ``SC001`` for a configuration of a cascade; what `planned`, `copy_case` and `run_child` raise.
    """
    found = planned(model, paths)
    if found.previous_stage:
        raise SegconvError(
            f"{model.configuration} is the second stage of a cascade, which trains on predictions of the first",
            hint="preview the first stage, or 3d_fullres: the transforms of the image are the same",
        )
    again = Cure.of("preprocess_again", **model.words)
    copy_case(found.data, case, work / CASE, cures=[again])
    description = found.file.parent / DESCRIPTION
    DatasetDescription.read(description)  # the trainer accepts it unchecked
    request, output = work / REQUEST, work / TRANSFORMED
    asked = {
        "trainer": trainer.name,
        "plans": str(found.file),
        "description": str(description),
        "configuration": model.configuration,
        "case": case,
        "folder": str((work / CASE).absolute()),
        "samples": samples,
        "seed": seed,
    }
    with writing(request):
        fsops.mkdir(work)
        fsops.write_new(request, dumps(asked))
    # The trainer creates its folder at once, which must not be among the models.
    env = environment(dataclasses.replace(paths, results=work))
    run_child(
        [*python("from segconv.train.previewing import main; main()"), str(request), str(output)],
        {**env, **_QUIET},
        shown=f"the transforms of {trainer.name}",
        tell=tell,
    )
    with np.load(io.BytesIO(output.read_bytes()), allow_pickle=False) as made:
        facts = json.loads(made["facts"].tobytes())
        return Transformed(case, made["image"], made["label"], made["images"], made["labels"], facts)
