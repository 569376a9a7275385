"""Archives of weights: each model appears complete or not at all, whatever fails, and a rerun brings the rest."""

from __future__ import annotations

import json
import random
import shutil
import signal
import zipfile
from pathlib import Path

import pytest

from .forker import Forker
from .worlds import tree

pytestmark = [pytest.mark.train, pytest.mark.totalseg]

SAMPLE = 7


def weights_of(folder: Path) -> Path:
    """Make the files of two models, without anything in them that a network needs."""
    from segconv.train.totalsegmentator.weights import needed

    for model in (*needed("body", "fast"), *needed("total", "fast")):
        own = folder / model.folder / model.name
        (own / "fold_0").mkdir(parents=True)
        with zipfile.ZipFile(own / "fold_0" / "checkpoint_final.pth", "w") as archive:
            archive.writestr("data.pkl", model.folder)
        for name in ("plans.json", "dataset.json"):
            (own / name).write_text(json.dumps({"configurations": {"3d_fullres": {}}}), encoding="utf-8")
    return folder


def test_packing_and_installing_survive_every_fault(forker: Forker, tmp_path: Path) -> None:
    source, archive, home = weights_of(tmp_path / "weights"), tmp_path / "out" / "a.zip", tmp_path / "home" / "results"
    pack = ["totalseg", "pack", "body", "total", "--fast", "-o", str(archive)]
    here, there = {"TOTALSEG_WEIGHTS_PATH": str(source)}, {"TOTALSEG_WEIGHTS_PATH": str(home)}
    expected = tree(source)
    first = forker.run(pack, here)
    assert first.code == 0, first.err
    whole = archive.read_bytes()
    # The checkpoints are not examined: that would load PyTorch in each of these processes.
    install = ["totalseg", "install", str(archive), "--trust-model"]
    second = forker.run(install, there)
    assert second.code == 0, second.err
    assert tree(home) == expected
    chance = random.Random("archive")
    for words, env, calls in ((pack, here, first.calls["any"]), (install, there, second.calls["any"])):
        for number in sorted(chance.sample(range(1, calls + 1), SAMPLE)):
            for fault in ("kill", "ENOSPC"):
                shutil.rmtree(home, ignore_errors=True)
                if words is pack:
                    archive.unlink()
                ended = forker.run(words, {**env, "SEGCONV_FAULT": f"{fault}@{number}"})
                assert ended.code in ((-signal.SIGKILL,) if fault == "kill" else (0, 74)), ended.err
                if words is pack:
                    assert not archive.exists() or archive.read_bytes() == whole
                    again = forker.run([*words, "--overwrite"], env)
                else:
                    put = {name for name in tree(home) if not name.startswith(".segconv-")} if home.is_dir() else set()
                    models = {name.partition("/")[0] for name in put}
                    assert put == {name for name in expected if name.partition("/")[0] in models}, (fault, number)
                    again = forker.run(words, env)
                assert again.code == 0, (fault, number, again.err)
                assert archive.read_bytes() == whole
                assert words is pack or tree(home) == expected, (fault, number)
                assert not list(archive.parent.glob(".segconv-*"))
    assert tree(source) == expected
