"""Starts from what people type wrongly: a dataset, a case, a folder or an option that does not exist or does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..kit.scorer import FOLDERS, Run
from ..review import datasets
from .ends import Ends
from .laid_out import nnunet_folders
from .walk import UNSAID, Answer, Start, walk

NAME = "Dataset005_Ct"
UNRUN = ("train", "infer", "plan", "finetune")
"""Commands that take long where nothing is wrong."""


@dataclass(frozen=True)
class Mistake:
    """A command with one mistake.

    Parameters
    ----------
    name
        What is wrong.
    line
        Words after ``segconv``; ``{folder}`` holds the dataset's source, predictions, and what is made.
    before
        Makes it so in that folder.
    """

    name: str
    line: str
    before: Callable[[Path], object] = lambda folder: None


def follow(mistake: Mistake, folder: Path, ends: Ends) -> None:
    """Walk from a mistake on a dataset that segconv made."""
    with nnunet_folders(folder):
        source = datasets.volumes(folder)
        done = Run(["convert", str(source), "--to", "5_Ct", *UNSAID])
        assert done.code == 0, done.err
        shutil.copytree(source / "labelsTr", folder / "pred")
        mistake.before(folder)
        line = mistake.line.replace("{folder}", str(folder)).split(" ")
        start = Start(mistake.name, line, folder, _anything, ANSWERS, dataset="5", unrun=UNRUN)
        walk(start, ends)


def _anything(dataset: Path, line: list[str]) -> None:
    """Accept the result: that the command succeeds is what counts."""


ANSWERS: dict[str, Answer] = {"--background": "liver", "OUT": "out", "--to": "6_New", "-o": "out", "NAME": "liver"}


def without_lineage(folder: Path) -> None:
    shutil.rmtree(folder / FOLDERS[0] / NAME / "segconv")


def there(name: str) -> Callable[[Path], None]:
    """Return what puts another file into a folder of this name."""

    def make(folder: Path) -> None:
        (folder / name).mkdir()
        (folder / name / "mine.txt").write_text("mine")

    return make


def fewer(count: int) -> Callable[[Path], None]:
    """Return what removes predictions."""

    def make(folder: Path) -> None:
        for path in sorted((folder / "pred").iterdir())[:count]:
            path.unlink()

    return make


def own_folds(folder: Path) -> None:
    """Write folds, as a person does."""
    datasets.folds(folder / FOLDERS[0] / NAME, datasets.even_folds([f"c{n}" for n in range(datasets.CASES)]))


def unset(folder: Path) -> None:
    (folder / FOLDERS[0]).rename(folder / "away")


MISTAKES = [
    Mistake("an id that does not exist", "check 9"),
    Mistake("a name that is nearly one", "check Dataset005_Cd"),
    Mistake("a path of no dataset", "check {folder}/pred"),
    Mistake("nnUNet_raw is gone", "check 5", unset),
    Mistake("a backend that is no backend", "check 5 --backend loki"),
    Mistake("an option that is no option", "check 5 --quik"),
    Mistake("a command that is no command", "chek 5"),
    Mistake("no dataset", "check"),
    Mistake("nothing to augment with", "augment 5 --to 6_Aug"),
    Mistake("planes without a rotation", "augment 5 --to 6_Aug --planes axial"),
    Mistake("a plane that is none", "augment 5 --to 6_Aug --rotate 30 --planes axal"),
    Mistake("no target", "augment 5 --rotate 30 --planes axial"),
    Mistake("a target without an id", "augment 5 --to Aug --rotate 30 --planes axial"),
    Mistake("a target that is the dataset", "augment 5 --to 5 --rotate 30 --planes axial"),
    Mistake("a dataset to augment that does not exist", "augment 9 --to 6_Aug --rotate 30"),
    Mistake("pictures of volumes", "augment 5 --to 6_Aug --rotate 30 --planes axial --format png"),
    Mistake("a shift that is no range", "augment 5 --to 6_Aug --hu-shift 30"),
    Mistake("two kinds of rotation", "augment 5 --to 6_Aug --rotate 30 --rotate-range 15"),
    Mistake("planes and an axis", "augment 5 --to 6_Aug --rotate 30 --planes axial --axis k"),
    Mistake("an augmentation without lineage", "augment 5 --to 6_Aug --rotate 30 --planes axial", without_lineage),
    Mistake("folds of an id that does not exist", "splits make 9"),
    Mistake("more folds than cases", "splits make 5 --folds 50"),
    Mistake("one fold", "splits make 5 --folds 1"),
    Mistake("a pattern that finds no patient", "splits make 5 --patient-pattern (x[0-9]+)"),
    Mistake("a pattern that is none", "splits make 5 --patient-pattern (x"),
    Mistake("patients without their list", "splits make 5 --patients {folder}/none.csv"),
    Mistake("too much held out", "splits make 5 --hold-out 100"),
    Mistake("folds of a person's own", "splits make 5 --folds 3", own_folds),
    Mistake("no folds to show", "splits show 5"),
    Mistake("no folds to verify", "splits verify 5"),
    Mistake("folds in a file that does not exist", "splits verify 5 --splits {folder}/none.json"),
    Mistake("restored like no dataset", "restore {folder}/pred --like 9 -o {folder}/out"),
    Mistake("restored without a dataset", "restore {folder}/pred -o {folder}/out"),
    Mistake("no predictions to restore", "restore {folder}/none --like 5 -o {folder}/out"),
    Mistake("nothing in the predictions", "restore {folder}/pred --like 5 -o {folder}/out", fewer(6)),
    Mistake("restored without lineage", "restore {folder}/pred --like 5 -o {folder}/out", without_lineage),
    Mistake("restored over another folder", "restore {folder}/pred --like 5 -o {folder}/out", there("out")),
    Mistake("no references", "evaluate {folder}/pred {folder}/none"),
    Mistake("no predictions to score", "evaluate {folder}/none 5"),
    Mistake("references of no dataset", "evaluate {folder}/pred 9"),
    Mistake("fewer predictions than references", "evaluate {folder}/pred 5", fewer(2)),
    Mistake("references fewer than predictions", "evaluate {folder}/Dataset007_Ct/labelsTr {folder}/pred", fewer(2)),
    Mistake("labels of a folder undeclared", "evaluate {folder}/pred {folder}/Dataset007_Ct/labelsTr"),
    Mistake("a tolerance of no class", "evaluate {folder}/pred 5 --tolerance spleen=2"),
    Mistake("a class mapped to none", "evaluate {folder}/pred 5 --map 1=spleen"),
    Mistake("scores over a file", "evaluate {folder}/pred 5 --csv {folder}/out", there("out")),
    Mistake("a case to draw that does not exist", "view 5 c99 -o {folder}/out"),
    Mistake("a channel that does not exist", "view 5 -o {folder}/out --channel MRI"),
    Mistake("a window that is none", "view 5 -o {folder}/out --window brain"),
    Mistake("drawn without an output", "view 5"),
    Mistake("drawn over another folder", "view 5 -o {folder}/out", there("out")),
    Mistake("no predictions to draw", "view 5 -o {folder}/out --predictions {folder}/none"),
    Mistake("no copies to draw", "view 5 -o {folder}/out --copies"),
    Mistake("a case of a report that does not exist", "report 5 c99 -o {folder}/r.html"),
    Mistake("a report over a folder", "report 5 -o {folder}/out", there("out")),
    Mistake("a report of no dataset", "report 9 -o {folder}/r.html"),
    Mistake("no predictions to report", "report 5 -o {folder}/r.html --predictions {folder}/none"),
    Mistake("a repair that is none", "repair 5 --to 6_New --repair heder"),
    Mistake("repaired into itself", "repair 5 --to 5"),
    Mistake("a repair of no dataset", "repair 9 --to 6_New"),
    Mistake("labels of no name renamed", "labels rename 5 livr=organ"),
    Mistake("an ignore label of no name", "labels ignore 5 --value spleen --to 6_New"),
    Mistake("a dataset as its id", "convert 9 --to 6_New"),
    Mistake("converted without a target", "convert {folder}/Dataset007_Ct"),
    Mistake("converted to an id over 999", "convert {folder}/Dataset007_Ct --to 1000"),
    Mistake("converted to an id that is taken", "convert {folder}/Dataset007_Ct --to 5"),
    Mistake("a kind of source that is none", "convert {folder}/Dataset007_Ct --to 6_New --from nnunet"),
    Mistake("an option of another kind", "convert {folder}/Dataset007_Ct --to 6_New --case-names path"),
    Mistake("nothing to abort", "abort 9"),
]

MODELS = [
    Mistake("plans of an id that does not exist", "plan 9"),
    Mistake("plans of a configuration that does not exist", "plan 5 -c 4d"),
    Mistake("a planner that does not exist", "plan 5 --planner nnUNetPlannerResEncQ"),
    Mistake("an unplanned dataset", "train 5 -c 2d --device cpu"),
    Mistake("a training of an id that does not exist", "train 9 -c 2d"),
    Mistake("a trainer that does not exist", "train 5 -c 2d -tr nnUNetTrainer_1epok --device cpu"),
    Mistake("a fold that is none", "train 5 -c 2d -f x"),
    Mistake("a configuration that does not exist", "train 5 -c 3d_fulres --device cpu"),
    Mistake("a GPU that this machine lacks", "train 5 -c 2d --device cuda"),
    Mistake("no plans to show", "plans show 5"),
    Mistake("no model to predict with", "infer 5 -i {folder}/pred -o {folder}/out --device cpu"),
    Mistake("no images to predict", "infer 5 -i {folder}/none -o {folder}/out --device cpu"),
    Mistake("a model that does not exist", "predict {folder}/none -i {folder}/pred -o {folder}/out --device cpu"),
    Mistake("nothing to choose the best of", "best 5"),
    Mistake("pretrained on a dataset that does not exist", "finetune 5 --from 9"),
    Mistake("status of no dataset", "status 9"),
]
"""Those that need nnU-Net."""
