"""nnU-Net's own training with short epochs, which waits where a test wants to interrupt it.

Run as a module it is the command line with that training: ``python -m tests.train.quick FOLDER WORD…``. The process of
a fold F that is to wait at its fourth epoch, because FOLDER has a file ``wait F``, writes its id to ``at F`` and goes on
once the file is gone. With a file ``no validation``, the summary of the validation is empty, which takes no time.
"""

from __future__ import annotations

import site
import sys
from pathlib import Path

from segconv.train import child

EPOCHS, WAITS_AT = 5, 3

PROGRAM = f"""
import os, pathlib, time

from nnunetv2.run.run_training import run_training_entry
from nnunetv2.training.nnUNetTrainer.variants.training_length.nnUNetTrainer_Xepochs import nnUNetTrainer_1epoch as trainer

room = pathlib.Path(__file__).parent

def initialize(self, before=trainer.initialize):
    self.num_epochs, self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = {EPOCHS}, 1, 1
    before(self)

def on_train_epoch_start(self, before=trainer.on_train_epoch_start):
    before(self)
    wait, at = room / f"wait {{self.fold}}", room / f"at {{self.fold}}"
    if self.current_epoch == {WAITS_AT} and wait.exists():
        (room / "new").write_text(str(os.getpid()))
        os.rename(room / "new", at)
        while wait.exists():
            time.sleep(0.01)

def perform_actual_validation(self, save_probabilities=False):
    folder = pathlib.Path(self.output_folder, "validation")
    folder.mkdir(exist_ok=True)
    (folder / "summary.json").write_text("{{}}")

def main():
    if (room / "no validation").exists():
        trainer.perform_actual_validation = perform_actual_validation
    trainer.initialize, trainer.on_train_epoch_start = initialize, on_train_epoch_start
    run_training_entry()
"""

if __name__ == "__main__":
    from segconv.cli.main import main

    room = Path(sys.argv[1])
    (room / "quick_training.py").write_text(PROGRAM)
    quick = {**child.commands(), "nnUNetv2_train": "quick_training:main"}
    child.commands = lambda: quick
    site.ENABLE_USER_SITE = True
    site.getusersitepackages = lambda: str(room)
    main(sys.argv[2:])
