"""The whole way on real pictures: convert, augment, plan, train, predict, restore, score, look."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
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
from ..dataset.phantoms import CT_LABELS, ct
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import read_splits
from ..dataset.strictjson import dumps
from ..errors import Interrupted, SegconvError
from ..image import raster, volumes
from ..image.opened import read_image, read_label
from ..review.pictures.overlay import Panel, montage
from ..review.scores.dice import Scores
from ..review.scores.evaluation import evaluate_folders
from ..train import plans as plans_room
from ..train.commands import model_folder
from ..train.paths import Paths, init_folders
from ..train.predict import prove_model
from ..work import fsops, owned
from ..work.interruption import interruptible
from ..work.plan import Target
from ..work.run_options import RunOptions, refuse_unfit
from ..work.staging import LAST, locked, refuse_taken, refuse_unwritable_name, replaceable, writing
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

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Demonstration:
    """What the demo found.

    Parameters
    ----------
    scores
        Dice of each held-back picture.
    predictions
        Folder of the restored predictions.
    overlay
        Picture of them.
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
    tell: Tell,
) -> Demonstration:
    """Walk the whole way and say at each step which command a user would type.

    Parameters
    ----------
    folder
        Gets everything; must not be there, or be empty.
    overwrite
        Remove first what an earlier demo left in the folder, if that is all that it holds.
    data
        The user's own PNG folder; scikit-image's picture of coins, cut into tiles, if None.
    device
        ``"cpu"`` or ``"cuda"``.
    jobs
        Workers.

    Raises
    ------
    SegconvError
        ``SC020`` if the folder is there, or holds what no demo wrote; ``SC102`` if the mean Dice is below `BAR`;
        what the steps raise.
    """
    refuse_unfit(jobs=jobs, overwrite=overwrite, tell=tell)
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
        steps = _Steps(folder, device, jobs, tell)
        anew = f"segconv demo -o {shlex.quote(str(folder))} --overwrite begins anew"
        try:
            with interruptible("interrupted", anew):
                return _walk(steps, data)
        except Interrupted as error:
            # What one of its commands would keep, and go on with, a demo does not.
            raise Interrupted("interrupted", signal_number=error.signal_number, hint=anew) from None
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
    """One method a step; each tells its command first."""

    def __init__(self, folder: Path, device: str, jobs: int, tell: Tell) -> None:
        self.folder = folder
        self.device = device
        self.jobs = jobs
        self.how = RunOptions(jobs=jobs)
        self.tell = tell
        self.written: list[Path] = []

    def write(self, path: Path, data: bytes) -> None:
        self.written.append(path)
        _write(path, data)

    def command(self, *words: object) -> None:
        self.tell("")
        self.tell("$ segconv " + shlex.join(str(word) for word in words))

    def make_pictures(self) -> Path:
        self.tell("Cutting scikit-image's picture of coins into tiles: 9 to train on, 3 held back")
        root = self.folder / "input" / "coins"
        for part, name, tile, mask in coin_tiles():
            for kind, array in (("input", tile), ("output", mask)):
                self.write(root / part / kind / f"{name}.png", raster.encode(array, ".png"))
        return root

    def init(self) -> Paths:
        self.command("paths", "init", self.folder)
        return init_folders(self.folder)

    def convert(self, source: Path, number: int, paths: Paths) -> Dataset:
        conversion = plan_conversion(source, str(number), raw=paths.require("raw"), how=self.how)
        self.command("convert", source, "--to", f"{number}_{conversion.name.name}")
        outcome = run_conversion(conversion, self.how)
        self.tell(f"made {outcome.target.name} with {outcome.done} cases")
        return Dataset.open(outcome.target)

    def volumes(self, paths: Paths) -> None:
        """Take a 3D task along as far as augmentation: training it would take longer than a demo may."""
        root = self.folder / "input" / "Task07_Phantom"
        self.tell("")
        self.tell("Making a phantom CT task in the form of the Medical Segmentation Decathlon")
        for path, data in ct_task(root):
            self.write(path, data)
        dataset = self.convert(root, VOLUMES, paths)
        spec = AugmentSpec(angles_deg=(30.0,), planes=("sagittal", "coronal"), hu_shift=(30.0, 50.0))
        self.augment(dataset, VOLUMES_AUGMENTED, paths, spec)

    def augment(self, source: Dataset, number: int, paths: Paths, spec: AugmentSpec) -> Dataset:
        name = DatasetName(number, f"{source.name.name}Aug")
        words: list[object] = ["augment", source.name.id, "--to", f"{number}_{name.name}"]
        if spec.angles_deg:
            words += ["--rotate", ",".join(f"{a:g}" for a in spec.angles_deg), "--planes", ",".join(spec.planes)]
        else:
            words += ["--rotate-range", f"{spec.rotate_range_deg:g}"]
        if spec.hu_shift is not None:
            words += ["--hu-shift", f"{spec.hu_shift[0]:g}:{spec.hu_shift[1]:g}"]
        self.command(*words)
        augmentation = plan_augmentation(source, name, paths.require("raw"), spec)
        outcome = run_augmentation(augmentation, self.how)
        made = f"{augmentation.copies} copies beside the originals"
        self.tell(f"made {outcome.target.name}: {made}, in folds that do not leak")
        return Dataset.open(outcome.target)

    def hold_back(self, dataset: Dataset, source: Path) -> Path:
        """Copy the pictures that are predicted: test cases with masks, or the first fold's validation cases."""
        root = self.folder / "held-back"
        records = {record.case: record for record in dataset.records()}
        chosen = [r for r in records.values() if r.split == TEST and len(r.sources) > 1]
        if not chosen:
            folds = read_splits(dataset.path / SPLITS_FILE)
            chosen = [records[case] for case in folds[0]["val"]]
            self.tell(f"no masks under testing: the {len(chosen)} validation pictures of fold 0 are predicted instead")
        for record in chosen:
            for kind, found in zip(("input", "output"), record.sources, strict=True):
                self.write(root / kind / f"{record.original_name}.png", (source / found["path"]).read_bytes())
        return root

    def plan(self, dataset: Dataset, paths: Paths) -> None:
        number = dataset.name.id
        self.command("plan", number, "-c", "2d")
        plan_dataset(dataset, paths, configurations=("2d",), jobs=self.jobs)
        self.command(
            "plans", "derive", number, CONFIGURATION, "--from", "2d", "--patch-size", "x".join(map(str, PATCH)),
            "--batch-size", BATCH, "--features", f"{FEATURES[0]}:{FEATURES[1]}",
        )  # fmt: skip
        path = plans_room.plans_file(paths.require("preprocessed"), dataset.path.name)
        plans = plans_room.read_plans(path)
        small = plans_room.derive(plans, CONFIGURATION, "2d", patch_size=PATCH, batch_size=BATCH, features=FEATURES)
        plans_room.add_configuration(path, CONFIGURATION, small)

    def train(self, dataset: Dataset, paths: Paths) -> None:
        self.command("train", dataset.name.id, "-c", CONFIGURATION, "-f", 0, "-tr", TRAINER, "--device", self.device)

        def worth_telling(line: str) -> None:
            if any(word in line for word in ("Epoch ", "loss", "Validation", "Dice")):
                self.tell(line)

        train_folds(
            dataset,
            CONFIGURATION,
            ["0"],
            paths,
            plans=plans_room.DEFAULT_PLANS,
            trainer=TRAINER,
            device=self.device,
            tell=worth_telling,
        )

    def infer(self, dataset: Dataset, inputs: Path, paths: Paths) -> Path:
        output = self.folder / PREDICTIONS
        self.command(
            "infer", dataset.name.id, "-c", CONFIGURATION, "-f", 0, "-tr", TRAINER, "--device", self.device,
            "-i", inputs, "-o", output,
        )  # fmt: skip
        name = dataset.path.name
        model = prove_model(model_folder(paths, name, CONFIGURATION, trainer=TRAINER), name, folds=["0"])
        prediction = infer(dataset, model, inputs, output, paths, device=self.device)
        for name in prediction.files:
            self.tell(f"{output / name}")
        return output

    def score(self, predictions: Path, held_back: Path) -> Demonstration:
        self.command("evaluate", predictions, held_back / "output")
        scores = evaluate_folders(predictions, held_back / "output")
        panels = []
        for case in scores.cases:
            self.tell(f"{case}: Dice {scores.case_mean(case):.3f}")
            image = read_image((held_back / "input" / f"{case}.png").read_bytes())
            label, reference = (
                _ranked(read_label((root / f"{case}.png").read_bytes()).array)
                for root in (predictions, held_back / "output")
            )
            panels.append(Panel(f"{case}: Dice {scores.case_mean(case):.3f}", image, label, reference))
        overlay = self.folder / "overlay.png"
        self.write(overlay, montage(panels))
        self.tell(f"mean Dice {scores.mean:.3f}")
        self.tell(f"predictions in your names and values: {predictions}")
        self.tell(f"look at {overlay} (prediction in colour, reference dashed)")
        if not scores.mean >= BAR:
            raise SegconvError(
                f"the mean Dice is {scores.mean:.3f}, below {BAR}",
                code="SC102",
                file=str(overlay),
                hint="look at the picture; with your own data, one short epoch may be too little: train longer",
            )
        return Demonstration(scores, predictions, overlay)


