"""The example of every help text, typed in an empty folder in the order in which a user would."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from skimage import io

from fixtures.make_fixtures import png_shapes
from segconv.train.totalsegmentator import registry

from ..command import Command
from ..convert.oracles import ct, write
from ..flows.stage_trainer import trained_stages
from ..train.shim.installed import install, seen
from ..train.totalsegmentator.random_models import make_models
from ..train.totalsegmentator.stand_in import StandIn
from .test_main import leaves

pytestmark = pytest.mark.train

ORDER = [
    "paths init", "paths show", "paths", "doctor", "convert", "labels show", "labels",
    "labels rename", "labels regions", "labels ignore", "labels remap", "labels compile",
    "status", "check", "view", "report", "splits show", "splits", "splits make", "splits verify", "repair", "augment", "plan", "plans show", "plans", "plans derive",
    "trainers new", "rehearse", "train", "cascade", "trainers list", "trainers", "trainers preview", "stress", "best",
    "infer", "models export", "models", "models show", "predict", "models import", "evaluate", "restore", "finetune", "nnunet", "abort", "demo",
    "totalseg tasks", "totalseg", "totalseg classes", "totalseg weights", "totalseg groups", "totalseg combine",
    "totalseg run",
    "totalseg pack", "totalseg install",
]  # fmt: skip
NOT_HERE = "totalseg" if sys.version_info >= (3, 13) else "nothing"
"""Commands whose package this Python cannot have."""
ONE_WORKER = ["-j", "1"]  # each more spends seconds on its imports
QUICKLY = dict.fromkeys(("plan", "stress", "best", "infer", "predict", "demo"), ONE_WORKER)


def example(epilog: str) -> list[str]:
    match = re.search(r"Example:\n\s+segconv (.*)", epilog)
    assert match, epilog
    return shlex.split(match[1])


@pytest.mark.timeout(1800)  # two trainings, on a machine that may be busy
def test_every_example_works(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = {name: example(command.epilog or "") for name, command in leaves()}
    assert sorted(examples) == sorted(ORDER), "a new command needs a place in the order"

    def restored() -> None:
        shutil.rmtree("mine")
        shutil.copytree(segconv.raw / "Dataset501_Shapes" / "labelsTs", "predictions")

    def shapes() -> None:
        png_shapes(tmp_path / "fixtures", size=(128, 96), cases=8)
        shutil.copytree(tmp_path / "fixtures" / "png" / "testing", tmp_path / "testing")

    def scans() -> None:
        for case, rows in (("a", {"ct": 9, "liver": 5, "tumour": 2}), ("b", {"ct": 7, "liver": 3, "tumour": 0})):
            (tmp_path / "scans" / case).mkdir(parents=True)
            for name, row in rows.items():
                image = np.zeros((16, 16), dtype=np.uint8)
                image[:row] = 255
                io.imsave(tmp_path / "scans" / case / f"{name}.png", image, check_contrast=False)

    def lobes() -> None:
        Path("segmentations").mkdir()
        for row, name in enumerate(registry.find_task("total").classes.values()):
            mask = np.zeros((4, 4, 200), dtype=np.uint8)
            mask[..., row] = 1
            sitk.WriteImage(sitk.GetImageFromArray(mask), Path("segmentations") / f"{name}.nii.gz")

    def volumes() -> None:
        shutil.rmtree("scans")
        (tmp_path / "scans").mkdir()
        write(tmp_path / "scans" / "a.nii.gz", ct(1).images[0])
        StandIn(tmp_path / "stand-in").install(monkeypatch)

    def weights() -> None:
        make_models(Path("weights"))
        monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", "weights")

    before: dict[str, Callable[[], object]] = {
        "convert": shapes,
        "labels compile": scans,
        "cascade": lambda: trained_stages(tmp_path),
        "finetune": fine_tuned,
        "restore": restored,
        "models import": (tmp_path / "elsewhere").mkdir,
        "totalseg combine": lobes,
        "totalseg pack": weights,
        "totalseg install": lambda: monkeypatch.setenv("TOTALSEG_WEIGHTS_PATH", "offline"),
        "abort": lambda: (segconv.raw / ".segconv-042").mkdir(),
        "totalseg run": volumes,
    }
    for name in (name for name in ORDER if not name.startswith(NOT_HERE)):
        before.get(name, lambda: None)()
        with monkeypatch.context() as patch:
            more = with_the_new_trainer(tmp_path, patch) if name == "rehearse" else QUICKLY.get(name, ())
            done = segconv(*examples[name], *more)
        assert done.code == 0, (name, done.err)
        if name == "augment":
            assert segconv("augment", "501", "--to", "601_ShapesAug", "--rotate", "30", "--json").code == 73
        if name == "rehearse":
            nothing_is_left_of_a_rehearsal(done.out, done.err)
        if name == "train":
            (log,) = (segconv.folder / "nnUNet_preprocessed" / ".segconv-logs").glob("*/train*.log")
            assert "Validation complete" in log.read_text()
            again = segconv(*examples["train"])
            assert (again.code, "was trained and validated before" in again.err) == (0, True)
            assert segconv(*examples["train"], "--fold", "7").code == 2, "there is no such fold"
        if name == "finetune":
            assert "Step 5 of 5" in done.err
        if name == "cascade":
            assert "Step 3 of 3" in done.err
        if name == "trainers preview":
            assert io.imread("da5.png").shape[0] > 300
            assert "Warning" not in done.err
            assert not list(tmp_path.glob(".segconv-preview*"))
            without_transforms_nothing_changes(segconv, tmp_path / "transforms")
        if name == "stress":
            a_trained_model_was_measured(Path("stress"))
            assert segconv(*examples["stress"]).codes() == ["SC020"]
        if name == "models import":
            assert list(Path("elsewhere").glob("Dataset501_Shapes/*/fold_0/checkpoint_final.pth"))
        if name == "infer":
            values = {
                int(v) for path in Path("mine").iterdir() if path.suffix == ".png" for v in np.unique(io.imread(path))
            }
            assert 0 in values
            assert values <= {0, 128, 255}
            assert sorted(p.name for p in Path("mine").glob("*.png")) == ["shape-8.png", "shape-9.png"]
            assert not list(tmp_path.glob(".segconv-infer*"))
        if name == "totalseg install":
            assert list(Path("offline").glob("Dataset300*/*/fold_0/checkpoint_final.pth"))
        if name == "totalseg combine":
            assert sorted(np.unique(sitk.GetArrayFromImage(sitk.ReadImage("lung.nii.gz")))) == [0, 1]
    assert (tmp_path / "demo" / "overlay.png").stat().st_size > 10_000


def with_the_new_trainer(folder: Path, patch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Install the package that the example of ``trainers new`` made; return what names its trainer."""
    install(folder / "my-trainer", folder / "packages")
    seen(folder / "packages", patch)
    return ("-tr", "nnUNetTrainerMine")


