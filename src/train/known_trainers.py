"""Find trainers by name, as nnU-Net does when segconv starts it: its own, segconv's, those of packages and of folders.

All are read from source; nothing is imported. nnU-Net looks for a name in this order, and takes the first.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import Cure, SegconvError
from .offered_trainers import offered_trainers, refuse_unusable
from .paths import Paths
from .source_classes import SourceClass, classes_below, folder_in_nnunet, modules_below
from .trainer_list import FOLDER, NNUNET, ROOT, Trainer, described, read_trainers
from .trainers import TRAINERS, named

OURS = "segconv"
"""Home of the trainers of segconv."""


def list_trainers(folders: Sequence[Path] = ()) -> list[Trainer]:
    """Return all trainers that can be named, in nnU-Net's order of homes, and by name in each.

    Parameters
    ----------
    folders
        Folders of trainers outside any package.

    Raises
    ------
    SegconvError
        ``SC041`` if nnunetv2 is not installed; ``SC170`` for a module of a folder that is not Python.
    """
    nnunet = folder_in_nnunet(FOLDER)
    ours = classes_below(Path(__file__).with_name("trainers"))
    found = read_trainers(nnunet)
    known = {**ours, **classes_below(nnunet)}
    found += [trainer for trainer in described(ours, known, OURS) if trainer.name in TRAINERS]
    found += offered_trainers(known)
    for folder in folders:
        classes = _classes_in(folder)
        found += described(classes, known, str(folder))
        known = {**classes, **known}
    return found


def refuse_unknown_trainers(names: Iterable[str], paths: Paths) -> None:
    """Refuse names of trainers before anything else is looked at; raises what `find_trainer` raises."""
    known = list_trainers(paths.trainers)
    for name in dict.fromkeys(names):
        find_trainer(name, known, paths.trainers)


def find_trainer(name: str, among: Sequence[Trainer], folders: Sequence[Path] = ()) -> Trainer:
    """Return a trainer by name.

    Parameters
    ----------
    among
        What `list_trainers` returned.
    folders
        The folders that it was given.

    Raises
    ------
    SegconvError
        ``SC001`` if there is none, with similar names; ``SC171`` if there are several; ``SC172`` if its package does
        not have it.
    """
    found = _named_so(name, among)
    if len(found) > 1 and name != ROOT:  # by which no one means a class of another package
        raise _in_several([trainer.home for trainer in found], name, folders)
    if found:
        if found[0].home != OURS:
            refuse_unusable(name)
        return found[0]
    for folder in folders:
        if any(_may_have(module, name) for module in modules_below(folder)):
            return Trainer(name, (), "", (), "", str(folder))
    raise SegconvError(
        f"no trainer {name!r}",
        hint=_hint(name, among),
        cures=[Cure.of("list_trainers", count=len(among)), Cure.of("name_trainers")],
    )


def _named_so(name: str, among: Sequence[Trainer]) -> list[Trainer]:
    """Return the trainers of a name, under this name if it has a length."""
    said = named(name)
    base = None if said is None else said.base
    return [
        replace(trainer, name=name)
        for trainer in among
        if trainer.name == name or (trainer.home == OURS and trainer.name == base)
    ]


def _hint(name: str, among: Sequence[Trainer]) -> str:
    """Return what a name may have been meant to be."""
    plural = re.sub(r"_1(epoch|iteration)(?=_|$)", r"_1\1s", name)  # nnU-Net's own has one epoch, in the singular
    for meant in (plural, plural.replace("nnUNetTrainer_", "nnUNetTrainerSegconv_", 1)):  # its recipe, of any length
        if named(meant) is not None:
            return f"did you mean {meant}?"
    base = max((base for base in TRAINERS if name.startswith(f"{base}_")), key=len, default="")
    if base:
        return f"a length is written {base}[_<n>epochs][_<n>iterations], in this order and from 1 on"
    near = difflib.get_close_matches(name, [trainer.name for trainer in among], n=3)
    return f"did you mean {' or '.join(near)}?" if near else ""


def _in_several(homes: Sequence[str], name: str, folders: Sequence[Path]) -> SegconvError:
    """Return the error for a trainer of which nnU-Net takes the first, which may not be the one that is meant."""
    packages = [home for home in homes if home not in (NNUNET, OURS, *map(str, folders))]
    return SegconvError(
        f"{name} is in {' and in '.join(homes)}, and nnU-Net would take the first",
        code="SC171",
        hint=", or ".join(["give yours a name of its own", *(f"pip uninstall {package}" for package in packages)]),
    )


def _classes_in(folder: Path) -> dict[str, SourceClass]:
    """Return the classes of a folder of the user, all of whose modules nnU-Net will import."""
    for file in modules_below(folder):
        try:
            ast.parse(file.read_bytes(), file.name)
        except (SyntaxError, ValueError) as error:
            what = f"is not Python ({error}), and nnU-Net imports every module of a folder of trainers"
            raise SegconvError(what, code="SC170", file=str(file)) from error
    return classes_below(folder)


def _may_have(file: Path, name: str) -> bool:
    """Return whether a module may have a class that it does not define as such: an import, or a value."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"):
            return True
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == name:
            return True
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in (name, "__getattr__"):
            return True
    return False
