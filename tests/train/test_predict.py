"""The command line given to nnU-Net, and what is checked before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Cure, Refused, SegconvError
from segconv.train import predict as prediction
from segconv.train import untrusted_models
from segconv.train.paths import Paths
from segconv.train.predict import Folders, PredictOptions, check_model, predict_with
from segconv.train.untrusted_models import Trust

Called = list[tuple[str, list[str]]]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Called:
    """Every command that nnU-Net was given, and every checkpoint that was looked at."""
    seen: Called = []
    monkeypatch.setattr(prediction, "commands", dict)
    monkeypatch.setattr(prediction, "run_nnunet", lambda name, words, *_, **__: seen.append((name, list(words))))
    monkeypatch.setattr(untrusted_models, "refuse_more_than_tensors", lambda path: seen.append(("look", [str(path)])))
    return seen


def trained(folder: Path, network: str = "segconv.errors.Finding") -> Path:
    model = folder / "nnUNetTrainer__nnUNetPlans__2d"
    (model / "fold_0").mkdir(parents=True)
    (model / "fold_0" / "checkpoint_final.pth").touch()
    plans = {"configurations": {"2d": {"architecture": {"network_class_name": network}}}}
    (model / "plans.json").write_text(json.dumps(plans))
    return model


def wording(model: Path, folder: Path, *, folds: tuple[str, ...] = ("0",), **said: Any) -> None:
    trust = Trust(**{name: said.pop(name) for name in ("trust_model", "allowed_modules") if name in said})
    jobs = said.pop("jobs", 1)
    proved = check_model(model, "Dataset501_A", folds, trust)
    options = PredictOptions(**{"device": "cpu", **said})
    predict_with(proved, Folders(folder / "in", folder / "out"), Paths(preprocessed=folder), options, jobs=jobs)


def test_nnunet_gets_the_folder_of_the_model_after_it_was_looked_at(tmp_path: Path, called: Called) -> None:
    model = trained(tmp_path)
    wording(model, tmp_path, device="cpu", mirror=False, jobs=2)
    look, (name, arguments) = called
    assert look == ("look", [str(model / "fold_0" / "checkpoint_final.pth")])
    assert name == "nnUNetv2_predict_from_modelfolder"
    assert " ".join(arguments) == (
        f"-i {tmp_path / 'in'} -o {tmp_path / 'out'} -m {model} -f 0 -chk checkpoint_final.pth"
        " -device cpu -npp 2 -nps 2 --disable_progress_bar --disable_tta"
    )


def test_an_untrained_fold_is_reported_with_the_command_that_trains_it(tmp_path: Path, called: Called) -> None:
    for how in ({"folds": ["0", "1"]}, {"folds": ["1"], "trust_model": True}):
        with pytest.raises(SegconvError) as caught:
            wording(trained(tmp_path / str(how)), tmp_path, **how)
        train = Cure.of("train", dataset="501", configuration="2d", fold="1")
        assert (caught.value.code, caught.value.cures) == ("SC010", (train,))
    assert not called


def test_a_model_that_is_trusted_is_still_asked_about_its_networks(tmp_path: Path, called: Called) -> None:
    model = trained(tmp_path, "my_networks.Network")
    with pytest.raises(Refused):
        wording(model, tmp_path, trust_model=True)
    assert not called
    wording(model, tmp_path, trust_model=True, allowed_modules=["my_networks"])
    assert [name for name, _ in called] == ["nnUNetv2_predict_from_modelfolder"]
