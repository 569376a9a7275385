"""A process of TotalSegmentator: many cases, models loaded once, no connections, and what happens when it dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segconv.errors import SegconvError
from segconv.image import opened
from segconv.train.totalsegmentator.home import declare_leftovers, furnished, licence_of
from segconv.train.totalsegmentator.working import Worker
from segconv.work import begun, fsops

from .random_models import make_models

pytestmark = [pytest.mark.train, pytest.mark.totalseg]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Tiny random models."""
    return make_models(tmp_path_factory.mktemp("models"))


def made_work(folder: Path) -> Path:
    """A work folder."""
    work = folder / ".segconv-totalseg-out"
    fsops.mkdir(work)
    begun.declare(work, [])
    return work


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of all tests."""
    return made_work(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def worker(work: Path, models: list[Path]) -> Iterator[Worker]:
    """A process on the CPU, for all tests: starting it takes longer than what it does."""
    own = Worker(lambda: furnished(work, 0, models, "aca_0123456789ABCD"), "cpu", 1, work.parent / "log")
    yield own
    own.close()


def test_a_licence_number_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    work = made_work(tmp_path)
    for _ in range(2):
        furnished(work, 0, [], "aca_0123456789ABCD")
        assert (work / "home-0" / "config.json").stat().st_mode & 0o777 == 0o600


def asked(data: Path, output: Path, task: str = "body") -> dict[str, object]:
    """Return the options of a case."""
    ct = data / "totalseg_small" / "example_ct_sm.nii.gz"
    return {"input": str(ct), "output": str(output), "ml": True, "task": task, "fast": True, "quiet": True}


def label(path: Path) -> np.ndarray:
    """Return the voxels of a file."""
    return opened.read_label(opened.read_bytes(str(path)), path.name).array


def test_models_are_loaded_once(worker: Worker, models: list[Path], data: Path, tmp_path: Path) -> None:
    ready, refused = worker.segment(asked(data, tmp_path / "first.nii"))
    assert (ready.keeps_models, refused) == (True, ())
    (checkpoint,) = models[1].glob("*/fold_0/checkpoint_final.pth")
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(b"torn")
    worker.segment(asked(data, tmp_path / "second.nii"))
    checkpoint.write_bytes(whole)
    assert np.array_equal(label(tmp_path / "first.nii"), label(tmp_path / "second.nii"))


def test_many_cases_equal_the_command_of_totalsegmentator(
    worker: Worker, work: Path, models: list[Path], data: Path, tmp_path: Path
) -> None:
    before = dict(os.environ)
    for number in range(2):
        _, refused = worker.segment(asked(data, tmp_path / f"total{number}.nii", "total"))
        assert refused == ()
    assert dict(os.environ) == before
    settings = json.loads((work / "home-0" / "config.json").read_bytes())
    assert (settings["send_usage_stats"], settings["license_number"]) == (False, "aca_0123456789ABCD")
    assert licence_of(work / "home-0") == "aca_0123456789ABCD"
    own = furnished(work, 1, models, "")
    del own["TMPDIR"]  # nnU-Net makes sockets there, whose paths may have 107 bytes
    words = ["-i", asked(data, tmp_path)["input"], "-o", tmp_path / "theirs.nii.gz", "--ml", "-ta", "total", "--fast"]
    command = Path(sys.executable).with_name("TotalSegmentator")
    done = subprocess.run([command, *words, "-d", "cpu"], env={**os.environ, **own}, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = label(tmp_path / "theirs.nii.gz")
    assert len(np.unique(theirs)) > 2
    for number in range(2):
        assert np.array_equal(label(tmp_path / f"total{number}.nii"), theirs)


def test_a_case_that_fails_does_not_stop_the_next(worker: Worker, data: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.nii.gz"
    torn.write_bytes((data / "totalseg_small" / "example_ct_sm.nii.gz").read_bytes()[:5000])
    with pytest.raises(SegconvError) as failed:
        worker.segment({**asked(data, tmp_path / "a.nii"), "input": str(torn)})
    assert failed.value.code == "SC197"
    assert re.search(r"\(\w+\.py, line \d+\)$", failed.value.message)
    worker.segment(asked(data, tmp_path / "b.nii"))
    assert (tmp_path / "b.nii").is_file()


def test_a_model_that_holds_code_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    import torch

    work = made_work(tmp_path)

    model = make_models(tmp_path / "models")[0]
    (checkpoint,) = model.rglob("checkpoint_final.pth")
    torch.save({"network_weights": os.getcwd}, checkpoint)
    careful = Worker(lambda: furnished(work, 0, [model], ""), "cpu", 1, tmp_path / "log", [model])
    with pytest.raises(SegconvError) as failed:
        careful.segment({})
    (found,) = failed.value.findings
    assert (found.code, found.file) == ("SC064", str(checkpoint))
    assert "holds more than numbers" in found.message


def test_missing_weights_are_not_downloaded(worker: Worker, data: Path, tmp_path: Path) -> None:
    with pytest.raises(SegconvError, match="may connect to nothing") as failed:
        worker.segment({**asked(data, tmp_path / "a.nii", "lung_vessels"), "fast": False})
    assert failed.value.code == "SC197"


def test_a_killed_process_fails_its_case_and_the_next_one_is_segmented(
    worker: Worker, work: Path, data: Path, tmp_path: Path
) -> None:
    worker.segment(asked(data, tmp_path / "a.nii"))

    def kill() -> None:
        while not any((work / "home-0" / "tmp").glob("nnunet_tmp_*")):  # which exists while it works on a case
            time.sleep(0.01)
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and _is_worker(entry):
                os.kill(int(entry.name), signal.SIGKILL)

    killing = threading.Thread(target=kill, daemon=True)
    killing.start()
    with pytest.raises(SegconvError) as failed:
        worker.segment(asked(data, tmp_path / "b.nii", "total"))
    killing.join()
    assert failed.value.code == "SC196"
    assert "signal 9" in failed.value.message
    (work / "home-0" / "tmp" / "nnunet_tmp_x").mkdir(exist_ok=True)
    (work / "home-0" / "tmp" / "nnunet_tmp_x" / "s01.nii.gz").write_bytes(b"left")
    worker.segment(asked(data, tmp_path / "c.nii"))
    worker.close()
    declare_leftovers(work)
    begun.remove(work)
    assert not work.exists()


def _is_worker(process: Path) -> bool:
    """Whether a process is the child of our guard, which is our child."""
    try:
        words = (process / "cmdline").read_bytes()
        parent = (process / "stat").read_bytes().rpartition(b")")[2].split()[1]
        above = Path("/proc", parent.decode(), "stat").read_bytes().rpartition(b")")[2].split()[1]
    except OSError:
        return False
    return b"totalsegmentator.worker" in words and above == str(os.getpid()).encode()
