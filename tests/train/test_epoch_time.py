"""How long an epoch takes on the CPU: what earlier trainings took, or what the operations of the network take."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from segconv.cli.training_time import in_words
from segconv.train import epoch_time as module
from segconv.train.architectures import NETWORKS
from segconv.train.deep_supervision import USUAL
from segconv.train.epoch_time import EpochTime, epoch_time, product_speed, threads
from segconv.train.known_trainers import find_trainer, list_trainers
from segconv.train.model import Model
from segconv.train.operations import operations_of
from segconv.train.paths import Paths
from segconv.train.trainer_length import Length, length_of

ARGUMENTS: dict[str, Any] = {
    "n_stages": 3,
    "features_per_stage": [8, 16, 32],
    "kernel_sizes": [[3, 3], [3, 3], [3, 3]],
    "strides": [[1, 1], [2, 2], [2, 1]],
    "n_conv_per_stage_decoder": [2, 1],
}


def configuration(network: str, **blocks: Any) -> dict[str, Any]:
    architecture = {"network_class_name": NETWORKS[network].path, "arch_kwargs": {**ARGUMENTS, **blocks}}
    return {"data_identifier": "cases", "batch_size": 2, "patch_size": [32, 64], "architecture": architecture}


PLAIN = configuration("PlainConvUNet", n_conv_per_stage=[2, 2, 3])
MODEL = Model("Dataset007_Ct", "2d")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    folder = tmp_path / "preprocessed" / MODEL.dataset
    folder.mkdir(parents=True)
    (folder / "nnUNetPlans.json").write_text(json.dumps({"configurations": {"2d": PLAIN}}))
    description = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 1}
    (folder / "dataset.json").write_text(json.dumps({**description, "file_ending": ".nii.gz"}))
    return Paths(raw=tmp_path / "raw", preprocessed=tmp_path / "preprocessed", results=tmp_path / "results")


def trained(paths: Paths, *times: float, trainer: str = "nnUNetTrainer", **debug: str) -> Path:
    """Leave what nnU-Net leaves of a fold that took these times per epoch."""
    fold = Model(MODEL.dataset, MODEL.configuration, trainer).fold_folder(paths, "0")
    fold.mkdir(parents=True)
    said = {"device": "cpu", "hostname": platform.node(), "num_iterations_per_epoch": "250", **debug}
    (fold / "debug.json").write_text(json.dumps(said))
    log = "".join(f"2026-11-30 13:41:38.823408: Epoch time: {time} s \n" for time in times)
    (fold / "training_log_2026_11_30_13_41_32.txt").write_text(log)
    return fold


def test_it_takes_as_long_as_it_took_but_for_the_first_epoch(paths: Paths) -> None:
    trained(paths, 100.0, 10.0, 12.0)
    found = epoch_time(MODEL, paths, Length())
    assert found.measured
    assert (found.seconds, found.in_all_s) == (pytest.approx(11), pytest.approx(11000))
    assert found.of(Length(10, 25)) == pytest.approx(11)
    shorter = epoch_time(Model(MODEL.dataset, "2d", "Other"), paths, Length(5, 125))
    assert (shorter.seconds, shorter.in_all_s) == (pytest.approx(5.5), pytest.approx(27.5)), "whichever trainer it was"


@pytest.mark.parametrize(
    "debug", [{"device": "cuda:0"}, {"hostname": "another"}, {"num_iterations_per_epoch": "3"}, {"device": ""}]
)
def test_what_another_machine_or_a_gpu_or_a_few_iterations_took_says_nothing(
    debug: dict[str, str], paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(paths, 100.0, 10.0, **debug)
    monkeypatch.setattr(module, "product_speed", lambda: 1e9)
    assert not epoch_time(MODEL, paths, Length()).measured


def test_the_estimate_follows_operations_cores_and_length(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "product_speed", lambda: 1e9)
    monkeypatch.setattr(module, "threads", lambda _: 2)
    operations = operations_of(PLAIN, 1, 2)
    assert operations is not None
    per_sample = 3 * operations / 0.9e9 + 4e-3 + 1e-7 * 32 * 64
    found = epoch_time(MODEL, paths, Length(2, 10))
    assert found.seconds == pytest.approx(10 * (1 + 1 / 15) * (10e-3 + 2 * per_sample / 2))
    assert not found.measured


def test_of_an_unknown_network_nothing_is_estimated(paths: Paths) -> None:
    file = paths.require("preprocessed") / MODEL.dataset / "nnUNetPlans.json"
    file.write_text(file.read_text().replace("PlainConvUNet", "OwnNet"))
    assert epoch_time(MODEL, paths, Length()).seconds is None


def test_threads_are_those_of_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 8)
    assert [threads({"OMP_NUM_THREADS": text}) for text in ("2", "99", "0", "x", "")] == [2, 8, 1, 8, 8]


def test_the_speed_is_that_of_the_fastest_product_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = (float(tick**3) for tick in count())
    monkeypatch.setattr(module.time, "process_time", lambda: next(clock))
    assert product_speed() == pytest.approx(2 * 512**3 / (3**3 - 2**3))


def test_the_words_name_shorter_trainers_only_where_it_takes_long() -> None:
    long = in_words(EpochTime("2d", 60.0, False, Length()))
    assert long == [
        "on the CPU: an epoch of 2d will take about 1 min here if nothing else uses the cores, so that 1000 epochs of a fold take about 16 h 40 min",
        "shorter, for a first look: -tr nnUNetTrainer_10epochs about 10 min,"
        " -tr nnUNetTrainerSegconv_10epochs_50iterations about 2 min",
    ]
    assert in_words(EpochTime("2d", 2.0, True, Length(1))) == [
        "on the CPU: an epoch of 2d took about 2 s here, so that 1 epoch of a fold takes about 2 s"
    ]
    assert "took less than 1 s here" in in_words(EpochTime("2d", 0.3, True, Length(1)))[0]
    assert len(in_words(EpochTime("2d", None, False, Length()))) == 1


@pytest.mark.train
def test_lengths_are_those_that_trainers_have() -> None:
    known = list_trainers()
    for name, epochs, iterations in (
        ("nnUNetTrainer", 1000, 250),
        ("nnUNetTrainer_10epochs", 10, 250),
        ("nnUNetTrainerSegconv_10epochs_50iterations", 10, 50),
        ("nnUNetTrainerFineTuning", 250, 250),
        ("nnUNetTrainerFineTuning_3epochs", 3, 250),
    ):
        assert length_of(find_trainer(name, known), known) == Length(epochs, iterations)


@pytest.mark.train
@pytest.mark.parametrize(
    "found", [PLAIN, configuration("ResidualEncoderUNet", n_blocks_per_stage=[1, 3, 4])], ids=["plain", "residual"]
)
def test_operations_are_those_that_pytorch_counts(found: dict[str, Any]) -> None:
    import torch
    from dynamic_network_architectures.architectures import unet
    from torch.utils.flop_counter import FlopCounterMode

    kind = getattr(unet, found["architecture"]["network_class_name"].rpartition(".")[2])
    arguments = {**found["architecture"]["arch_kwargs"], "conv_op": torch.nn.Conv2d}
    with torch.device("meta"):
        network = kind(input_channels=3, num_classes=4, deep_supervision=USUAL.is_on, **arguments)
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, *found["patch_size"]))
    assert operations_of(found, 3, 4) == pytest.approx(counter.get_total_flops(), rel=0.05)
