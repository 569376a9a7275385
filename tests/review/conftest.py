"""nnU-Net's own check, for the tests that compare with it."""

from __future__ import annotations

import types
from multiprocessing.pool import ThreadPool

import pytest


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nnU-Net use threads: it does the same, and importing it again takes longer."""
    check = pytest.importorskip("nnunetv2.experiment_planning.verify_dataset_integrity")
    utilities = pytest.importorskip("nnunetv2.utilities.utils")
    threads = types.SimpleNamespace(get_context=lambda _: types.SimpleNamespace(Pool=ThreadPool))
    monkeypatch.setattr(check, "multiprocessing", threads)
    monkeypatch.setattr(utilities, "Pool", ThreadPool)
