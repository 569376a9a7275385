"""Read trainer classes and their changes from source, without importing; see `segconv.train.known_trainers`.

A trainer differs from its base by its class body: the attributes that it sets and the methods that
it overrides. These are reported as written; their consequences are not worked out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import SegconvError
from .source_classes import SourceClass, classes_below, descending_from

ROOT = "nnUNetTrainer"
"""The class that all trainers descend from."""

FOLDER = "training/nnUNetTrainer"
"""Where nnunetv2 looks for trainers, inside its package."""

NNUNET = "nnunetv2"

MEANING = {
    "get_training_transforms": "training transforms",
    "get_validation_transforms": "validation transforms",
    "_build_loss": "loss",
    "build_network_architecture": "network",
    "configure_optimizers": "optimizer and learning rate",
    "_set_batch_size_and_oversample": "batch size and oversampling",
    "get_dataloaders": "data loading",
    "do_split": "folds",
    "perform_actual_validation": "final validation",
    "save_checkpoint": "checkpoints",
    "set_deep_supervision_enabled": "deep supervision",
    "train_step": "training step",
    "validation_step": "validation step",
    "run_training": "training loop",
}
"""What a method that trainers override decides."""

_PATCH = "configure_rotation_dummyDA_mirroring_and_inital_patch_size"
_BUILT = {"_build_loss": r"\w*[Ll]oss\w*", "configure_optimizers": r"[A-Z]\w+"}
"""Methods whose class names say what they build."""

_PATCH_CHANGES: tuple[tuple[str, Callable[[dict[str, set[str]]], bool]], ...] = (
    ("never augments volumes slice by slice", lambda values: values.get("do_dummy_2d_data_aug") == {"False"}),
    ("range of rotations", lambda values: "rotation_for_DA" in values),
    ("size of the patch that is cut out before it is rotated", lambda values: "initial_patch_size" in values),
)
"""What `_PATCH` may decide, and whether the expressions that it assigns do."""

_LONGEST = 60
"""How many characters of an expression are shown."""


@dataclass(frozen=True)
class Trainer:
    """A trainer class.

    Parameters
    ----------
    name
        Name, as passed to ``-tr``.
    bases
        Its direct base classes.
    module
        Path of its file below `FOLDER`.
    changes
        Changes of its class body, compared with its direct bases.
    summary
        First line of its docstring.
    home
        ``"nnunetv2"``, ``"segconv"``, the name of another distribution, or a folder.
    """

    name: str
    bases: tuple[str, ...]
    module: str
    changes: tuple[str, ...]
    summary: str = ""
    home: str = NNUNET


def read_trainers(folder: Path) -> list[Trainer]:
    """Return the trainers that the modules of a folder define, by name; `ROOT` first.

    Among classes of one name, the first that nnU-Net finds counts: modules before packages.
    """
    classes = classes_below(folder)
    if ROOT not in classes:
        raise SegconvError(
            f"defines no class {ROOT}",
            code="SC041",
            file=str(folder),
            hint="pip install 'segconv[train]' brings a version of nnunetv2 that segconv knows",
        )

    return described(classes, classes)


def described(
    classes: Mapping[str, SourceClass], known: Mapping[str, SourceClass], home: str = NNUNET
) -> list[Trainer]:
    """Return the trainers among classes, by name; `ROOT` first.

    Parameters
    ----------
    known
        All classes that may be their bases, `ROOT` among them.
    home
        Where they are defined.
    """
    root, all_classes = known[ROOT].node, {**known, **classes}
    found = [
        Trainer(
            name,
            classes[name].bases,
            classes[name].module,
            _changes(classes[name].node, root) if name != ROOT else (),
            _summary(classes[name].node),
            home,
        )
        for name in descending_from(ROOT, all_classes)
        if name in classes
    ]
    return sorted(found, key=lambda trainer: (trainer.name != ROOT, trainer.name.lower()))


def _summary(node: ast.ClassDef) -> str:
    text = " ".join((ast.get_docstring(node) or "").split())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def _changes(node: ast.ClassDef, root: ast.ClassDef) -> tuple[str, ...]:
    changes: list[str] = []
    for member in node.body:
        changes += _method(member, root) if isinstance(member, ast.FunctionDef) else _settings(member)
    return tuple(dict.fromkeys(changes))


def _settings(node: ast.stmt) -> list[str]:
    """Return ``initial_lr = 0.005`` for each entry of the dict ``settings`` that a trainer of segconv has."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not isinstance(node.value, ast.Dict):
        return []
    if [ast.unparse(target) for target in _targets(node)] != ["settings"]:
        return []
    pairs = zip(node.value.keys, node.value.values, strict=True)
    return [f"{key.value!s} = {ast.unparse(value)}" for key, value in pairs if isinstance(key, ast.Constant)]


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _method(node: ast.FunctionDef, root: ast.ClassDef) -> list[str]:
    """Return the changes made by overriding a method."""
    if node.name in ("__init__", "initialize"):
        return [change for part in ast.walk(node) for change in _assigned(part)]
    if node.name == _PATCH:
        return _patch(node, root)
    if node.name in _BUILT:
        built = [name for name in _called(node) if re.fullmatch(_BUILT[node.name], name) and name != node.name]
        return [f"{MEANING[node.name]}: {', '.join(built)}" if built else MEANING[node.name]]
    return [MEANING.get(node.name, f"{node.name}()")]


def _assigned(node: ast.AST) -> list[str]:
    """Return ``num_epochs = 5`` for assignments to an attribute of the object, or to an entry of the plans."""
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
        return []
    text = ast.unparse(node.value)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
    return [f"{name} = {shown}" for target in _targets(node) if (name := _attribute(target))]


def _attribute(target: ast.expr) -> str:
    """Return the name that an assignment changes; empty for a local name."""
    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        plans = re.match(r"plans\[|self\.configuration_manager\.configuration$", ast.unparse(target.value))
        return f"plans: {target.slice.value!s}" if plans else ""
    return ""


def _patch(node: ast.FunctionDef, root: ast.ClassDef) -> list[str]:
    """Return settings that differ from `ROOT`; those that depend on the patch are not worked out."""
    usual = next((_locals(m) for m in root.body if isinstance(m, ast.FunctionDef) and m.name == _PATCH), {})
    values = {name: found for name, found in _locals(node).items() if found != usual.get(name)}
    return [*_mirroring(values.get("mirror_axes", set())), *(text for text, is_so in _PATCH_CHANGES if is_so(values))]


def _mirroring(axes: set[str]) -> list[str]:
    if not axes:
        return []
    return ["no mirroring" if axes == {"None"} else f"mirrors axes {' or '.join(sorted(axes))}"]


def _locals(node: ast.FunctionDef) -> dict[str, set[str]]:
    """Return name → expressions that a function assigns to it."""
    values: dict[str, set[str]] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            values.setdefault(part.targets[0].id, set()).add(ast.unparse(part.value))
    return values


def _called(node: ast.AST) -> list[str]:
    """Return the last name of every call, in order, each once."""
    names = [ast.unparse(part.func).rsplit(".", 1)[-1] for part in ast.walk(node) if isinstance(part, ast.Call)]
    return list(dict.fromkeys(name for name in names if name.isidentifier() and not name.endswith("Error")))
