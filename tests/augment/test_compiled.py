"""Numba's settings, from the environment or the current folder, neither break nor change a rotation."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from segconv.augment import compiled, rotation
from segconv.augment.rotation import LINEAR, NEAREST, ROWS, plan_turn, turned
from segconv.augment.spec import Transform
from segconv.image.geometry import Geometry

pytestmark = pytest.mark.skipif(not compiled.available(), reason="Numba is not installed")

TURN = """
import hashlib, os, sys
import numpy as np
{first}
from segconv.augment.rotation import plan_turn, turned
from segconv.augment.spec import Transform
from segconv.image.geometry import Geometry

before = dict(os.environ)
turn = plan_turn(Geometry.plain((9, 8, 7)), Transform((0.0, 0.0, 30.0)))
voxels = np.arange(7 * 8 * 9, dtype=np.int16).reshape(7, 8, 9)
print(turn.way, hashlib.sha256(turned(turn, voxels, "nearest", 0)).hexdigest())
assert dict(os.environ) == before
"""

GARBAGE = {
    "NUMBA_CACHE_LOCATOR_CLASSES": "NoSuch",
    "NUMBA_CPU_NAME": "no such",
    "NUMBA_DEBUG": "1",
    "NUMBA_DISABLE_JIT": "1",
    "NUMBA_NUM_THREADS": "abc",
    "NUMBA_OPT": "junk",
}
BROKEN, OFF = "{[", "disable_jit: 1\ndebug: 1\n"


def turn(folder: Path, settings: dict[str, str], first: str = "") -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")} | settings
    done = subprocess.run(
        [sys.executable, "-c", TURN.format(first=first)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("text", "cached"), [(BROKEN, True), (OFF, False)])
def test_kernels_heed_no_settings(text: str, cached: bool, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / ".numba_config.yaml").write_text(text)
    own = {} if cached else {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    voxels = np.arange(7 * 8 * 9, dtype=np.int16).reshape(7, 8, 9)
    usual = turned(plan_turn(Geometry.plain((9, 8, 7)), Transform((0.0, 0.0, 30.0))), voxels, NEAREST, 0)
    assert turn(tmp_path, own | GARBAGE) == f"{ROWS} {hashlib.sha256(usual).hexdigest()}\n"


def test_simpleitk_rotates_where_numba_must_not_compile(tmp_path: Path) -> None:
    assert turn(tmp_path, {"NUMBA_DISABLE_JIT": "1"}, "import numba").startswith(rotation.SIMPLEITK)


def test_a_kernel_that_cannot_be_compiled_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.augment import kernels

    def refuse(*_: object) -> None:
        raise NotImplementedError

    planned = plan_turn(Geometry.plain((9, 8, 7)), Transform((0.0, 0.0, 30.0)))
    voxels = np.random.default_rng(0).integers(-900, 900, (7, 8, 9)).astype(np.int16)
    usual = turned(planned, voxels, LINEAR, -1000)
    for kernel in filter(lambda found: hasattr(found, "_cache"), vars(kernels).values()):
        monkeypatch.setattr(kernel, "_cache", kernel._cache)
    monkeypatch.setattr(kernels, "rows", refuse)
    found = turned(planned, voxels, LINEAR, -1000)
    assert planned.way == ROWS
    assert np.abs(found.astype(int) - usual).max() <= 1


def test_numba_does_without_blas_where_the_process_is_ours_and_keeps_it_elsewhere(tmp_path: Path) -> None:
    leaves_out = "from segconv.augment import compiled; compiled.leave_out_blas()"
    asks = "import atexit; atexit.register(lambda: print('scipy.linalg' in sys.modules))"
    ours = turn(tmp_path, {}, f"{leaves_out}; {asks}").split()
    theirs = turn(tmp_path, {}, asks).split()
    assert ours[:-1] == theirs[:-1]
    assert (ours[-1], theirs[-1]) == ("False", "True")
