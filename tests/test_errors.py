"""Every exception survives a worker process: its message is positional, the rest are keywords with defaults."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import segconv
from segconv.errors import Finding

ROOT = Path(str(segconv.__file__)).parent

SAMPLES: dict[str, Any] = {
    "code": "SC055",
    "reasons": (Finding("SC055", "found this", file="a", hint="do that"),),
    "signal_number": 15,
}
"""Keyword of an exception → a value that is not its default; text for all others."""


def defined() -> Iterator[tuple[str, str, set[str]]]:
    """Module, name and names of the bases of every class in the package."""
    for path in ROOT.rglob("*.py"):
        module = ".".join(("segconv", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {part.id if isinstance(part, ast.Name) else getattr(part, "attr", "") for part in node.bases}
                yield module, node.name, bases


def exceptions() -> list[tuple[str, str]]:
    classes = list(defined())
    known = {
        name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
    }
    found: set[tuple[str, str]] = set()
    while more := {(module, name) for module, name, bases in classes if bases & known} - found:
        found |= more
        known |= {name for _, name in more}
    return sorted(found)


def test_the_root_is_among_them() -> None:
    assert ("segconv.errors", "SegconvError") in exceptions()


def cases() -> list[Any]:
    """Return the exceptions; those of modules for nnU-Net's own processes need nnU-Net."""
    return [
        pytest.param(module, name, marks=pytest.mark.train if module.startswith("segconv.train.trainers.") else ())
        for module, name in exceptions()
    ]


@pytest.mark.parametrize(("module", "name"), cases())
def test_an_exception_survives_a_worker_process(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name, None)
    assert found is not None, "a class of a module, so that another process finds it"
    kinds = inspect.Parameter
    parameters = list(inspect.signature(found.__init__).parameters.values())[1:]
    positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    keywords = [p for p in parameters if p.kind is kinds.KEYWORD_ONLY]
    assert len(positional) <= 1
    assert all(p.default is not kinds.empty for p in (*positional, *keywords))
    error = found("found this", **{p.name: SAMPLES.get(p.name, "something") for p in keywords})
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copy) is found
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))
    if hasattr(error, "findings"):
        assert (copy.findings, copy.exit_code) == (error.findings, error.exit_code)