def nothing_is_left_of_a_rehearsal(out: str, said: str) -> None:
    """Every step was taken, the real training was estimated, and the folders are as before."""
    steps = [line.partition(":")[0] for line in said.splitlines() if re.search(r": [\d.]+ s$", line)]
    trained = [step for step in steps if step.startswith(("train", "resume", "validate"))]
    assert trained == [
        "train 2d_small fold 0",
        "resume 2d_small fold 0",
        "validate 2d_small fold 0",
        "train 2d_small fold 1",
        "validate 2d_small fold 1",
    ]
    predicted = ["predict 2d_small fold 0", "predict 2d_small fold 1", "ensemble of 2", "postprocess", "restore"]
    assert steps[-5:] == predicted
    assert "Next: segconv train 501 -c 2d_small -f 0,1,2,3,4 -tr nnUNetTrainerMine" in said
    assert re.search(r"^2d_small\t[\d.]+ million\tmade\t", out, re.MULTILINE)
    assert not list(Path("nnUNet_preprocessed").glob(".segconv-rehearse-Dataset501_Shapes"))
    assert not list(Path("nnUNet_results").glob("Dataset501*"))


def fine_tuned() -> None:
    """Let the trained fold pass for one that was pretrained on 601, and for one that was fine-tuned from it."""
    from segconv.train.model import Model
    from segconv.train.moved_plans import copy_plans, move_plans
    from segconv.train.paths import Paths

    source = Model("Dataset501_Shapes", "2d_small", "nnUNetTrainer_1epoch")
    tuned = Model(source.dataset, source.configuration, source.trainer, "nnUNetPlansFrom601")
    before = Model("Dataset601_ShapesAug", source.configuration, source.trainer, "nnUNetPlansFor501")
    trained = source.fold_folder(Paths.find(), "0")
    digest = hashlib.sha256((trained / "checkpoint_final.pth").read_bytes()).hexdigest()
    copy_plans(source, tuned, {"sha256": digest}, Paths.find())
    move_plans(source, before, Paths.find())
    shutil.copytree(trained, before.fold_folder(Paths.find(), "all"))
    shutil.copytree(trained, tuned.fold_folder(Paths.find(), "0"))


