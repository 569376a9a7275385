"""The training transforms of a trainer, tried on a preprocessed case: asked for here, done in a child process."""

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
from ..errors import SegconvError
from ..work import fsops
from ..work.staging import writing
from .child import environment, python, run_child
from .commands import Tell
from .paths import Paths
from .plans import DEFAULT_PLANS, configuration, plans_file, read_plans
from .preprocessed import case_files, copy_case
from .trainers import Trainer

CASE, REQUEST, TRANSFORMED = "case", "request.json", "transformed.npz"
"""In the work folder: the preprocessed case, what is asked for, and what comes of it."""

_QUIET = {"nnUNet_wandb_enabled": "0"}
"""A preview is no training, and is not logged as one."""


@dataclass(frozen=True)
class Transformed:
    """A patch, and what a trainer made of it.

    Parameters
    ----------
    case
        That it is of.
    image, label
        The patch before: ``(c, …)`` and ``(…)``, in the axis order and with the grey values that the
        network sees.
    images, labels
        A row a sample: ``(n, c, …)`` and ``(n, …)``.
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


def preprocessed_cases(paths: Paths, dataset: str, plans: str, name: str) -> list[str]:
    """Return the cases that are preprocessed for a configuration, sorted.

    Raises
    ------
    SegconvError
        ``SC010`` if there are none; what `read_plans` and `configuration` raise.
    """
    found = plans_file(paths.require("preprocessed"), dataset, plans)
    entry = configuration(read_plans(found), name)
    folder = found.parent / str(entry.get("data_identifier", ""))
    cases = sorted(path.stem for path in folder.glob("*.pkl"))
    if not cases:
        raise SegconvError(
            f"holds no case preprocessed for {name}",
            code="SC010",
            file=str(folder),
            hint=f"segconv plan {dataset} -c {name}",
        )
    return cases


def outputs(case: str) -> list[str]:
    """Return what `transform_case` may write into its work folder, but for the trainer's log, which it declares."""
    return [*(f"{CASE}/{name}" for name in case_files(case)), REQUEST, TRANSFORMED]


def transform_case(
    trainer: Trainer,
    case: str,
    paths: Paths,
    work: Path,
    *,
    dataset: str,
    configuration_name: str,
    plans: str = DEFAULT_PLANS,
    samples: int = 8,
    seed: int = 0,
    tell: Tell | None = None,
) -> Transformed:
    """Cut a patch around foreground out of a preprocessed case and give it to a trainer's transforms.

    Parameters
    ----------
    trainer
        Which; see `segconv.train.trainers`.
    case
        A preprocessed one.
    work
        Folder for what the child reads and writes, made with `scratch` for `outputs`; the trainer takes it for
        ``nnUNet_results``.
    dataset
        Name of the folder.
    samples
        How often the same patch is transformed.
    seed
        Of the place of the patch and of the transforms.

    Raises
    ------
    SegconvError
        ``SC001`` for a configuration of a cascade; what `read_plans`, `copy_case` and `run_child` raise.
    """
    found = plans_file(paths.require("preprocessed"), dataset, plans)
    entry = configuration(read_plans(found), configuration_name)
    if entry.get("previous_stage"):
        raise SegconvError(
            f"{configuration_name} is the second stage of a cascade, which trains on predictions of the first",
            hint="preview the first stage, or 3d_fullres: the transforms of the image are the same",
        )
    folder = found.parent / str(entry.get("data_identifier", ""))
    copy_case(folder, case, work / CASE, hint=f"segconv plan {dataset} -c {configuration_name} makes it anew")
    DatasetDescription.read(found.parent / DESCRIPTION)  # which the trainer takes without a look
    request, output = work / REQUEST, work / TRANSFORMED
    asked = {
        "trainer": trainer.name,
        "module": trainer.module.removesuffix(".py").replace("/", "."),
        "plans": str(found),
        "description": str(found.parent / "dataset.json"),
        "configuration": configuration_name,
        "case": case,
        "folder": str((work / CASE).absolute()),
        "samples": samples,
        "seed": seed,
    }
    with writing(request):
        fsops.mkdir(work)
        fsops.write_new(request, dumps(asked))
    # The trainer makes its folder as soon as it exists, which must not be among the models.
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
