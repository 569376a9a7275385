"""segconv's own code never evaluates text, unpickles, calls a shell or writes to the temporary folder of the system."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import segconv

SOURCE = Path(segconv.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
PROJECT = Path(__file__).parents[2] / "pyproject.toml"

MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "shelve",
    "marshal",
    "yaml",
    "tempfile",
    "socket",
    "urllib",
    "http",
}
ALLOWED = {
    "work/backends/ray_client.py": {"socket"},  # asks whether the head of a cluster that the user names still listens
    "work/locks.py": {"socket"},  # the name of this machine, for whoever finds the target locked
    "train/totalsegmentator/no_network.py": {"socket"},  # its constants, to refuse connections
    "train/rehearsal/looks.py": {"pickle"},  # asks whether a network can be pickled, and reads nothing
    "work/unforeseen.py": {"pickle"},  # asks whether an error can be pickled, and reads nothing
}
THE_USERS = {"work/home.py": {"expanduser"}, "train/folder_values.py": {"expanduser", "expandvars"}}
"""Where the user's own folder is looked up, for settings and caches, and where it is said what a value of the user's
environment probably means; never for a path that was read."""

CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "expandvars", "expanduser", "mktemp", "WriteImage"}


def names_called(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            yield node.lineno, name, node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_that_runs_what_it_reads_is_imported_or_called(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = str(path.relative_to(SOURCE))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).split(".")[0])
    assert imported & MODULES <= ALLOWED.get(own, set())
    for line, name, call in names_called(tree):
        harmless = name == "compile" and isinstance(call.func, ast.Attribute)  # of a regular expression
        harmless |= name in THE_USERS.get(own, set())
        assert name not in CALLS or harmless, f"{own}:{line} calls {name}"
        for keyword in call.keywords:
            if keyword.arg == "shell":
                pytest.fail(f"{own}:{line} names a shell")
            if keyword.arg == "allow_pickle":
                assert getattr(keyword.value, "value", True) is False, f"{own}:{line}"
        if name == "load" and ast.unparse(call.func) == "torch.load":
            assert any(k.arg == "weights_only" and getattr(k.value, "value", 0) is True for k in call.keywords)


def test_ruffs_rules_of_security_are_on() -> None:
    if not PROJECT.is_file():
        pytest.skip("the project's settings are not here")
    text = PROJECT.read_text(encoding="utf-8")
    selected = re.search(r"^select = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    assert selected is not None
    assert '"S"' in selected[1]
    ignored = re.search(r"^ignore = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    assert ignored is not None
    assert not re.search(r'"S\d', ignored[1])
    assert not re.search(r'^"src[^=]*= \[[^\]]*"S\d', text, re.MULTILINE)


def test_exceptions_from_the_rules_of_security_give_their_reason() -> None:
    for path in FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = re.search(r"# noqa: ([A-Z0-9, ]+)(.*)", line)
            if found and re.search(r"\bS\d", found[1]):
                assert re.match(r"\s*-\s*\w", found[2]), f"{path}:{number} does not say why"
