"""The demo: convert, augment, train on, predict, restore, score and draw real pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..augment.planning import plan_augmentation
from ..augment.runner import run_augmentation
from ..augment.spec import AugmentSpec
from ..convert.conversion import plan_conversion, run_conversion
from ..dataset import lineage
from ..dataset.layout import Dataset
from ..dataset.lineage import TEST
from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..errors import Cure, Interrupted, SegconvError
from ..image import raster
from ..image.opened import read_image, read_label
from ..review.pictures.overlay import Panel, montage
from ..review.scores.dice import Scores
from ..review.scores.evaluation import evaluate_folders
from ..train.commands import PlanOptions
from ..train.derivation import Differences, derive
from ..train.model import Model
from ..train.paths import Paths, init_folders
from ..train.plans import add_configuration, read_plans
from ..train.predict import PredictOptions, check_model
from ..train.training import TrainOptions
from ..words import typed_size
from ..work import fsops, owned
from ..work.interruption import interruptible
from ..work.locks import locked
from ..work.plan import Target
from ..work.preflight import LAST, refuse_taken, refuse_unwritable_name, replaceable
from ..work.run_options import RunOptions, refuse_unfit
from ..work.writing import writing
from .demo_data import coin_tiles, ct_task
from .demo_record import COMMAND, PREDICTIONS, remove_empty_folders, remove_unfinished, write_record
from .infer import infer
from .plan import plan_dataset
from .train import train_folds

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
Show = Callable[[Cure], None]


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
    jobs: int = 1,
    overwrite: bool = False,
    say: Say,
    show: Show,
) -> Demonstration:
    """Go from pictures to scores, and show for each step the command that a user would type.

    Parameters
    ----------
    folder
        Output folder; must be empty or not exist.
    data
        The user's own PNG folder; if None, scikit-image's picture of coins, cut into tiles.
    device
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    jobs
        Number of workers.
    overwrite
        First remove what an earlier demo left in the folder, if it holds nothing else.
    say
        Called with progress messages.
    show
        Called with the command of each step, as a cure.

    Raises
    ------
    SegconvError
        ``SC020`` if the folder exists, or holds anything that no demo wrote; ``SC102`` if the mean Dice is below
        `BAR`; what the steps raise.
    """
    refuse_unfit(jobs=jobs, overwrite=overwrite, tell=say)
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
        steps = _Steps(folder, device, jobs, say, show)
        again = [Cure.of("demo_again", folder=folder)]
        try:
            with interruptible("interrupted", "", *again):
                return _walk(steps, data)
        except Interrupted as error:
            # Unlike its steps, a demo keeps nothing and cannot be resumed.
            raise Interrupted("interrupted", signal_number=error.signal_number, cures=again) from None
        finally:
            remove_unfinished(folder, DATASETS)
            write_record(folder, steps.written)


def _walk(steps: _Steps, data: Path | None) -> Demonstration:
    pictures = data.absolute() if data is not None else steps.make_pictures()
    paths = steps.init()
    dataset = steps.convert(pictures, PICTURES, paths)
    if data is None:
        steps.volumes(paths)
    augmented = steps.augment(dataset, PICTURES_AUGMENTED, paths, AugmentSpec(planes=("axial",), rotate_range_deg=15))
    held_back = steps.hold_back(dataset, pictures)
    steps.plan(augmented, paths)
    steps.train(augmented, paths)
    predictions = steps.infer(augmented, held_back / "input", paths)
    return steps.score(predictions, held_back)


class _Steps:
    """The steps, one method each; each first shows its command."""

    def __init__(self, folder: Path, device: str, jobs: int, say: Say, show: Show) -> None:
        self.folder = folder
        self.device = device
        self.how = RunOptions(jobs=jobs)
        self.say = say
        self.show = show
        self.written: list[Path] = []

    def write(self, path: Path, data: bytes) -> None:
        self.written.append(path)
        _write(path, data)

    def _of_model(self, kind: str, dataset: Dataset, **values: object) -> Cure:
        named = {"dataset": dataset.name.id, "configuration": CONFIGURATION, "trainer": TRAINER, "device": self.device}
        return Cure.of(f"demo_{kind}", **named, **values)

    def make_pictures(self) -> Path:
        self.say("Cutting scikit-image's picture of coins into tiles: 9 to train on, 3 held back")
        root = self.folder / "input" / "coins"
        for part, name, tile, mask in coin_tiles():
            for kind, array in (("input", tile), ("output", mask)):
                self.write(root / part / kind / f"{name}.png", raster.encode(array, ".png"))
        return root

    def init(self) -> Paths:
        self.show(Cure.of("make_folders", root=self.folder))
        return init_folders(self.folder)

    def convert(self, source: Path, number: int, paths: Paths) -> Dataset:
        conversion = plan_conversion(source, str(number), raw=paths.require("raw"), how=self.how)
        self.show(Cure.of("convert", source=source, target=f"{number}_{conversion.name.name}"))
        outcome = run_conversion(conversion, self.how)
        self.say(f"made {outcome.target.name} with {outcome.done} cases")
        return Dataset.open(outcome.target)

    def volumes(self, paths: Paths) -> None:
        """Convert and augment a 3D task as well; training it would take too long for a demo."""
        root = self.folder / "input" / "Task07_Phantom"
        self.say("Making a phantom CT task in the form of the Medical Segmentation Decathlon")
        for path, data in ct_task(root):
            self.write(path, data)
        dataset = self.convert(root, VOLUMES, paths)
        spec = AugmentSpec(angles_deg=(30.0,), planes=("sagittal", "coronal"), grey={"hu_shift": (30.0, 50.0)})
        self.augment(dataset, VOLUMES_AUGMENTED, paths, spec)

    def augment(self, source: Dataset, number: int, paths: Paths, spec: AugmentSpec) -> Dataset:
        name = DatasetName(number, f"{source.name.name}Aug")
        self.show(_augment_command(source.name.id, name, spec))
        augmentation = plan_augmentation(source, name, paths.require("raw"), spec)
        outcome = run_augmentation(augmentation, self.how)
        made = f"{augmentation.copies} copies and the originals"
        self.say(f"made {outcome.target.name}: {made}, in folds that do not leak")
        return Dataset.open(outcome.target)

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

    def plan(self, dataset: Dataset, paths: Paths) -> None:
        number = dataset.name.id
        self.show(Cure.of("preprocess", dataset=number, configuration="2d"))
        plan_dataset(dataset, paths, PlanOptions(("2d",)), jobs=self.how.jobs)
        self.show(
            Cure.of(
                "derive",
                dataset=number,
                name=CONFIGURATION,
                base="2d",
                size=typed_size(PATCH),
                batch=BATCH,
                features=f"{FEATURES[0]}:{FEATURES[1]}",
            )
        )
        file = _model(dataset).plans_file(paths)
        small = derive(read_plans(file), CONFIGURATION, "2d", Differences(PATCH, BATCH, FEATURES))
        add_configuration(file, CONFIGURATION, small)

    def train(self, dataset: Dataset, paths: Paths) -> None:
        self.show(self._of_model("train", dataset, fold=0))

        def worth_saying(line: str) -> None:
            if any(word in line for word in ("Epoch ", "loss", "Validation", "Dice")):
                self.say(line)

        options = TrainOptions(device=self.device, tell=worth_saying)
        train_folds(dataset, _model(dataset), ["0"], paths, options).refuse_failures()

    def infer(self, dataset: Dataset, inputs: Path, paths: Paths) -> Path:
        output = self.folder / PREDICTIONS
        self.show(self._of_model("infer", dataset, inputs=inputs, output=output))
        model = check_model(_model(dataset).folder(paths), dataset.path.name, ["0"])
        prediction = infer(dataset, model, inputs, output, paths, predicting=PredictOptions(self.device))
        for name in prediction.files:
            self.say(f"{output / name}")
        return output

    def score(self, predictions: Path, held_back: Path) -> Demonstration:
        self.show(Cure.of("evaluate", predictions=predictions, references=held_back / "output"))
        scores = evaluate_folders(predictions, held_back / "output")
        panels = []
        for case in scores.cases:
            self.say(f"{case}: Dice {scores.case_mean(case):.3f}")
            image = read_image((held_back / "input" / f"{case}.png").read_bytes())
            label, reference = (
                _ranked(read_label((root / f"{case}.png").read_bytes()).array)
                for root in (predictions, held_back / "output")
            )
            panels.append(Panel(f"{case}: Dice {scores.case_mean(case):.3f}", image, label, reference))
        overlay = self.folder / "overlay.png"
        self.write(overlay, montage(panels))
        self.say(f"mean Dice {scores.mean:.3f}")
        self.say(f"predictions under your names and values: {predictions}")
        self.say(f"look at {overlay} (prediction in colour, reference dashed)")
        if not scores.mean >= BAR:
            raise SegconvError(
                f"the mean Dice is {scores.mean:.3f}, below {BAR}",
                code="SC102",
                file=str(overlay),
                hint="look at the picture; with your own data, one short epoch may be too little: train longer",
            )
        return Demonstration(scores, predictions, overlay)


def _model(dataset: Dataset) -> Model:
    return Model(dataset.path.name, CONFIGURATION, TRAINER)


def _augment_command(source: int, name: DatasetName, spec: AugmentSpec) -> Cure:
    target = f"{name.id}_{name.name}"
    if "hu_shift" not in spec.grey:
        return Cure.of("augment_at_random", dataset=source, target=target, range=f"{spec.rotate_range_deg:g}")
    low, high = spec.grey["hu_shift"]
    return Cure.of(
        "augment",
        dataset=source,
        target=target,
        angles=[f"{angle:g}" for angle in spec.angles_deg],
        planes=spec.planes,
        shift=f"{low:g}:{high:g}",
    )


def _ranked(mask: np.ndarray) -> np.ndarray:
    """Return a mask with its values replaced by 0, 1, 2 …, so that 0/255 gets the first colour."""
    return np.searchsorted(np.unique(np.append(mask, 0)), mask)


def _write(path: Path, data: bytes) -> None:
    with writing(path):
        fsops.mkdir(path.parent)
        fsops.write_atomic(path, data)