def without_transforms_nothing_changes(segconv: Command, work: Path) -> None:
    """A trainer without augmentation shows the same patch again and again, and no trainer leaves a model behind."""
    from segconv.train.known_trainers import find_trainer, list_trainers
    from segconv.train.model import Model
    from segconv.train.paths import Paths
    from segconv.train.transforms import transform_case

    trainer = find_trainer("nnUNetTrainerNoDA", list_trainers())
    model = Model("Dataset501_Shapes", "2d_small", trainer.name)
    made = transform_case(model, trainer, "shape-1", Paths.find(), work, samples=2)
    assert made.image.shape == (3, 64, 64)
    assert all(np.array_equal(image, made.image) for image in made.images)
    assert all(np.array_equal(label, made.label) for label in made.labels)
    assert 0 < made.label.max() <= 2
    assert made.facts["mirror_axes"] == []
    left = sorted(path.name for path in (segconv.folder / "nnUNet_results" / "Dataset501_Shapes").iterdir())
    assert left == ["nnUNetTrainer_1epoch__nnUNetPlans__2d_small"]


def a_trained_model_was_measured(folder: Path) -> None:
    found = json.loads((folder / "stress.json").read_text())
    assert [(c["plane"], c["angle_deg"]) for c in found["conditions"]] == [("", 0), ("axial", 15), ("axial", 90)]
    splits = json.loads(Path("nnUNet_preprocessed/Dataset501_Shapes/splits_final.json").read_text())
    assert found["cases"] == sorted(splits[0]["val"])
    (model,) = found["models"]
    untouched = found["conditions"][0]
    assert untouched["ceiling"]["mean"] == 1
    # What nnU-Net's own validation of the fold found, by its own way of predicting and scoring.
    summary = Path("nnUNet_results/Dataset501_Shapes", model, "fold_0", "validation", "summary.json")
    wanted = json.loads(summary.read_text())["mean"]
    dice = untouched["models"][model]["classes"]
    assert list(dice.values()) == pytest.approx([wanted["1"]["Dice"], wanted["2"]["Dice"]], abs=0.02)
    assert sorted(path.name for path in folder.iterdir()) == ["segconv", "stress.csv", "stress.json", "stress.png"]
    assert not list(Path().glob(".segconv-stress*"))


@pytest.mark.timeout(1800)
def test_the_real_nuclei_are_converted_trained_on_and_predicted(data: Path, tmp_path: Path, segconv: Command) -> None:
    done = segconv("demo", "--data", data / "dsb2018_pairs", "-o", tmp_path / "demo", *ONE_WORKER)
    assert done.code == 0, done.err
    made = sorted((tmp_path / "demo" / "predictions").glob("*.png"))
    assert [p.name for p in made] == [f"img-{n}.png" for n in range(19, 25)]
    assert all(set(np.unique(io.imread(p))) <= {0, 255} for p in made)
    mean = re.search(r"mean Dice (0\.\d+)", done.err)
    assert mean
    assert float(mean[1]) >= 0.7
    raw = tmp_path / "demo" / "nnUNet_raw" / "Dataset601_dsb2018_pairsAug"
    planned = tmp_path / "demo" / "nnUNet_preprocessed" / raw.name / "splits_final.json"
    assert json.loads(planned.read_text()) == json.loads((raw / "splits_final.json").read_text())


def test_nnunets_own_check_passes_the_real_task(data: Path, segconv: Command) -> None:
    segconv("convert", data / "Task04_Hippocampus", "--to", "4")
    done = segconv("nnunet", "--", "nnUNetv2_extract_fingerprint", "-d", "4", "-np", "2", "--verify_dataset_integrity")
    assert done.code == 0, done.err
    assert "verify_dataset_integrity Done." in done.out


def test_other_folds_than_those_trained_on_are_not_put_in_place(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segconv.dataset.layout import Dataset
    from segconv.errors import SegconvError
    from segconv.flows.plan import carry_splits
    from segconv.train.paths import Paths

    segconv("convert", png_shapes(tmp_path / "s"), "--to", "9_A", "--accept-labels")
    dataset = Dataset.open(segconv.raw / "Dataset009_A")
    folder = tmp_path / "nnUNet_preprocessed" / "Dataset009_A"
    folder.mkdir()
    carry_splits(dataset, folder, Paths.find())
    assert (folder / "splits_final.json").read_bytes() == (dataset.path / "splits_final.json").read_bytes()
    (folder / "splits_final.json").write_text('[{"train": ["shape-0"], "val": ["shape-1"]}]')
    for _ in range(2):
        with pytest.raises(SegconvError) as caught:
            carry_splits(dataset, folder, Paths.find())
        assert caught.value.code == "SC095"
        (tmp_path / "nnUNet_results" / "Dataset009_A").mkdir(exist_ok=True)
