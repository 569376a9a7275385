"""Predictions of a user's files: all of them, in the requested folder, with nothing else touched."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from skimage import io

from fixtures.make_fixtures import png_shapes, write_png
from segconv.flows import predicting
from segconv.train.holds import training
from segconv.train.paths import Paths
from segconv.work import fsops

from ..command import Command, Done, tree_hash
from ..train.checkpoints import checkpoint as checkpoint_bytes
from .predictor import LIMIT_S, MODEL, OWN_FILES, Predictor, wait_until

pytestmark = pytest.mark.train  # the commands of nnU-Net must be installed, if only to be stubbed

NAMES = ["one picture.png", "zwei.png"]


@dataclass(frozen=True)
class World:
    """A dataset with a model, pictures, and a command that predicts them."""

    folder: Path
    segconv: Command
    predictor: Predictor

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def output(self) -> Path:
        return self.folder / "made"

    @property
    def dataset(self) -> Path:
        return self.segconv.raw / "Dataset501_Shapes"

    def words(self, *more: object, inputs: Path | None = None, output: Path | None = None) -> list[object]:
        words = ["infer", 501, "-i", inputs or self.pictures, "-o", output or self.output, "-c", "2d"]
        return [*words, "--device", "cpu", "--trust-model", "-j", 1, *more]

    def infer(self, *more: object, inputs: Path | None = None, output: Path | None = None) -> Done:
        return self.segconv(*self.words(*more, inputs=inputs, output=output))

    def start(self, *more: object, how: str = "wait") -> subprocess.Popen[str]:
        """Begin to predict in another process, and wait until nnU-Net would be at work."""
        run = self.predictor.start(*self.words(*more), env={"nnUNet_program": how})
        wait_until(lambda: self.predictor.begun() or run.poll() is not None)
        return run

    def hidden(self) -> list[str]:
        return sorted(path.name for path in self.output.parent.glob(".*"))

    def made(self) -> dict[str, list[int]]:
        return {p.name: np.unique(io.imread(p)).tolist() for p in sorted(self.output.glob("*.png"))}


def when_free(command: Callable[[], Done]) -> Done:
    """Run a command once the last process of one that was killed is gone, which may take a moment."""
    ended: list[Done] = []

    def free() -> bool:
        ended.append(command())
        return ended[-1].code != 75

    wait_until(free)
    return ended[-1]


RESTORED = {name: [0, 128, 255] for name in NAMES}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in nnUNet_raw, made once."""
    from segconv.convert.conversion import plan_conversion, run_conversion
    from segconv.convert.model import ConvertOptions

    folder = tmp_path_factory.mktemp("template")
    (folder / "raw").mkdir()
    source = png_shapes(folder, cases=2, tests=0, size=(8, 6))
    options = ConvertOptions(accept_labels=True)
    run_conversion(plan_conversion(source, "501_Shapes", raw=folder / "raw", options=options))
    return folder / "raw" / "Dataset501_Shapes"


