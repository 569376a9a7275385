"""Packages of the user's own, really installed."""

from __future__ import annotations

import site
import subprocess
import sys
from pathlib import Path

import pytest


def install(package: Path, packages: Path) -> None:
    """Let pip install a package into a folder, without the network and apart from everything else."""
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", str(packages), str(package)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def seen(packages: Path, patch: pytest.MonkeyPatch) -> None:
    """Let this process and its children find what is installed there."""
    patch.syspath_prepend(packages)
    patch.setattr(site, "ENABLE_USER_SITE", True)
    patch.setattr(site, "getusersitepackages", lambda: str(packages))
