"""The demo: convert, augment, train on, predict, restore, score and draw real pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..dataset import lineage
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST
from ..dataset.names import find_dataset
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import Cure, Interrupted, SegconvError
from ..image import raster
from ..review.scores.dice import Scores
from ..review.scores.evaluation import evaluate_folders
from ..train.paths import NAMES
from ..words import typed_size
from ..work import fsops, owned
from ..work.interruption import interruptible
from ..work.locks import locked
from ..work.plan import Target
from ..work.preflight import LAST, refuse_taken, refuse_unwritable_name, replaceable
from ..work.run_options import refuse_unfit
from ..work.writing import writing
from .demo_data import coin_tiles, ct_task
from .demo_record import COMMAND, PREDICTIONS, remove_empty_folders, remove_unfinished, write_record

PICTURES, VOLUMES, PICTURES_AUGMENTED, VOLUMES_AUGMENTED = 501, 502, 601, 602
CONFIGURATION = "2d_small"
TRAINER = "nnUNetTrainer_1epoch"
DATASETS = (PICTURES, VOLUMES, PICTURES_AUGMENTED, VOLUMES_AUGMENTED)
PATCH = (64, 64)
FEATURES = (8, 64)
BATCH = 4
BAR = 0.7
"""A mean Dice below this is a failure of the demo."""

Say = Callable[[str], None]
Do = Callable[[Cure], None]
"""Shows the command of a step, and runs it."""


@dataclass(frozen=True)
class Demonstration:
    """The results of the demo.

    Parameters
    ----------
    scores
        Dice per held-back picture.
    predictions
        Folder of the restored predictions.
    overlay
        Picture of the predictions.
    """

    scores: Scores
    predictions: Path
    overlay: Path


def run_demo(
    folder: Path,
    *,
    data: Path | None = None,
    device: str = "cpu",
    overwrite: bool = False,
    say: Say,
    do: Do,
) -> Demonstration:
    """Go from pictures to scores by the commands that a user would type.

    Parameters
    ----------
    folder
        Output folder; must be empty or not exist.
    data
        The user's own PNG folder; if None, scikit-image's picture of coins, cut into tiles.
    device
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    overwrite
        First remove what an earlier demo left in the folder, if it holds nothing else.
    say
        Called with messages of the demo itself, such as the time that a step took.
    do
        Called with the command of each step, as a cure, while nnU-Net's variables name the folders of the demo.

    Raises
    ------
    SegconvError
        ``SC020`` if the folder exists, or holds anything that no demo wrote; ``SC102`` if the mean Dice is below
        `BAR`; what the steps raise.
    """
    refuse_unfit(overwrite=overwrite, tell=say)
    folder = folder.absolute()
    refuse_unwritable_name(folder)
    target = Target(folder, folder.name, lineage.manifest(COMMAND))
    with locked(target):
        if overwrite:
            remove_empty_folders(folder)
        refuse_taken(target, overwrite=overwrite)
        if (earlier := replaceable(target, overwrite=overwrite)) is not None:
            with writing(folder):
                owned.remove(folder, earlier.files, last=LAST)
        steps = _Steps(folder, device, say, do)
        again = [Cure.of("demo_again", folder=folder)]
        try:
            with interruptible("interrupted", "", *again), folders_of(folder):
                return _walk(steps, data)
        except Interrupted as error:
            # Unlike its steps, a demo keeps nothing and cannot be resumed.
            raise Interrupted("interrupted", signal_number=error.signal_number, cures=again) from None
        finally:
            remove_unfinished(folder, DATASETS)
            write_record(folder, steps.written)


def _walk(steps: _Steps, data: Path | None) -> Demonstration:
    pictures = data.absolute() if data is not None else steps.make_pictures()
    steps.init()
    dataset = steps.convert(pictures, PICTURES)
    if data is None:
        steps.volumes()
    augmented = steps.augment_pictures(dataset)
    steps.report(augmented)
    held_back = steps.hold_back(dataset, pictures)
    steps.plan(augmented)
    steps.train(augmented)
    predictions = steps.infer(augmented, held_back / "input")
    return steps.score(predictions, held_back)


@contextmanager
def folders_of(folder: Path) -> Iterator[None]:
    """Let nnU-Net's variables name the folders of a demo."""
    before = {name: os.environ.get(name) for name in NAMES.values()}
    os.environ |= {name: str(folder / name) for name in NAMES.values()}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Steps:
    """The steps, one method each; each runs its commands."""

    def __init__(self, folder: Path, device: str, say: Say, do: Do) -> None:
        self.folder = folder
        self.device = device
        self.say = say
        self.do = do
        self.written: list[Path] = []

    def write(self, path: Path, data: bytes) -> None:
        self.written.append(path)
        _write(path, data)

    def run(self, kind: str, **values: object) -> None:
        """Run the command of a step, and say what it cost."""
        started, before = time.monotonic(), _bytes_in(self.folder)
        self.do(Cure.of(kind, **values))
        grown = max(0, _bytes_in(self.folder) - before)
        self.say(f"({time.monotonic() - started:.1f} s, {grown / 1e6:.1f} MB)")

    def output(self, name: str) -> Path:
        """Return the path of a file that a command will write into the folder of the demo."""
        self.written.append(self.folder / name)
        return self.folder / name

    def made(self, number: int) -> Dataset:
        """Return a dataset that a command made."""
        return Dataset.open(find_dataset(str(number), self.folder / NAMES["raw"]))

    def _of_model(self, kind: str, dataset: Dataset, **values: object) -> None:
        named = {"dataset": dataset.name.id, "configuration": CONFIGURATION, "trainer": TRAINER, "device": self.device}
        self.run(f"demo_{kind}", **named, **values)

    def make_pictures(self) -> Path:
        self.say("Cutting scikit-image's picture of coins into tiles: 9 to train on, 3 held back")
        root = self.folder / "input" / "coins"
        for part, name, tile, mask in coin_tiles():
            for kind, array in (("input", tile), ("output", mask)):
                self.write(root / part / kind / f"{name}.png", raster.encode(array, ".png"))
        return root

    def init(self) -> None:
        self.run("make_folders", root=self.folder)

    def convert(self, source: Path, number: int) -> Dataset:
        self.run("convert", source=source, target=str(number))
        return self.made(number)

    def volumes(self) -> None:
        """Convert, augment and draw a 3D task as well; training it would take too long for a demo."""
        root = self.folder / "input" / "Task07_Phantom"
        self.say("")
        self.say("Making a phantom CT task in the form of the Medical Segmentation Decathlon")
        for path, data in ct_task(root):
            self.write(path, data)
        dataset = self.convert(root, VOLUMES)
        self.run(
            "augment",
            dataset=dataset.name.id,
            target=f"{VOLUMES_AUGMENTED}_{dataset.name.name}Aug",
            angles=["30"],
            planes=["sagittal", "coronal"],
            shift="30:50",
        )
        self.run("demo_view_copies", dataset=VOLUMES_AUGMENTED, output=self.output("volumes.png"))

    def augment_pictures(self, source: Dataset) -> Dataset:
        target = f"{PICTURES_AUGMENTED}_{source.name.name}Aug"
        preview = self.output("copies.png")
        self.run("augment_at_random", dataset=source.name.id, target=target, range="15", preview=preview)
        return self.made(PICTURES_AUGMENTED)

    def report(self, dataset: Dataset) -> None:
        self.run("demo_report", dataset=dataset.name.id, output=self.output("report.html"))

    def hold_back(self, dataset: Dataset, source: Path) -> Path:
        """Copy the pictures to predict: test cases with masks, or else the validation cases of the first fold."""
        root = self.folder / "held-back"
        records = {record.case: record for record in dataset.records()}
        chosen = [r for r in records.values() if r.split == TEST and len(r.sources) > 1]
        if not chosen:
            folds = read_splits(dataset.path / SPLITS_FILE)
            chosen = [records[case] for case in folds[0]["val"]]
            self.say(f"no masks under testing: the {len(chosen)} validation pictures of fold 0 are predicted instead")
        for record in chosen:
            for kind, found in zip(("input", "output"), record.sources, strict=True):
                self.write(root / kind / f"{record.original_name}.png", (source / found["path"]).read_bytes())
        return root

    def plan(self, dataset: Dataset) -> None:
        number = dataset.name.id
        self.run("preprocess", dataset=number, configuration="2d")
        self.run(
            "derive",
            dataset=number,
            name=CONFIGURATION,
            base="2d",
            size=typed_size(PATCH),
            batch=BATCH,
            features=f"{FEATURES[0]}:{FEATURES[1]}",
        )

    def train(self, dataset: Dataset) -> None:
        self._of_model("train", dataset, fold=0)

    def infer(self, dataset: Dataset, inputs: Path) -> Path:
        self._of_model("infer", dataset, inputs=inputs, output=self.folder / PREDICTIONS)
        return self.folder / PREDICTIONS

    def score(self, predictions: Path, held_back: Path) -> Demonstration:
        images, references, overlay = held_back / "input", held_back / "output", self.output("overlay.png")
        self.run("evaluate", predictions=predictions, references=references)
        self.run("demo_view", images=images, masks=references, predictions=predictions, output=overlay)
        scores = evaluate_folders(predictions, references)
        self.say("")
        self.say(f"mean Dice {scores.mean:.3f}, after one short epoch of a small network")
        self.say(f"predictions under your names and values: {predictions}")
        self.say(f"look at {overlay}, and at {self.folder / 'report.html'} in a browser")
        if not scores.mean >= BAR:
            raise SegconvError(
                f"the mean Dice is {scores.mean:.3f}, below {BAR}",
                code="SC102",
                file=str(overlay),
                hint="look at the picture; with your own data, one short epoch may be too little: train longer",
            )
        return Demonstration(scores, predictions, overlay)


def _bytes_in(folder: Path) -> int:
    return sum(entry.stat().st_size for _, entry in owned.entries(folder) if entry.is_file(follow_symlinks=False))


def _write(path: Path, data: bytes) -> None:
    with writing(path):
        fsops.mkdir(path.parent)
        fsops.write_atomic(path, data)
