"""Read the trainers that installed packages offer as entry points, without importing any package."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ..errors import SegconvError
from .source_classes import SourceClass, classes_of
from .trainer_list import Trainer, described
from .trainers.of_packages import GROUP, offered


def offered_trainers(known: Mapping[str, SourceClass]) -> list[Trainer]:
    """Return the trainers of installed packages, by name; one whose source is not found has no changes.

    Parameters
    ----------
    known
        Classes that may be their bases.
    """
    return [_read(point, known) for _, point in sorted(offered().items())]


def _read(point: EntryPoint, known: Mapping[str, SourceClass]) -> Trainer:
    home = point.dist.name if point.dist is not None else point.module
    file = _file_of(point.module)
    classes = classes_of(file, point.module) if file is not None and file.suffix == ".py" else {}
    found = (each for each in described(classes, known, home) if each.name == point.attr)
    return next(found, Trainer(point.name, (), point.module, (), "", home))


def refuse_unusable(name: str) -> None:
    """Refuse the trainer of a package that nnU-Net would not find, or not find again, or that two packages offer.

    Raises
    ------
    SegconvError
        ``SC171``, ``SC172``.
    """
    point = offered().get(name)
    if point is None:
        return
    homes = sorted({each.dist.name for each in entry_points(group=GROUP, name=name) if each.dist is not None})
    if len(homes) > 1:
        hint = " or ".join(f"pip uninstall {home}" for home in homes)
        raise SegconvError(f"{name} is in {' and in '.join(homes)}, of which one counts", code="SC171", hint=hint)
    if point.attr != name:  # a checkpoint keeps the name of the class, by which prediction looks for it
        what = f"offers the trainer {name} as {point.value}: its class must have the same name"
    elif _file_of(point.module) is None:
        what = f"offers the trainer {name} as {point.value}, and has no such module"
    else:
        return
    raise SegconvError(what, code="SC172", file=point.dist.name if point.dist is not None else point.module)


def _file_of(module: str) -> Path | None:
    """Return the file of a module without importing it or a package that it is in; None if there is none."""
    top, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not parts:
        return Path(spec.origin) if spec.origin else None
    places = [Path(folder, *parts) for folder in spec.submodule_search_locations or ()]
    files = [file for place in places for file in (place / "__init__.py", *place.parent.glob(f"{place.name}.*"))]
    return next((file for file in files if file.is_file()), None)
