"""Two commands on one dataset at once do what they would do one after the other."""

from __future__ import annotations

import hashlib
import itertools
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fixtures.make_fixtures import write_png
from fixtures.phantoms import shapes
from segconv.cli.main import run

from ..train.checkpoints import checkpoint
from .forker import Ended, Forker
from .worlds import tree

pytestmark = pytest.mark.train  # the commands of nnU-Net must be installed, if only to be stubbed

FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
DATASET = "nnUNet_raw/Dataset009_A"
REFUSED = {65, 73, 75}
"""Exit codes of a command that did nothing."""

SIZE = (12, 10)
ROUNDS = 7
"""So often each pair runs at once; each time they begin at other moments."""


def source(root: Path, seed: int, cases: Sequence[int], values: tuple[int, ...]) -> Path:
    for number in cases:
        drawn = shapes(seed + number, size=SIZE)
        write_png(root / "training" / "input" / f"shape-{number}.png", drawn.images[0].array)
        write_png(root / "training" / "output" / f"shape-{number}.png", np.array(values, np.uint8)[drawn.label.array])
    return root


# Two systems of labels: what is a disc in the one is a ring in the other. No picture has a spot, which is renamed.
OLD = ("--labels", "background=0,spot=7,disc=128,ring=255")
NEW = ("--labels", "background=0,ring=128,spot=200,disc=255")

MODEL = ("-c", "2d", "-f", "0", "--device", "cpu", "--trust-model")
ALONE = ("-j", "1")
QUICKLY = (*ALONE, "--no-fsync")
COMMANDS: dict[str, tuple[str, ...]] = {
    "replace": ("convert", "{}/new", "--to", "9_A", "--overwrite", *NEW, *QUICKLY),
    "exchange": ("convert", "{}/others", "--to", "9_A", "--overwrite", *NEW, *QUICKLY),
    "augment": ("augment", "9", "--to", "109_Aug", "--rotate", "90", *QUICKLY),
    "check": ("check", "9", "--json", *ALONE),
    "restore": ("restore", "{}/predictions", "--like", "9", "-o", "{}/out/restored", *QUICKLY),
    "infer": ("infer", "9", *MODEL, "-i", "{}/pictures", "-o", "{}/out/inferred", *ALONE),
    "infer raw": ("infer", "9", *MODEL, "-i", "{}/pictures", "-o", "{}/out/raw", "--raw-output", *ALONE),
    "plan": ("plan", "9", *ALONE),
    "show": ("labels", "show", "9", "--json"),
    "rename": ("labels", "rename", "9", "spot=dot"),
    "regions": ("labels", "regions", "9", "figure=disc+ring", "ring=ring", "--force"),
    "remap": ("labels", "remap", "9", "--to", "43_Merged", "--map", "ring=disc", *QUICKLY),
    "repair": ("repair", "9", "--to", "44_Repaired", *QUICKLY),
    "convert": ("convert", "{}/nnUNet_raw/Dataset009_A", "--to", "45_Again", *QUICKLY),
}
WRITERS = ("replace", "exchange", "rename", "regions")
PAIRS = [*itertools.combinations(WRITERS, 2), *((w, r) for w in WRITERS[:3] for r in COMMANDS if r not in WRITERS)]


