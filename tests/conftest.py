"""Where the real data are, and how hard Hypothesis tries."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .command import Command
from .train.really_trained import ReallyTrained, trained_in

# Cores are shared with other tests. Each of nnU-Net's worker processes spends seconds on its imports, and threads of
# PyTorch that wait for one another spin.
os.environ.update({"nnUNet_def_n_proc": "1", "nnUNet_compile": "f"})
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile(
    "ci", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("deep", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real sets: ``SEGCONV_TEST_DATA``, or ``../shared/data`` next to the checkout."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("SEGCONV_TEST_DATA", default)).resolve()
    if not folder.is_dir():
        if os.environ.get("SEGCONV_REQUIRE_DATA") == "1":
            pytest.fail(f"the real sets are required, and {folder} is not there")
        pytest.skip(f"the real sets are not there ({folder}); SEGCONV_TEST_DATA names their folder")
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what Python is too new for, begin with what takes long, and give time to what may wait for a training."""
    if sys.version_info >= (3, 13):  # as the marker of the extra says
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("totalseg")])
        items[:] = [item for item in items if not item.get_closest_marker("totalseg")]
    waiting = [item for item in items if "really_trained" in getattr(item, "fixturenames", ())]
    for item in waiting:
        item.add_marker(pytest.mark.timeout(1800))
    items[:] = _long_first(items, waiting)


def _long_first(items: list[pytest.Item], waiting: list[pytest.Item]) -> list[pytest.Item]:
    """Order tests so that no worker runs a long one at the end, while others have nothing left to do.

    Each of two workers gets a half of the tests. Those of one half begin with what waits for the shared training, so
    that one worker trains while the other trains something else.
    """
    apart = {*waiting}
    long = [item for item in items if item.get_closest_marker("train") and item not in apart]
    apart.update(long)
    quick = [item for item in items if item not in apart]
    middle = max(0, len(items) // 2 - len(long))
    return [*long, *quick[:middle], *waiting, *quick[middle:]]


@pytest.fixture(scope="session")
def really_trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> ReallyTrained:
    """Models that nnU-Net trained on Hippocampus; read only, see `ReallyTrained.copied_to`.

    ``SEGCONV_TEST_MODELS`` names a folder that keeps them from one run to the next.
    """
    base = tmp_path_factory.getbasetemp()
    ours = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # one for all workers
    return trained_in(Path(os.environ.get("SEGCONV_TEST_MODELS") or ours / "really-trained"), data)


@pytest.fixture
def segconv(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, with three folders of its own in ``tmp_path``."""
    command = Command(tmp_path, capsys)
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return command


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests away from the datasets and settings of whoever runs them."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "SEGCONV_FAULT", "SEGCONV_DEBUG"):
        monkeypatch.delenv(name, raising=False)


_LOCALE = locale.setlocale(locale.LC_ALL)


@pytest.fixture(autouse=True)
def _same_locale() -> Iterator[None]:
    """Undo what GDCM leaves behind when it writes DICOM: the locale C, in which Python reads texts as ASCII."""
    yield
    locale.setlocale(locale.LC_ALL, _LOCALE)
