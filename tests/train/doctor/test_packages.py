"""Packages that nnU-Net cannot use are found, each with its fix."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from segconv.train.doctor import packages
from segconv.train.paths import Paths

GPU = [["NVIDIA H100", 80 << 30]]


@pytest.mark.parametrize(
    ("version", "verdict", "fix"),
    [
        ("2.8.0+cu128", "ok", ""),
        ("2.14.1", "ok", ""),
        ("2.9.0", "error", "torch!=2.9.*"),
        ("2.9.1+cpu", "error", "torch!=2.9.*"),
        ("2.4.1", "error", "torch>=2.5"),
        ("1.13", "error", "torch>=2.5"),
    ],
)
def test_versions_of_pytorch_that_do_not_fit_are_refused(version: str, verdict: str, fix: str) -> None:
    look = packages.look_at_torch({"torch": version, "cuda": "12.8"})
    assert look.verdict == verdict
    assert all(fix in finding.hint for finding in look.findings)


@pytest.mark.parametrize(
    ("found", "driver", "verdict", "word"),
    [
        ({"torch": "2.8.0", "cuda": "12.8", "available": True, "gpus": GPU}, "570.1", "ok", "H100 with 80 GiB"),
        ({"torch": "2.8.0", "cuda": "12.8", "available": False, "gpus": []}, None, "warning", "no GPU"),
        ({"torch": "2.8.0", "cuda": None, "available": False, "gpus": []}, "570.1", "error", "built for the CPU only"),
        ({"torch": "2.8.0", "cuda": "13.0", "available": False, "gpus": []}, "535.2", "error", "driver 580 or later"),
        ({"torch": "2.8.0", "cuda": "12.8", "available": False, "gpus": []}, "570.1", "error", "does not see the GPU"),
        ({"error": "it crashed"}, "570.1", "ok", ""),
    ],
)
def test_pytorch_and_the_driver_must_fit(found: dict[str, Any], driver: str | None, verdict: str, word: str) -> None:
    look = packages.look_at_gpus(found, driver)
    assert look.verdict == verdict
    assert word in look.found + "".join(finding.message for finding in look.findings)
    assert all(finding.hint for finding in look.findings)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({"blosc2": "4.0", "blosc2_equal": True}, "ok"),
        ({"blosc2": "4.0", "blosc2_equal": False}, "error"),
        ({"blosc2": "4.0", "blosc2_error": "OSError: no mmap"}, "error"),
        ({"blosc2_error": "ModuleNotFoundError: No module named 'blosc2'"}, "error"),
        ({"error": "it crashed"}, "ok"),
    ],
)
def test_blosc2_must_read_what_it_wrote(found: dict[str, Any], verdict: str) -> None:
    assert packages.look_at_blosc2(found).verdict == verdict


def test_a_fork_of_nnunet_under_its_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "commands", lambda: {"nnUNetv2_train": "x:y"})
    for version, verdict in (("2.1.1", "error"), ("2.8.1", "ok"), ("2.9", "warning")):
        monkeypatch.setattr(packages.metadata, "version", lambda _, version=version: version)
        assert packages.look_at_nnunet().verdict == verdict
    monkeypatch.setattr(packages, "commands", dict)
    monkeypatch.setattr(packages.metadata, "version", lambda _: "2.8.1")
    assert packages.look_at_nnunet().verdict == "error"


def test_what_cannot_be_imported_is_said(tmp_path: Path) -> None:
    """Also where no train extra is installed: the probe ends, and says why."""
    found = packages.probed(tmp_path, Paths())
    assert ("torch" in found) != ("torch_error" in found)
    assert ("blosc2" in found) or ("blosc2_error" in found)
    assert (packages.look_at_torch(found).verdict == "ok") == ("torch" in found)


def test_a_probe_that_is_killed_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    found = packages.probed(tmp_path, Paths())
    assert packages.look_at_torch(found).verdict == "error"
    assert "SIGSEGV" in packages.look_at_torch(found).findings[0].message


def test_the_driver_is_asked_for_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert packages.driver_version() is None
    program = tmp_path / "nvidia-smi"
    for text, version in (("echo 570.86.15; echo 570.86.15", "570.86.15"), ("exit 9", None), ("true", None)):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        assert packages.driver_version() == version


def test_this_python_is_fine() -> None:
    assert packages.look_at_python().verdict == "ok"
    assert sys.executable in packages.look_at_python().found
    assert os.path.isabs(sys.executable)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        ({"no_kernel": ""}, "mamba_ssm's kernel, on GPUs"),
        ({"no_kernel": "ModuleNotFoundError: No module named 'selective_scan_cuda'"}, "selective_scan_cuda"),
        ({"error": "it crashed"}, "not tried"),
    ],
)
def test_the_scan_of_mamba_is_shown_with_the_reason_and_is_no_problem(found: dict[str, Any], shown: str) -> None:
    look = packages.look_at_mamba(found)
    assert (look.verdict, shown in look.found) == ("ok", True)
