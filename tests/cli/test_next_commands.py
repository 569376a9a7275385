"""The command that comes next can be typed as it is printed, whatever the paths in it."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from fixtures.make_fixtures import png_shapes
from segconv.cli import infer as infer_command
from segconv.cli.sink import Sink
from segconv.cli.typed_folders import with_folders
from segconv.flows.infer import Prediction
from segconv.train import child

from ..command import Command, Done
from ..flows.predictor import Predictor
from ..review import datasets
from ..train import stand_in
from ..train.planner import Planner


def typed(err: str) -> list[str]:
    """The words of the next command, as a shell reads them."""
    (line,) = (line for line in err.splitlines() if line.startswith("Next: "))
    return shlex.split(line.removeprefix("Next: "), comments=True)


def test_the_folders_of_nnunet(segconv: Command, tmp_path: Path) -> None:
    done = segconv("paths", "init", tmp_path / "my work")
    assert typed(done.err) == ["source", str(tmp_path / "my work" / "setPath.sh")]


def test_a_dataset_by_its_path(segconv: Command) -> None:
    folder = datasets.volumes(segconv.raw / "my raw")
    assert typed(segconv("check", folder).err)[:3] == ["segconv", "plan", str(folder)]


def test_predictions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = Prediction(tmp_path / "it's mine", [], [])
    infer_command.show(made, Sink())
    assert typed(capsys.readouterr().err) == ["segconv", "evaluate", str(tmp_path / "it's mine"), "REFERENCES"]


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("segconv train 7 -c 2d", "segconv train 7 -c 2d --raw 'my raw'"),
        ("segconv splits make 7", "segconv splits make 7 --raw 'my raw'"),
        ("segconv plan 7 --raw other", "segconv plan 7 --raw other"),
        ("segconv restore PRED -o OUT --raw-output", "segconv restore PRED -o OUT --raw-output --raw 'my raw'"),
        ("segconv trainers list", "segconv trainers list"),
        ("segconv totalseg", "segconv totalseg"),
        ("pip install -e mine", "pip install -e mine"),
    ],
)
def test_folders_that_options_named_are_repeated_where_a_command_takes_them(text: str, typed: str) -> None:
    assert with_folders(text, {"--raw": Path("my raw")}) == typed
    assert with_folders(text, {}) == text


@pytest.fixture
def chain(tmp_path: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command without variables for its folders, and stand-ins for all of nnU-Net's programs."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name)
    predictor = Predictor.make(tmp_path / "programs")
    stand_in.install(predictor.folder, monkeypatch.setattr)
    predictor.install(monkeypatch.setattr)
    both = {"nnUNetv2_train": "stand_in_trainer:main", "nnUNetv2_predict_from_modelfolder": "stand_in:main"}
    monkeypatch.setattr(child, "commands", lambda: both)
    Planner().install(monkeypatch)
    return segconv


@pytest.mark.train  # the commands of nnU-Net must be installed, if only to be stubbed
def test_from_a_source_to_scored_predictions_by_what_is_printed(chain: Command, tmp_path: Path) -> None:
    source = png_shapes(tmp_path / "my source", size=(8, 6))
    home = tmp_path / "my folders"
    folders = [word for name in ("raw", "preprocessed", "results") for word in (f"--{name}", home / name)]
    for name in ("raw", "preprocessed", "results"):
        (home / name).mkdir(parents=True)
    filled = {"IN": str(source / "testing" / "input"), "OUT": str(tmp_path / "it's made")}
    filled["REFERENCES"] = str(source / "testing" / "output")
    # What stand-ins leave is no checkpoint; and a second folder of theirs needs no second process.
    more = {"train": ["--device", "cpu", "--trust-model"], "infer": ["--device", "cpu", "--trust-model", "-j", "1"]}

    def follow(done: Done) -> Done:
        assert done.code == 0, done.err
        program, *words = typed(done.err)
        assert program == "segconv"
        return chain(*(filled.get(word, word) for word in words), *more.get(words[0], []))

    converted = chain("convert", source, "--to", "7_Shapes", "--labels", "background=0,a=128,b=255", *folders)
    trained = follow(follow(converted))
    assert "fold 0: trained and validated" in trained.err
    (model,) = (home / "results" / "Dataset007_Shapes").iterdir()
    plans = home / "preprocessed" / "Dataset007_Shapes" / "nnUNetPlans.json"
    shutil.copyfile(plans, model / "plans.json")  # as nnU-Net does
    predicted = follow(trained)
    assert f"2 predictions in {filled['OUT']}" in predicted.err
    scored = follow(predicted)
    assert (scored.code, "Dice" in scored.out) == (0, True), scored.err