@dataclass(frozen=True)
class Place:
    """A folder in which pairs run; `reset` brings it to how it was before them."""

    folder: Path
    forker: Forker

    def words(self, command: str) -> list[str]:
        return [word.format(self.folder) for word in COMMANDS[command]]

    def env(self, command: str) -> dict[str, str]:
        env = {name: str(self.folder / name) for name in FOLDERS}
        if command in ("replace", "exchange"):  # which preprocessed data and models of the number would forbid
            env |= {name: str(self.folder / "none") for name in FOLDERS[1:]}
        return {**env, "XDG_CONFIG_HOME": "/nonexistent", "SEGCONV_NO_NUMBA": "1", "stub": "yes"}

    def reset(self) -> None:
        for name in (*FOLDERS, "out"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            shutil.copytree(self.folder / "before" / name, self.folder / name)

    def state(self, ended: Mapping[str, Ended]) -> str:
        """One hash over all that the commands which ended with 0 made and said; unfinished work is left out."""
        digest = hashlib.sha256()
        for name, one in sorted(ended.items()):
            digest.update(f"{name}: {one.code == 0 and one.out}\n".encode())
        for root in (*FOLDERS, "out"):
            for path, data in tree(self.folder / root).items():
                # Records say when files changed, which differs from run to run.
                if not path.startswith(".segconv-") and not (root == FOLDERS[1] and "/segconv/" in path):
                    digest.update(f"{root}/{path}: {hashlib.sha256(data).hexdigest()}\n".encode())
        return digest.hexdigest()

    def one_by_one(self, commands: Sequence[str]) -> dict[str, Ended]:
        self.reset()
        return {command: self.forker.run(self.words(command), self.env(command)) for command in commands}

    def at_once(self, first: str, second: str, delay_s: float) -> dict[str, Ended]:
        self.reset()
        began = [(first, self.forker.start(self.words(first), self.env(first)))]
        time.sleep(delay_s)
        began.append((second, self.forker.start(self.words(second), self.env(second))))
        return {command: running.wait() for command, running in began}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, forker: Forker) -> Place:
    folder = tmp_path_factory.mktemp("pairs")
    before = folder / "before"
    for name in (*FOLDERS, "out"):
        (before / name).mkdir(parents=True)
    (folder / "none").mkdir()
    source(folder / "new", 50, (0, 1, 2), (0, 255, 128))
    source(folder / "others", 50, (0, 1, 3), (0, 255, 128))
    words = ["convert", str(source(folder / "old", 0, (0, 1, 2), (0, 128, 255))), "--to", "9_A", *OLD, "-q", "-j", "1"]
    roots = [word for name, option in zip(FOLDERS, ("raw", "preprocessed", "results"), strict=True)
             for word in (f"--{option}", str(before / name))]  # fmt: skip
    assert run([*words, *roots]) == 0
    shutil.copytree(before / DATASET / "labelsTr", folder / "predictions")
    shutil.copytree(folder / "old" / "training" / "input", folder / "pictures")
    model = before / "nnUNet_results" / "Dataset009_A" / "nnUNetTrainer__nnUNetPlans__2d"
    (model / "fold_0").mkdir(parents=True)
    (model / "fold_0" / "checkpoint_final.pth").write_bytes(checkpoint())
    (model / "plans.json").write_text('{"configurations": {}}')
    return Place(folder, forker)


def test_there_are_200_pairs() -> None:
    assert ROUNDS * len(PAIRS) >= 200
    assert {name for pair in PAIRS for name in pair} == set(COMMANDS)


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_commands_at_once_do_what_they_do_one_after_the_other(pair: tuple[str, str], place: Place) -> None:
    allowed: dict[frozenset[str], set[str]] = {}
    took: dict[str, float] = {}
    for order in ((), pair[:1], pair[1:], pair, pair[::-1]):
        began = time.monotonic()
        ended = place.one_by_one(order)
        if len(order) == 1:
            assert ended[order[0]].code == 0, ended[order[0]].err
            took[order[0]] = time.monotonic() - began
        # Which of two writers comes second may well be refused: that says nothing of what both do.
        if all(one.code == 0 for one in ended.values()):
            allowed.setdefault(frozenset(order), set()).add(
                place.state(dict.fromkeys(pair, Ended(1, "", "", {})) | ended)
            )
    moments = random.Random(" ".join(pair))
    for _ in range(ROUNDS):
        delay = moments.uniform(-took[pair[1]], took[pair[0]])
        first, second = pair if delay > 0 else pair[::-1]
        ended = place.at_once(first, second, abs(delay))
        for one in ended.values():
            assert one.code in {0, *REFUSED}, one.out + one.err
        done = frozenset(name for name, one in ended.items() if one.code == 0)
        assert place.state(ended) in allowed[done], {name: (one.code, one.err) for name, one in ended.items()}
