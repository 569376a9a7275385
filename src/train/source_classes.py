"""Find classes of the installed nnunetv2 in its source, without importing any of it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import SegconvError


def folder_in_nnunet(below: str) -> Path:
    """Return a folder of the installed nnunetv2.

    Raises
    ------
    SegconvError
        ``SC041`` if nnunetv2 is not installed.
    """
    spec = importlib.util.find_spec("nnunetv2")
    if spec is None or not spec.submodule_search_locations:
        raise SegconvError(
            "nnunetv2 is not installed", code="SC041", hint="pip install 'segconv[train]' brings nnunetv2 and PyTorch"
        )
    return Path(next(iter(spec.submodule_search_locations))) / below


@dataclass(frozen=True)
class SourceClass:
    """A class as it is written.

    Parameters
    ----------
    node
        Its definition.
    module
        Path of its file below the folder that was searched.
    """

    node: ast.ClassDef
    module: str

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """Names of its direct bases."""
        return tuple(ast.unparse(base).rsplit(".", 1)[-1] for base in self.node.bases)


def classes_below(folder: Path) -> dict[str, SourceClass]:
    """Return the classes that the modules of a folder define, by name.

    Among classes of one name, the first that nnU-Net finds counts: modules before packages.
    """
    found: dict[str, SourceClass] = {}
    for path in modules_below(folder):
        for name, each in classes_of(path, str(path.relative_to(folder))).items():
            found.setdefault(name, each)
    return found


def classes_of(path: Path, module: str) -> dict[str, SourceClass]:
    """Return the classes that a file defines at its top, by name; a name has its last definition."""
    nodes = (node for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.ClassDef))
    return {node.name: SourceClass(node, module) for node in nodes}


def descending_from(root: str, classes: Mapping[str, SourceClass]) -> Iterator[str]:
    """Yield the names of a class and of all that descend from it."""
    return (name for name in classes if root in ancestry(name, classes))


def ancestry(name: str, classes: Mapping[str, SourceClass]) -> list[str]:
    """Return the name of a class and of the known ones that it descends from, nearest first."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        name = waiting.pop(0)
        if name in classes and name not in found:
            found.append(name)
            waiting += classes[name].bases
    return found


def modules_below(folder: Path) -> Iterator[Path]:
    """Yield the modules of a folder in nnU-Net's search order."""
    yield from sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    for package in sorted(path for path in folder.iterdir() if (path / "__init__.py").is_file()):
        yield from modules_below(package)