@pytest.fixture
def world(template: Path, tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> World:
    shutil.copytree(template, segconv.raw / template.name)
    predictor = Predictor.make(tmp_path / "predictor")
    predictor.install(monkeypatch.setattr)
    predictor.trains(tmp_path / "nnUNet_results", template.name)
    for name in NAMES:
        write_png(tmp_path / "pictures" / name, np.zeros((6, 8, 3), dtype=np.uint8))
    return World(tmp_path, segconv, predictor)


def test_predictions_come_in_the_users_names_and_values(world: World) -> None:
    done = world.infer()
    assert done.code == 0, done.err
    assert done.out.splitlines() == [str(world.output / name) for name in NAMES]
    assert world.made() == RESTORED
    assert world.hidden() == []
    assert [line for line in done.err.splitlines() if "Warning SC077" in line] == [
        f"Warning SC077: {name}: all pixels are 0, 0, 0" for name in NAMES
    ]
    again = world.segconv("restore", world.output, "--like", 501, "-o", world.folder / "again")
    assert (again.code, "restored already" in again.err) == (0, True)


def test_raw_predictions_are_what_nnunet_wrote_and_can_be_restored(world: World) -> None:
    done = world.infer("--raw-output", "--json")
    assert done.code == 0, done.err
    names = done.json["files"]
    assert len(names) == 2
    assert world.made() == {name: [0, 1, 2] for name in names}
    assert {path.name for path in world.output.iterdir()} == {*names, *OWN_FILES, "segconv"}
    assert json.loads((world.output / "segconv" / "run.json").read_text())["command"] == "infer"
    assert world.hidden() == []
    restored = world.segconv("restore", world.output, "--like", 501, "-o", world.folder / "restored")
    assert restored.code == 0, restored.err
    values = [np.unique(io.imread(path)).tolist() for path in (world.folder / "restored").glob("*.png")]
    assert values == [[0, 128, 255]] * 2


@pytest.mark.parametrize(("first", "then"), [((), ("--raw-output",)), (("--raw-output",), ()), ((), ())])
def test_own_predictions_are_replaced_when_asked(world: World, first: tuple[str, ...], then: tuple[str, ...]) -> None:
    assert world.infer(*first).code == 0
    before = tree_hash(world.output)
    assert world.infer(*then).codes() == ["SC020"]
    assert tree_hash(world.output) == before
    (world.pictures / NAMES[0]).unlink()
    done = world.infer(*then, "--overwrite")
    assert done.code == 0, done.err
    assert len(world.made()) == 1
    assert world.hidden() == []
    assert len(world.predictor.asked) == 2


def holds_a_strangers_file(world: World) -> Path:
    assert world.infer().code == 0
    (world.output / "notes.txt").write_text("mine")
    return world.output


def holds_an_edited_mask(world: World) -> Path:
    assert world.infer("--raw-output").code == 0
    shutil.copyfile(world.pictures / NAMES[0], next(world.output.glob("*.png")))
    return world.output


def holds_a_strangers_folder(world: World) -> Path:
    assert world.infer("--raw-output").code == 0
    (world.output / "empty").mkdir()
    return world.output


def is_somebody_elses(world: World) -> Path:
    world.output.mkdir()
    (world.output / "thesis.txt").write_text("mine")
    return world.output


def is_a_file(world: World) -> Path:
    world.output.write_text("mine")
    return world.output


def is_a_link(world: World) -> Path:
    world.output.symlink_to(world.folder / "elsewhere")
    (world.folder / "elsewhere").mkdir()
    (world.folder / "elsewhere" / "thesis.txt").write_text("mine")
    return world.output


def is_the_input(world: World) -> Path:
    return world.pictures


def holds_the_input(world: World) -> Path:
    shutil.move(world.pictures, world.folder / "holder" / "inner" / "pictures")
    world.pictures.symlink_to(world.folder / "holder" / "inner" / "pictures")
    return world.folder / "holder"


def is_the_dataset(world: World) -> Path:
    return world.dataset


def is_raw(world: World) -> Path:
    return world.segconv.raw


def is_preprocessed_by_a_link(world: World) -> Path:
    (world.folder / "way").symlink_to(world.folder / "nnUNet_preprocessed")
    return world.folder / "way"


def is_preprocessed(world: World) -> Path:
    """It is empty, and all the same not to become a folder of predictions."""
    return world.folder / "nnUNet_preprocessed"


def is_results(world: World) -> Path:
    return world.folder / "nnUNet_results"


def is_the_model(world: World) -> Path:
    return world.folder / "nnUNet_results" / "Dataset501_Shapes"


def is_another_dataset(world: World) -> Path:
    """Of segconv's own making, but no predictions."""
    shutil.copytree(world.dataset, world.folder / "Dataset502_Other")
    return world.folder / "Dataset502_Other"


@pytest.mark.parametrize(
    "target",
    [
        holds_a_strangers_file, holds_an_edited_mask, holds_a_strangers_folder, is_somebody_elses, is_a_file, is_a_link,
        is_the_input, holds_the_input, is_the_dataset, is_raw, is_preprocessed, is_preprocessed_by_a_link, is_results,
        is_the_model, is_another_dataset,
    ],
)  # fmt: skip
def test_what_infer_did_not_write_is_not_replaced(world: World, target: Callable[[World], Path]) -> None:
    output = target(world)
    before, asked = tree_hash(world.folder), len(world.predictor.asked)
    for form in ((), ("--raw-output",)):
        for overwrite in ((), ("--overwrite",)):
            done = world.infer(*form, *overwrite, output=output)
            assert done.codes() == ["SC020"], done.err
            assert str(output) in done.err
            assert tree_hash(world.folder) == before
    assert len(world.predictor.asked) == asked, "refused before predicting"
    words = ["restore", world.dataset / "labelsTr", "--like", 501, "-o", output, "--overwrite"]
    assert world.segconv(*words).codes() == ["SC020"]
    assert tree_hash(world.folder) == before


@pytest.mark.parametrize("path", ["n" * 300, "/".join(["n" * 200] * 30)])
def test_an_impossible_output_is_reported_first(world: World, path: str) -> None:
    for overwrite in ((), ("--overwrite",)):
        done = world.infer(*overwrite, output=world.folder / path)
        assert (done.code, done.codes()) == (74, ["SC031"])
    assert world.predictor.asked == []


def test_an_input_that_is_not_a_file_is_named(world: World) -> None:
    os.mkfifo(world.folder / "pipe")
    for path in (world.folder / "pipe", Path("/dev/full")):
        done = world.infer(inputs=path)
        assert (done.code, done.codes()) == (65, ["SC061"])
        assert f"{path}: is a folder, pipe or device" in done.err


def test_predictions_are_not_replaced_by_their_own_restored_form(world: World) -> None:
    """Everything in the folder is segconv's own, and would be gone before it is read."""
    assert world.infer().code == 0
    for name in NAMES:
        write_png(world.pictures / name, io.imread(world.output / name)[..., np.newaxis].repeat(3, 2))
    before = tree_hash(world.output)
    assert world.infer("--overwrite", inputs=world.output).codes() == ["SC020"]
    assert world.infer("--overwrite", inputs=world.output / NAMES[0]).codes() == ["SC020"]
    assert tree_hash(world.output) == before


def test_of_two_at_once_the_second_waits_for_another_time(world: World) -> None:
    first = world.start()
    before = tree_hash(world.folder)
    others: list[list[object]] = [
        world.words(),
        world.words("--raw-output", "--overwrite"),
        ["restore", world.dataset / "labelsTr", "--like", 501, "-o", world.output],
        ["abort", world.output],
    ]
    for words in others:
        done = world.segconv(*words)
        assert (done.code, done.codes()) == (75, ["SC035"]), (words, done.err)
        assert tree_hash(world.folder) == before
    world.predictor.go()
    _, err = first.communicate(timeout=LIMIT_S)
    assert first.returncode == 0, err
    assert world.made() == RESTORED
    assert world.hidden() == []


def test_a_prediction_that_was_not_written_is_named_and_the_others_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_program", "fewer")
    done = world.infer()
    assert (done.code, done.codes()) == (70, ["SC101"])
    assert NAMES[0] in done.err
    assert NAMES[1] not in done.err
    assert f"segconv abort {world.output}" in done.err
    assert not world.output.exists()
    assert world.hidden() == [".segconv-infer-made"]
    monkeypatch.delenv("nnUNet_program")
    assert world.infer().code == 0
    assert [len(cases) for cases in world.predictor.asked] == [2, 1]
    assert world.made() == RESTORED
    assert world.hidden() == []


def test_a_killed_run_is_resumed_with_the_rest_and_a_torn_prediction_is_done_again(world: World) -> None:
    write_png(world.pictures / "three.png", np.zeros((6, 8, 3), dtype=np.uint8))
    run = world.start(how="wait after two")
    run.kill()
    run.communicate(timeout=LIMIT_S)
    first, second, third = world.predictor.asked[0]
    predictions = world.output.parent / ".segconv-infer-made" / "predictions"
    assert {path.stem for path in predictions.glob("*.png")} == {first, second}
    torn = predictions / f"{second}.png"
    torn.write_bytes(torn.read_bytes()[:-20])
    done = when_free(world.infer)
    assert done.code == 0, done.err
    assert world.predictor.asked[1:] == [[second, third]]
    assert world.made() == {**RESTORED, "three.png": [0, 128, 255]}
    assert world.hidden() == []


def test_what_another_model_predicted_is_not_taken(world: World) -> None:
    run = world.start()
    run.kill()
    run.communicate(timeout=LIMIT_S)
    checkpoint = world.folder / "nnUNet_results" / world.dataset.name / MODEL / "fold_0" / "checkpoint_final.pth"
    checkpoint.write_bytes(checkpoint_bytes(2))
    done = when_free(world.infer)
    assert done.codes() == ["SC021"]
    assert "--restart" in done.err
    assert world.infer("--restart").code == 0
    assert [len(cases) for cases in world.predictor.asked] == [2, 2]


def test_folds_with_numbers_are_averaged_and_fold_all_is_not(world: World) -> None:
    model = world.folder / "nnUNet_results" / world.dataset.name / MODEL
    for fold in ("1", "all"):
        shutil.copytree(model / "fold_0", model / f"fold_{fold}")
    done = world.infer()
    assert done.code == 0, done.err
    assert "folds 0, 1; fold all is left out" in done.err
    assert world.predictor.folds == [["0", "1"]]
    shutil.rmtree(model / "fold_0")
    shutil.rmtree(model / "fold_1")
    assert world.infer("--overwrite").code == 0
    assert world.predictor.folds[-1] == ["all"]


def test_a_fold_is_not_predicted_with_while_it_is_trained(world: World) -> None:
    paths = Paths.find()
    fold = world.folder / "nnUNet_results" / world.dataset.name / MODEL / "fold_0"
    with training(paths, world.dataset.name, [fold]):
        done = world.infer()
    assert (done.code, done.codes()) == (75, ["SC035"])
    assert str(fold) in done.err
    assert world.hidden() == []
    assert world.infer().code == 0


def test_without_a_configuration_the_only_model_predicts_and_several_are_not_guessed_between(world: World) -> None:
    words = ["infer", 501, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model", "-j", 1]
    done = world.segconv(*words)
    assert done.code == 0, done.err
    assert f"the only trained model: {MODEL}" in done.err
    world.predictor.trains(world.folder / "nnUNet_results", world.dataset.name, "3d_lowres")
    done = world.segconv(*words, "--overwrite")
    assert done.codes() == ["SC010"]
    assert "segconv best" in done.err
    assert world.segconv(*words, "-f", 0).codes() == ["SC001"], "a fold of which model?"


def hints(done: Done) -> list[str]:
    return [line.removeprefix("Hint: ") for line in done.err.splitlines() if line.startswith("Hint: ")]


def again(world: World, offered: str) -> Done:
    """Run the command that was refused with the options that were offered."""
    words = shlex.split(offered.partition(" takes ")[0])
    return world.infer("--overwrite", *words)


def test_what_is_trained_is_offered_to_who_asks_for_something_else(world: World) -> None:
    done = world.infer("-c", "3d_fullres")
    assert done.codes() == ["SC010"]
    assert "; trained is 2d with nnUNetTrainer (fold 0)\n" in done.err
    (hint,) = hints(done)
    assert hint == "-c 2d -f 0 takes what is trained, or segconv train 501 -c 3d_fullres -f 0"
    done = again(world, hint)
    assert (done.code, world.predictor.folds) == (0, [["0"]])
    (hint,) = hints(world.infer("-f", 3))
    assert hint == "-f 0 takes what is trained, or segconv train 501 -c 2d -f 3"
    assert again(world, hint).code == 0


def test_what_is_offered_has_its_trainer_and_the_nearest_comes_first(world: World) -> None:
    world.predictor.trains(world.folder / "nnUNet_results", world.dataset.name, "3d_lowres")
    results = world.folder / "nnUNet_results" / world.dataset.name
    (results / MODEL).rename(results / "nnUNetTrainer_5epochs__nnUNetPlans__2d")
    (hint,) = hints(world.infer())
    assert hint.startswith("-c 2d -tr nnUNetTrainer_5epochs -f 0 takes what is trained, or -c 3d_lowres -f 0 takes ")
    assert again(world, hint).code == 0
    words = ["infer", 501, "-i", world.pictures, "-o", world.output, "-tr", "nnUNetTrainer_5epochs"]
    done = world.segconv(*words)
    assert (done.codes(), hints(done)) == (["SC001"], ["-c 2d -tr nnUNetTrainer_5epochs -f 0 takes what is trained"])


def test_a_fold_that_is_begun_predicts_with_what_is_trained_so_far(world: World) -> None:
    fold = world.folder / "nnUNet_results" / world.dataset.name / MODEL / "fold_0"
    (fold / "checkpoint_final.pth").rename(fold / "checkpoint_best.pth")
    for done in (world.infer(), world.infer("-f", 0)):
        assert hints(done)[0].startswith("-f 0 --checkpoint checkpoint_best.pth takes what is trained so far, or ")
    assert again(world, hints(world.infer())[0]).code == 0


def test_without_models_the_hint_goes_on_with_what_is_missing(world: World) -> None:
    shutil.rmtree(world.folder / "nnUNet_results" / world.dataset.name)
    words = ["infer", 501, "-i", world.pictures, "-o", world.output]
    assert hints(world.segconv(*words)) == ["segconv plan 501"]
    plans = world.folder / "nnUNet_preprocessed" / world.dataset.name / "nnUNetPlans.json"
    plans.parent.mkdir()
    plans.write_text('{"configurations": {"2d": {}}}')
    assert hints(world.segconv(*words)) == ["segconv train 501 -c 2d -f 0"]
    assert hints(world.segconv(*words, "-c", "2d")) == ["segconv train 501 -c 2d -f 0"]
    assert hints(world.segconv(*words, "-c", "3d_lowres")) == ["segconv train 501 -c 2d -f 0"], "which was not planned"


def test_infer_and_predict_name_each_other_for_what_the_other_takes(world: World) -> None:
    done = world.segconv("predict", 501, "-i", world.pictures, "-o", world.output)
    (hint,) = hints(done)
    words = shlex.split(hint.partition(" predicts ")[0])
    assert (done.code, words[:3]) == (66, ["segconv", "infer", "501"])
    assert world.segconv(*words[1:], "--device", "cpu", "--trust-model", "-j", 1).code == 0
    archive = world.folder / "it's mine.zip"
    archive.touch()
    done = world.segconv("infer", archive, "-i", world.pictures, "-o", world.output)
    assert shlex.split(hints(done)[0].partition(" predicts ")[0])[:3] == ["segconv", "predict", str(archive)]


def test_the_end_counts_what_was_predicted_and_the_start_says_with_what(world: World) -> None:
    done = world.infer()
    assert f"nnU-Net starts to predict with {MODEL}, fold 0\n" in done.err
    assert f"2 predictions in {world.output}\n" in done.err


def test_a_trainer_that_is_not_found_is_refused_before_anything_is_written(world: World) -> None:
    fold = world.folder / "nnUNet_results" / world.dataset.name / MODEL / "fold_0"
    (fold / "checkpoint_final.pth").write_bytes(checkpoint_bytes(trainer_name="MyTrainer"))
    done = world.infer()
    assert (done.code, done.codes(), world.hidden()) == (78, ["SC166"], [])
    assert "was trained by MyTrainer, which nnU-Net would not find" in done.err
    assert "--ext-trainer FOLDER names a folder with trainers of yours" in hints(done)[0]
    (world.folder / "mine").mkdir()
    source = "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
    source += "class MyTrainer(nnUNetTrainer):\n    pass\n"
    (world.folder / "mine" / "my_trainers.py").write_text(source)
    assert world.infer("--ext-trainer", world.folder / "mine").code == 0
    shutil.rmtree(world.output)
    (world.folder / "mine" / "a_first.py").write_text("import surely_not_installed\n")  # or does not come back
    done = world.infer("--ext-trainer", world.folder / "mine")
    assert (done.codes(), world.hidden(), world.output.exists()) == (["SC226"], [], False)
    assert "nnU-Net cannot import a_first: ModuleNotFoundError" in done.err


def test_both_stages_of_a_cascade_predict(world: World) -> None:
    results = world.folder / "nnUNet_results"
    world.predictor.trains(results, world.dataset.name, "3d_cascade_fullres")
    words = [*world.words(), "-c", "3d_cascade_fullres"]
    done = world.segconv(*words)
    assert done.codes() == ["SC010"], "the first stage is not trained"
    assert "Hint: segconv train 501 -c 3d_lowres -f 0\n" in done.err
    assert world.predictor.asked == []
    world.predictor.trains(results, world.dataset.name, "3d_lowres")
    done = world.segconv(*words)
    assert done.code == 0, done.err
    assert [name.rsplit("__", 1)[1] for name in world.predictor.models] == ["3d_lowres", "3d_cascade_fullres"]
    assert world.made() == RESTORED
    assert world.hidden() == []


def best_is_an_ensemble(world: World, *steps: dict[str, object]) -> None:
    """Write what nnU-Net's search leaves behind, with an ensemble of two models at the top."""
    results = world.folder / "nnUNet_results" / world.dataset.name
    world.predictor.trains(results.parent, results.name, "3d_lowres")
    models = [
        {"configuration": c, "trainer": "nnUNetTrainer", "plans_identifier": "nnUNetPlans"} for c in ("2d", "3d_lowres")
    ]
    name = "ensemble___nnUNetTrainer__nnUNetPlans__2d___nnUNetTrainer__nnUNetPlans__3d_lowres___0"
    source = results / "ensembles" / name
    source.mkdir(parents=True)
    functions = ["remove_all_but_largest_component_from_segmentation" for _ in steps]
    said = {"postprocessing_fns": functions, "postprocessing_kwargs": list(steps)}
    (source / "postprocessing.json").write_text(json.dumps(said))
    best = {"result_on_crossval_pre_pp": 0.8, "result_on_crossval_post_pp": 0.9, "selected_model_or_models": models}
    found = {"folds": [0], "all_results": {name: 0.8}, "best_model_or_ensemble": best}
    (results / "inference_information.json").write_text(json.dumps(found))


def test_an_ensemble_keeps_the_probabilities_of_few_cases_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    best_is_an_ensemble(world)
    words = ["infer", 501, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model", "-j", 1]
    done = world.segconv(*words)
    assert done.code == 0, done.err
    assert "best: ensemble___" in done.err
    first, second = world.predictor.averaged[0]
    assert world.made() == RESTORED
    monkeypatch.setattr(predicting, "MOST_PROBABILITIES", 1)
    assert world.segconv(*words, "--overwrite").code == 0
    assert world.predictor.averaged[1:] == [[first], [second]]
    assert world.predictor.asked[2:] == [[first], [first], [second], [second]]
    assert world.hidden() == []


@pytest.mark.parametrize(
    ("room", "asked", "processes"), [(None, 1, "1"), (None, 8, "3"), (48 * 9 * 4 * 12, 8, "2"), (9, 8, "1")]
)
def test_nnunet_reads_and_writes_with_as_many_processes_as_fit_into_memory(
    world: World, monkeypatch: pytest.MonkeyPatch, room: int | None, asked: int, processes: str
) -> None:
    monkeypatch.setattr(predicting, "available_bytes", lambda: room)
    assert world.infer("-j", asked).code == 0
    assert world.predictor.processes == [processes]


def test_progress_counts_the_predictions_of_every_model(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.cli import sink

    counted: list[tuple[object, ...]] = []
    monkeypatch.setattr(sink.Progress, "start", lambda _, *words: counted.append(words))
    monkeypatch.setattr(sink.Progress, "advance", lambda _, case: counted.append((case,)))
    monkeypatch.setattr(sink.Progress, "stop", lambda _: None)
    best_is_an_ensemble(world)
    words = ["infer", 501, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model", "-j", 1]
    assert world.segconv(*words).code == 0
    begun = counted.index((4, 0, "predictions"))
    assert sorted(counted[begun + 1 : begun + 5]) == sorted([(f"{case}.png",) for case in world.predictor.asked[0]] * 2)


def test_a_killed_ensemble_is_resumed_within_a_case(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    best_is_an_ensemble(world)
    words: list[object] = ["infer", 501, "-i", world.pictures, "-o", world.output, "--device", "cpu", "--trust-model"]
    run = world.predictor.start(*words, "-j", 1, env={"nnUNet_program": "wait"})
    wait_until(lambda: world.predictor.begun() or run.poll() is not None)
    run.kill()
    run.communicate(timeout=LIMIT_S)
    done = when_free(lambda: world.segconv(*words, "-j", 1))
    assert done.code == 0, done.err
    assert [name.rsplit("__", 1)[1] for name in world.predictor.models] == ["2d", "3d_lowres"], "2d had predicted"
    assert world.made() == RESTORED


def test_gpus_share_the_cases_and_one_that_fails_does_not_stop_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child sees the GPU that it is given; there is none here."""
    best_is_an_ensemble(world)
    write_png(world.pictures / "three.png", np.zeros((6, 8, 3), dtype=np.uint8))
    words = ["infer", 501, "-i", world.pictures, "-o", world.output, "--trust-model", "-j", 2]
    assert world.segconv(*words, "--gpus", "0,1", "--device", "cpu").codes() == ["SC001"]
    monkeypatch.setenv("nnUNet_program", "fail on GPU 1")
    done = world.segconv(*words, "--gpus", "0,1")
    assert done.codes() == ["SC101"]
    assert sorted(world.predictor.gpus) == ["0", "0", "1"], "two models on one, the first on the other"
    assert sorted(map(len, world.predictor.averaged)) == [2]
    monkeypatch.delenv("nnUNet_program")
    done = world.segconv(*words, "--gpus", "0,1")
    assert done.code == 0, done.err
    assert sorted(map(len, world.predictor.averaged)) == [1, 2]
    assert world.made() == {**RESTORED, "three.png": [0, 128, 255]}
    assert world.hidden() == []


def test_the_amount_of_each_label_is_said(world: World) -> None:
    done = world.infer()
    assert [line for line in done.err.splitlines() if " voxels in " in line] == [
        f"{name}: 32 voxels in 2 of 2 predictions" for name in ("class_128", "class_255")
    ]
    done = world.infer("--overwrite", "--json")
    assert [(label["voxels"], label["cases"]) for label in done.json["labels"]] == [(32, 2), (32, 2)]


def test_a_prediction_of_background_is_warned_of(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_program", "background at first")
    done = world.infer()
    assert done.code == 0
    (line,) = [line for line in done.err.splitlines() if "SC120" in line]
    assert NAMES[0] in line
    monkeypatch.setenv("nnUNet_program", "background")
    done = world.infer("--overwrite")
    assert [line for line in done.err.splitlines() if "SC120" in line] == [
        "Warning SC120: all 2 predictions hold nothing but background"
    ]


def test_a_picture_of_the_predictions_is_drawn_and_only_ones_own_is_replaced(world: World) -> None:
    picture = world.folder / "overlay.png"
    picture.write_bytes(b"mine")
    assert world.infer("--overlay", picture).codes() == ["SC020"]
    assert world.predictor.asked == []
    picture.unlink()
    assert world.infer("--overlay", picture).code == 0
    image = io.imread(picture)
    assert image.shape[1] > 500, "two cases side by side"
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > 10
    assert world.infer("--overlay", picture, "--overwrite").code == 0
    assert world.hidden() == []


def test_probabilities_are_kept_in_nnunets_own_form(world: World) -> None:
    assert world.infer("--probabilities").codes() == ["SC001"]
    assert world.predictor.asked == []
    done = world.infer("--probabilities", "--raw-output")
    assert done.code == 0, done.err
    made = {path.stem for path in world.output.glob("*.png")}
    for ending in ("npz", "pkl"):
        assert {path.stem for path in world.output.glob(f"*.{ending}")} == made
    assert world.infer("--probabilities", "--raw-output", "--overwrite").code == 0, "all of it is segconv's own"


def test_what_was_predicted_of_an_image_that_changed_is_not_taken(world: World) -> None:
    run = world.start()
    run.kill()
    run.communicate(timeout=LIMIT_S)
    write_png(world.pictures / NAMES[1], np.ones((6, 8, 3), dtype=np.uint8))
    assert when_free(world.infer).code == 0
    assert world.predictor.asked[1:] == [["zwei"]]


def test_a_refused_command_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good = (world.pictures / NAMES[0]).read_bytes()
    cases: list[tuple[str, list[object], Callable[[], object]]] = [
        ("SC058", [], lambda: (world.pictures / NAMES[1]).write_bytes(good[:-30])),
        ("SC084", [], lambda: write_png(world.pictures / NAMES[1], np.zeros((6, 8), dtype=np.uint8))),
        ("SC010", ["-f", 3], lambda: None),
        ("SC101", [], lambda: monkeypatch.setenv("nnUNet_program", "fail")),
    ]
    for code, words, spoil in cases:
        (world.pictures / NAMES[1]).write_bytes(good)
        spoil()
        before = tree_hash(world.pictures)
        done = world.infer(*words)
        assert done.codes() == [code], done.err
        assert not world.output.exists()
        assert world.hidden() == []
        assert tree_hash(world.pictures) == before


def test_a_dataset_without_a_way_back_is_refused_before_predicting(world: World) -> None:
    shutil.rmtree(world.dataset / "segconv")
    assert world.infer().codes() == ["SC096"]
    assert world.predictor.asked == []
    assert world.infer("--raw-output").code == 0, "which needs no way back"


def test_what_a_killed_command_left_is_found_by_abort(world: World) -> None:
    run = world.start()
    run.kill()
    run.communicate(timeout=LIMIT_S)
    assert list((world.output.parent / ".segconv-infer-made").rglob("*.png")), "copies of the pictures"
    assert when_free(lambda: world.segconv("abort", world.output)).code == 0
    assert world.hidden() == []
    assert world.segconv("abort", world.output).codes() == ["SC010"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_command_that_was_ended_is_run_again(world: World, number: signal.Signals) -> None:
    run = world.start()
    run.send_signal(number)
    _, err = run.communicate(timeout=LIMIT_S)
    if number != signal.SIGKILL:
        assert run.returncode == 128 + number
        assert re.search(r"interrupted: \d of 2 predictions finished\n", err)
        assert f"segconv abort {world.output}" in err
    assert not world.output.exists()
    done = when_free(world.infer)
    assert done.code == 0, done.err
    assert world.made() == RESTORED
    assert world.hidden() == []


def test_other_inputs_are_not_mixed_with_those_of_a_run_that_was_killed(world: World) -> None:
    run = world.start()
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=LIMIT_S)
    other = world.folder / "other" / "new.png"
    write_png(other, np.ones((6, 8, 3), dtype=np.uint8))
    done = world.infer(inputs=other.parent)
    assert done.codes() == ["SC021"]
    assert "--restart" in done.err
    assert world.infer("--restart", inputs=other.parent).code == 0
    assert list(world.made()) == ["new.png"]
    assert world.predictor.asked[-1] == ["new"]


@pytest.mark.parametrize("kind", ["folder", "nested", "link", "file", "empty link"])
@pytest.mark.parametrize("hidden", [".segconv-infer-made", ".segconv-made"])
def test_a_strangers_folder_under_a_hidden_name_is_never_emptied(world: World, kind: str, hidden: str) -> None:
    name = world.output.parent / hidden
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    if kind == "folder":
        name.mkdir()
        (name / "notes.txt").write_text("mine")
    elif kind == "nested":
        (name / "imagesTs").mkdir(parents=True)
        (name / "predictions").mkdir()
        (name / "predictions" / "zwei.png").write_text("mine")
    elif kind == "file":
        name.write_text("mine")
    else:
        name.symlink_to(elsewhere)
        if kind == "link":
            (elsewhere / "plan.json").write_text("mine")
    before = tree_hash(world.folder)
    for words in (world.words(), world.words("--restart"), ["abort", world.output]):
        done = world.segconv(*words)
        assert done.codes() == ["SC021"], done.err
        assert str(name) in done.err
        assert tree_hash(world.folder) == before
        assert os.path.lexists(name)
    assert world.predictor.asked == []


def test_a_strangers_file_in_the_work_folder_stays(world: World) -> None:
    run = world.start()
    run.kill()
    run.communicate(timeout=LIMIT_S)
    work = world.output.parent / ".segconv-infer-made"
    (work / "predictions" / "notes.txt").write_text("mine")
    assert when_free(lambda: world.segconv("abort", world.output)).codes() == ["SC021"]
    for words in (world.words(), world.words("--restart"), ["abort", world.output]):
        done = world.segconv(*words)
        assert done.codes() == ["SC021"], done.err
        assert "predictions/notes.txt" in done.err
        assert (work / "predictions" / "notes.txt").read_text() == "mine"


def test_a_foreign_file_next_to_the_predictions_stays_and_is_named(world: World) -> None:
    run = world.start()
    mine = world.output.parent / ".segconv-infer-made" / "predictions" / "notes.txt"
    mine.write_text("mine")
    world.predictor.go()
    _, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0, err
    assert "Warning SC021" in err
    assert "predictions/notes.txt" in err
    assert world.made() == RESTORED
    assert {path.name for path in mine.parents[1].rglob("*") if path.is_file()} == {"notes.txt", "begun"}
    done = when_free(lambda: world.infer("--overwrite"))
    assert done.codes() == ["SC021"], done.err
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(("form", "step"), [("--raw-output", 5), ("--quiet", 2)])
def test_a_disk_failure_at_any_moment_is_reported_and_leaves_nothing(
    world: World, form: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, number = tree_hash(world.pictures), 0
    while True:
        number += step
        fault = ("ENOSPC", "EACCES")[number // step % 2]
        monkeypatch.setenv("SEGCONV_FAULT", f"{fault}@{number}")
        fsops._calls.clear()
        done = world.infer(form)
        if fsops._calls["any"] < number:
            break
        monkeypatch.delenv("SEGCONV_FAULT")
        if done.code == 0:  # the fault concerned a lock: models may be where this user cannot make or remove one
            shutil.rmtree(world.output)
            continue
        assert (done.code, done.codes()) == (74, ["SC032" if fault == "ENOSPC" else "SC031"]), (number, done.err)
        assert "resumes" not in done.err
        assert tree_hash(world.pictures) == before
        if world.output.exists():  # the fault came after the end, and maybe kept what was left from being removed
            assert world.made() == dict.fromkeys(world.made(), [0, 1, 2] if form == "--raw-output" else [0, 128, 255])
            assert world.segconv("abort", world.output).code in (0, 66)
            shutil.rmtree(world.output)
        assert world.hidden() == [], number
    assert number > 50
    assert len(world.made()) == 2


@pytest.mark.parametrize("number", [9, 21, 33, 45, 57])
def test_killed_at_any_moment_it_leaves_the_output_absent_or_complete(world: World, number: int) -> None:
    run = world.predictor.start(*world.words(), env={"SEGCONV_FAULT": f"kill@{number}"})
    run.communicate(timeout=LIMIT_S)
    assert run.returncode == -signal.SIGKILL
    if world.output.exists():
        assert world.made() == RESTORED
    done = when_free(lambda: world.infer("--overwrite"))
    assert done.code == 0, done.err
    assert world.made() == RESTORED
    assert world.hidden() == []