def coin_tiles() -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Return tiles of scikit-image's picture of coins with masks 0/255.

    The masks are made as its gallery describes, by a watershed from sure coin and sure ground. No
    two tiles share a pixel, so that neither folds nor held-back tiles leak.

    Returns
    -------
    tiles
        ``"training"`` or ``"testing"``, a name, picture and mask, both uint8 ``(y, x)``.
    """
    from scipy import ndimage
    from skimage import data, filters, segmentation

    coins = data.coins()
    markers = np.zeros(coins.shape, dtype=np.int32)
    markers[coins < 30] = 1
    markers[coins > 150] = 2
    found = segmentation.watershed(filters.sobel(coins), markers) == 2
    mask = ndimage.binary_opening(ndimage.binary_fill_holes(found), iterations=2).astype(np.uint8) * 255
    tiles = []
    edge = 96
    for part, columns in (("training", (0, 96, 192)), ("testing", (288,))):
        for left in columns:
            for top in (0, 96, 192):
                window = np.s_[top : top + edge, left : left + edge]
                tiles.append((part, f"coins {left:03d}-{top:03d}", coins[window], mask[window]))
    return tiles


def ct_task(root: Path, *, cases: int = 4) -> Iterator[tuple[Path, bytes]]:
    """Yield path and bytes of phantom CTs as a task of the Medical Segmentation Decathlon."""
    for number in range(cases):
        phantom = ct(number)
        for part, volume in (("imagesTr", phantom.images[0]), ("labelsTr", phantom.label)):
            data = volumes.encode(volume.array, volume.geometry, ".nii.gz")
            yield root / part / f"phantom_{number}.nii.gz", data
    listed = [
        {"image": f"./imagesTr/phantom_{n}.nii.gz", "label": f"./labelsTr/phantom_{n}.nii.gz"} for n in range(cases)
    ]
    description = {
        "name": "Phantom",
        "modality": {"0": "CT"},
        "labels": {str(value): name for name, value in CT_LABELS.items()},
        "numTraining": cases,
        "training": listed,
        "test": [],
    }
    yield root / "dataset.json", dumps(description)


def _ranked(mask: np.ndarray) -> np.ndarray:
    """Return a mask with its values replaced by 0, 1, 2 …, so that 0/255 gets the first colour."""
    return np.searchsorted(np.unique(np.append(mask, 0)), mask)


def _write(path: Path, data: bytes) -> None:
    with writing(path):
        fsops.mkdir(path.parent)
        fsops.write_atomic(path, data)
