"""Examine models from elsewhere: they may hold numbers and names of known networks, but no code.

nnU-Net imports and calls what plans name, and unpickles checkpoints. So both are examined here, without
running anything in them, before nnU-Net reads them.
"""

from __future__ import annotations

import importlib.util
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reading
from ..errors import Cure, Finding, Refused, SegconvError
from .former_umamba import refuse_former
from .remembered import is_remembered

PACKAGES = ("dynamic_network_architectures", "torch.nn", "segconv")
"""Where the classes that plans may name are defined."""

_FOUND_BY_NAME = ("image_reader_writer", "experiment_planner_used", "label_manager")
_FOUND_BY_NAME_IN_CONFIGURATION = (
    "preprocessor_name",
    "resampling_fn_data",
    "resampling_fn_seg",
    "resampling_fn_probabilities",
)
"""Entries that nnU-Net looks up among its own classes: by a name, not a path."""


@dataclass(frozen=True)
class Trust:
    """Which parts of a model from elsewhere are trusted, and so not refused.

    Parameters
    ----------
    trust_model
        Whether its files may hold more than numbers.
    allowed_modules
        Further modules whose classes plans may name, in addition to `PACKAGES`.
    """

    trust_model: bool = False
    allowed_modules: Collection[str] = ()

    def refuse_foreign_classes(self, plans: Mapping[str, Any], *, file: str = "") -> None:
        """Refuse plans that name foreign classes, unless segconv derived them here; see `foreign_classes`.

        Raises
        ------
        Refused
            ``SC064``, with every unknown name.
        """
        found = foreign_classes(plans, self.allowed_modules, file=file)
        if found and not is_remembered(plans):
            raise Refused(reasons=found)

    def check_checkpoint(self, path: Path) -> None:
        """Refuse a checkpoint that `refuse_more_than_tensors` refuses, unless the model is trusted."""
        if not self.trust_model:
            refuse_more_than_tensors(path)


NO_TRUST = Trust()


def foreign_classes(plans: Mapping[str, Any], allowed: Collection[str] = (), *, file: str = "") -> list[Finding]:
    """Return findings on all unknown names in plans; none of them is imported.

    Parameters
    ----------
    plans
        Content of plans.json.
    allowed
        Further modules that the user trusts, in addition to `PACKAGES`.
    file
        The plans file, for the message.
    """
    found = [
        Finding(
            "SC064",
            f"{where} names {name!r}, which is not a class of {', '.join(PACKAGES)}",
            file=file,
            hint="nnU-Net would import and call it",
            cures=(Cure.of("allow_module"),),
        )
        for where, name in _class_paths(plans)
        if not _is_known(name, allowed)
    ]
    found += [
        Finding("SC064", f"{where} is {name!r}, expected a name", file=file, hint="plan the dataset again")
        for where, name in _plain_names(plans)
        if name is not None and not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII))
    ]
    return found


def _configurations(plans: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = plans.get("configurations")
    for name, configuration in found.items() if isinstance(found, Mapping) else ():
        if isinstance(configuration, Mapping):
            yield str(name), configuration


def _class_paths(plans: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the place of each class name, and the name."""
    for name, configuration in _configurations(plans):
        architecture = configuration.get("architecture")
        if isinstance(architecture, Mapping):
            yield from _classes_of_network(name, architecture)
        elif architecture is not None:
            yield f"the architecture of {name}", architecture


def _classes_of_network(name: str, architecture: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "network_class_name" in architecture:
        yield f"the network of {name}", architecture["network_class_name"]
    arguments = architecture.get("arch_kwargs") or {}
    imported = architecture.get("_kw_requires_import") or ()
    if not isinstance(arguments, Mapping) or not isinstance(imported, (list, tuple)):
        yield f"the network of {name}", arguments
        return
    for key in imported:
        value = arguments.get(key) if isinstance(key, str) else key
        if value is not None:
            yield f"{key} of {name}", value


def _plain_names(plans: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in _FOUND_BY_NAME:
        yield key, plans.get(key)
    for name, configuration in _configurations(plans):
        for key in _FOUND_BY_NAME_IN_CONFIGURATION:
            yield f"{key} of {name}", configuration.get(key)


def _is_known(path: Any, allowed: Collection[str]) -> bool:
    if not isinstance(path, str) or not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", path, re.ASCII):
        return False
    if any(path.startswith(f"{module}.") for module in allowed):
        return True
    if not any(path.startswith(f"{package}.") for package in PACKAGES):
        return False
    # Attributes of a module include other modules besides its classes: all but the last part
    # must be modules in the package, and the last must be named like a class.
    *modules, name = path.split(".")
    return name[:1].isupper() and _is_module(modules)


def _is_module(parts: list[str]) -> bool:
    """Return whether a module is in the folder of its package, without importing any of it."""
    try:
        root = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return False
    if root is None or not root.submodule_search_locations:
        return False
    for folder in root.submodule_search_locations:
        place = Path(folder, *parts[1:])
        if (place / "__init__.py").is_file() or (len(parts) > 1 and place.with_suffix(".py").is_file()):
            return True
    return False


def refuse_more_than_tensors(path: Path) -> None:
    """Refuse a checkpoint that holds more than numbers, texts and tensors, or those of a former U-Mamba.

    Raises
    ------
    SegconvError
        ``SC181``; what `read_tensors` raises.
    """
    refuse_former(read_tensors(path), path)


def read_tensors(path: Path) -> Any:
    """Return the content of a checkpoint that holds only numbers, texts and tensors.

    PyTorch's own restricted reader reads it and builds nothing else; numpy scalars are allowed, because
    nnU-Net's log consists of them. Tensors stay in the file until their numbers are used.

    Raises
    ------
    SegconvError
        ``SC064`` if it holds more; ``SC041`` if PyTorch is not installed or too old to say.
    """
    try:
        import torch
    except ImportError as error:
        raise SegconvError("PyTorch is not installed", code="SC041", hint="pip install 'segconv[train]'") from error
    safe_globals = getattr(torch.serialization, "safe_globals", None)
    if safe_globals is None:
        raise SegconvError(
            f"PyTorch {torch.__version__} cannot examine a checkpoint, expected 2.5 or later",
            code="SC041",
            file=str(path),
            hint="install PyTorch 2.5 or later",
            cures=[Cure.of("trust_files")],
        )
    try:
        with safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError as error:
        raise reading.refusal(error, path) from error
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        global_name = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it names {global_name[1]}" if global_name else said[0]
        raise SegconvError(
            f"holds more than numbers and tensors, or is damaged: {what}",
            code="SC064",
            file=str(path),
            hint="a model is code",
            cures=[Cure.of("trust_files")],
        ) from error


_SCALARS_IN = ("numpy.core.multiarray", "numpy._core.multiarray")
"""Modules in which numpy 1 and numpy 2 have the function that builds a scalar; a checkpoint names that of its numpy."""


def _numpy_scalars() -> list[Any]:
    """Return the objects needed to unpickle a numpy scalar."""
    import numpy as np

    kinds = [np.dtype(name) for name in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")]
    build = np.float64(0).__reduce__()[0]
    return [*(_scalar_of(module, build) for module in _SCALARS_IN), np.dtype, *{type(kind) for kind in kinds}]


def _scalar_of(module: str, build: Any) -> Any:
    """Return the function under the name that it has in a module."""

    def scalar(*arguments: Any) -> Any:
        return build(*arguments)

    scalar.__module__, scalar.__qualname__ = module, scalar.__name__
    return scalar
