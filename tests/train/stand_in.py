"""A stand-in for nnU-Net's trainer that writes what it was given, and checkpoints as nnU-Net does.

In its room, a file ``fail F`` makes fold F fail, ``end F`` lets it
write the files that it names and end as if all were well, ``stop F`` lets a watchdog stop it with the record in the
file, ``wait F`` makes it wait after its first epoch, and ``together``
holds the number of folds that must be at work at the same time. Run as a module it is the command line with that
trainer: ``python -m tests.train.stand_in ROOM WORD…``.
"""

from __future__ import annotations

import json
import os
import site
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segconv.train import child
from segconv.train import known_trainers as trainers

from .. import command

EPOCHS = 2

PROGRAM = f"""
import io, json, os, pathlib, pickle, sys, time, zipfile

ROOM = pathlib.Path(__file__).parent
CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth")


def save(path, epoch):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({{"current_epoch": epoch}}, protocol=2))
    path.with_suffix(".new").write_bytes(data.getvalue())
    path.with_suffix(".new").rename(path)


def wait_while(condition):
    while condition():
        time.sleep(0.01)


def train(folder, fold, call):
    print("line 1")
    if (ROOM / f"fail {{fold}}").exists():
        raise ValueError("as asked")
    if (ROOM / f"stop {{fold}}").exists():
        save(folder / "checkpoint_best.pth", 1)
        (folder / "segconv_stopped.json").write_text((ROOM / f"stop {{fold}}").read_text())
        raise RuntimeError("stopped")
    if (ROOM / f"end {{fold}}").exists():
        for name in (ROOM / f"end {{fold}}").read_text().split():
            (folder / name).write_text(f'{{{{"num_epochs": {EPOCHS}}}}}') if name == "debug.json" else save(folder / name, 1)
        sys.exit(0)
    (ROOM / f"begun {{fold}}").touch()
    if (ROOM / "together").exists():
        wait_while(lambda: len(list(ROOM.glob("begun *"))) < int((ROOM / "together").read_text()))
    if "--val" not in call["words"]:
        save(folder / "checkpoint_best.pth", 1)
        (ROOM / f"at {{fold}}").touch()
        wait_while((ROOM / f"wait {{fold}}").exists)
        save(folder / "checkpoint_final.pth", {EPOCHS})
    (folder / "validation").mkdir(exist_ok=True)
    (folder / "validation" / "summary.json").write_text("{{}}")


def main():
    words = sys.argv[1:]
    number, configuration, fold, _, trainer, _, plans = words[:7]
    dataset = next(pathlib.Path(os.environ["nnUNet_raw"]).glob(f"Dataset{{int(number):03d}}_*")).name
    folder = pathlib.Path(os.environ["nnUNet_results"], dataset, f"{{trainer}}__{{plans}}__{{configuration}}", f"fold_{{fold}}")
    folder.mkdir(parents=True, exist_ok=True)
    call = {{"fold": fold, "words": words, "variables": dict(os.environ), "began": time.monotonic()}}
    call["found"] = [name for name in CHECKPOINTS if (folder / name).exists()]
    try:
        train(folder, fold, call)
    finally:
        call["ended"] = time.monotonic()
        (ROOM / f"call {{os.getpid()}}.json").write_text(json.dumps(call))
"""


@dataclass(frozen=True)
class Call:
    """One run of the stand-in.

    Parameters
    ----------
    fold, words, variables
        What it was given.
    found
        Checkpoints that existed.
    began, ended
        When; the clock is one for all processes.
    """

    fold: str
    words: list[str]
    variables: dict[str, str]
    found: list[str]
    began: float
    ended: float


class Done(command.Done):
    """A command that ended, and the runs of the stand-in since the one before."""

    def __init__(self, done: command.Done, calls: list[Call]) -> None:
        super().__init__(done.code, done.out, done.err)
        self.calls = calls


def calls(room: Path) -> list[Call]:
    """Return the runs since the last call, in the order in which they began."""
    found = []
    for path in room.glob("call *.json"):
        found.append(Call(**json.loads(path.read_text())))
        path.unlink()
    for path in (*room.glob("at *"), *room.glob("begun *")):
        path.unlink()
    return sorted(found, key=lambda call: call.began)


def put(path: Path, program: str) -> None:
    """Write a program that jobs may put there, too, while others run it."""
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(program)
    new.rename(path)


def install(room: Path, patch: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let the stand-in be found where nnU-Net's command would be."""
    put(room / "stand_in_trainer.py", PROGRAM)
    patch(child, "commands", lambda: {"nnUNetv2_train": "stand_in_trainer:main"})
    patch(trainers, "list_trainers", lambda *_: [trainers.Trainer("nnUNetTrainer", "", (), ())])
    patch(site, "ENABLE_USER_SITE", True)
    patch(site, "getusersitepackages", lambda: str(room))


if __name__ == "__main__":
    from segconv.cli.main import main

    install(Path(sys.argv[1]))
    main(sys.argv[2:])
