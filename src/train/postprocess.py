"""Read nnU-Net's postprocessing as data, and apply it with nnU-Net's own functions in a child process.

nnU-Net keeps it twice: as a pickle, which runs code when it is loaded and is never read here, and as
``postprocessing.json``, which names the functions and their arguments.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..dataset.strictjson import load_object, read_file
from ..errors import Cure, SegconvError, naming
from ..typed import Misfit, count, either, entries, many, text
from .child import environment, python, run_child
from .commands import Tell
from .paths import Paths

FILE = "postprocessing.json"

FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {"remove_all_but_largest_component_from_segmentation": "nnunetv2.postprocessing.remove_connected_components"}
)
"""The functions that a postprocessing may name, and nnU-Net's module that has them."""

_CALL = (
    "import importlib, json, sys; asked = json.loads(sys.argv[1]); "
    "from nnunetv2.postprocessing.remove_connected_components import apply_postprocessing_to_folder; "
    "functions = [getattr(importlib.import_module(home), name) for home, name in asked.pop('functions')]; "
    "apply_postprocessing_to_folder(pp_fns=functions, **asked)"
)

_label = either(count, many(count, least=1))
_known_arguments = entries({"labels_or_regions": either(count, many(_label, least=1))}, {"background_label": count})


def _arguments(value: Any) -> dict[str, Any]:
    found = _known_arguments(value)
    if other := sorted(set(found) - {"labels_or_regions", "background_label"}):
        raise Misfit(f"has {other[0]!r}, which the function does not take")
    return found


_said = entries({"postprocessing_fns": many(text), "postprocessing_kwargs": many(_arguments)})


@dataclass(frozen=True)
class Step:
    """One function of a postprocessing.

    Parameters
    ----------
    function
        A key of `FUNCTIONS`.
    arguments
        Its arguments. JSON has no tuples, so a region ``(1, 2)`` is a list, as are several labels; nnU-Net
        takes both for the union of their labels.
    """

    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Postprocessing:
    """What is done to each prediction.

    Parameters
    ----------
    steps
        The functions, in their order.
    folder
        Folder of the plans.json and dataset.json that belong to it: predictions of an ensemble have no plans.
    """

    steps: tuple[Step, ...]
    folder: Path


def read_postprocessing(folder: Path, plans: Path) -> Postprocessing:
    """Return the postprocessing that nnU-Net found best for the predictions in a folder.

    Parameters
    ----------
    folder
        ``crossval_results_folds_0_1_2_3_4`` of a model, or the folder of an ensemble.
    plans
        Folder of a model that made them.

    Raises
    ------
    SegconvError
        ``SC010`` if it does not exist; ``SC086`` if it cannot be used; ``SC121`` if it names other functions than
        `FUNCTIONS`.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        raise SegconvError(
            "does not exist: the best postprocessing has not been determined",
            code="SC010",
            file=str(path),
            cures=[Cure.of("find_best")],
        )
    with naming(str(path)):
        try:
            said = _said(load_object(read_file(path)))
        except Misfit as misfit:
            raise SegconvError(f"is not a postprocessing of nnU-Net: {misfit}", code="SC086") from None
        names, arguments = said["postprocessing_fns"], said["postprocessing_kwargs"]
        if len(names) != len(arguments):
            raise SegconvError(f"names {len(names)} functions and {len(arguments)} sets of arguments", code="SC086")
        for name in names:
            if name not in FUNCTIONS:
                raise SegconvError(
                    f"names the function {name!r}, which is not one of nnU-Net's: {', '.join(FUNCTIONS)}", code="SC121"
                )
    return Postprocessing(tuple(map(Step, names, arguments)), plans)


def apply_postprocessing(
    found: Postprocessing,
    inputs: Path,
    output: Path,
    paths: Paths,
    *,
    log: Path | None,
    jobs: int = 1,
    tell: Tell | None = None,
) -> None:
    """Postprocess a folder of predictions into another; errors are those of `run_child`.

    nnU-Net's own command for it loads the pickle, so its function is called instead.
    """
    asked = {
        "functions": [(FUNCTIONS[step.function], step.function) for step in found.steps],
        "pp_fn_kwargs": [dict(step.arguments) for step in found.steps],
        "input_folder": str(inputs),
        "output_folder": str(output),
        "plans_file_or_dict": _object(found.folder / "plans.json"),
        "dataset_json_file_or_dict": _object(found.folder / "dataset.json"),
        "num_processes": jobs,
    }
    shown = f"postprocessing of {inputs} into {output}: {', '.join(_words(found.steps)) or 'none'}"
    run_child([*python(_CALL), json.dumps(asked)], environment(paths), shown=shown, log=log, tell=tell)


def _object(path: Path) -> dict[str, Any]:
    with naming(str(path)):
        return load_object(read_file(path))


def _words(steps: Sequence[Step]) -> list[str]:
    return [f"{step.function} {dict(step.arguments)}" for step in steps]
