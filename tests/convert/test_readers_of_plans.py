"""Plans that depend on label values: read by the given number of workers, with progress, ended by Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from fixtures.make_fixtures import png_shapes
from segconv.convert.classes import compiled_masks
from segconv.convert.conversion import plan_conversion
from segconv.convert.labels import found_labels, mask_set
from segconv.work import memory
from segconv.work.run_options import RunOptions

from ..command import Command
from ..work.test_readers import Heard, ended

CASES = 12


def volume(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array.astype(np.uint8), np.diag([-1.0, -1.0, 1.0, 1.0])), path)


def pictures(root: Path) -> Path:
    return png_shapes(root, cases=CASES, tests=0, size=(20, 16), values=(0, 1, 2))


def volumes(root: Path) -> Path:
    for number in range(CASES):
        array = np.indices((5, 4, 3)).sum(axis=0)
        volume(root / "images" / f"c{number}.nii.gz", array)
        volume(root / "masks" / f"c{number}.nii.gz", array % 3)
    return root


def classes(root: Path) -> Path:
    for number in range(CASES):
        array = np.indices((5, 4, 3)).sum(axis=0)
        volume(root / f"c{number}" / "ct.nii.gz", array)
        for value, name in ((1, "liver"), (2, "tumour")):
            volume(root / f"c{number}" / "segmentations" / f"{name}.nii.gz", array % 3 == value)
    return root


SOURCES: dict[str, tuple[Callable[[Path], Path], Any]] = {
    "pictures": (pictures, mask_set),
    "volumes": (volumes, found_labels),
    "masks of classes": (classes, compiled_masks),
}
"""Kind → how it is made, the module that reads its labels."""

kinds = pytest.mark.parametrize("kind", SOURCES)


@kinds
def test_a_plan_has_as_many_readers_as_jobs_and_comes_out_the_same(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, module = SOURCES[kind]
    root, raw = make(tmp_path / "src"), tmp_path / "raw"
    raw.mkdir()
    read, seen = module.read_source, set()

    def watched(path: str) -> bytes:
        seen.add(threading.current_thread().name)
        return read(path)

    monkeypatch.setattr(module, "read_source", watched)
    alone = plan_conversion(root, "5_A", raw=raw)
    assert seen == {threading.main_thread().name}, "one worker is this thread"
    seen.clear()
    heard = Heard()
    together = plan_conversion(root, "5_A", raw=raw, how=RunOptions(jobs=3, progress=heard))
    assert threading.main_thread().name not in seen
    assert 1 <= len(seen) <= 3
    assert (together.scan, together.plan.fingerprint) == (alone.scan, alone.plan.fingerprint)
    assert heard.said == [f"0 of {CASES} labels", "end"]
    assert heard.count == CASES


@kinds
@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_ctrl_c_while_a_plan_is_made_leaves_nothing(
    kind: str, words: list[str], tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, module = SOURCES[kind]
    root = make(tmp_path / "src")
    read, count = module.read_source, []
    threads = threading.enumerate()

    def pressing(path: str) -> bytes:
        count.append(path)
        if len(count) == 1:
            signal.raise_signal(signal.SIGINT)
        return read(path)

    monkeypatch.setattr(module, "read_source", pressing)
    done = segconv("convert", root, "--to", "5_A", "-j", "2", *words)
    assert done.code == 130, done.err
    assert "Error SC105: interrupted; nothing was written\nHint: run the same command again\n" in done.err
    assert list(segconv.raw.iterdir()) == []
    ended(threads)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_readers_are_no_more_than_the_memory_suffices_for(
    tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = classes(tmp_path / "src")
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * memory.COPIES * 5 * 4 * 3)
    for words in (["convert", root, "--to", "5_A", "-n"], ["labels", "compile", root]):
        done = segconv(*words, "-j", "5")
        assert done.code == 0, done.err
        assert done.err.count("note: 2 of 5 workers: the free memory is not enough for more\n") == 1
