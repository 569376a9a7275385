"""The commands of docs/umamba.md follow from one another, and plan U-Mamba as it says."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from ..command import Command
from ..documents import ROOT
from ..review import datasets
from ..train.planner import Planner

_SHELL = re.compile(r"^```shell\n(.*?)^```$", re.DOTALL | re.MULTILINE)

NETWORK = {
    "n_stages": 3,
    "features_per_stage": [8, 16, 32],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3]] * 3,
    "strides": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
    "n_conv_per_stage": [2, 2, 2],
    "n_conv_per_stage_decoder": [2, 2],
}
PLAIN = {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet", "arch_kwargs": NETWORK}


@pytest.mark.parametrize("network", ["umamba-bot", "umamba-enc"])
def test_each_command_ends_with_the_next_one_of_the_page(
    network: str, segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = Planner().install(monkeypatch)
    size = [16, 16, 16]
    planner.configurations = {"3d_fullres": {"patch_size": size, "spacing": [1.0] * 3, "architecture": PLAIN}}
    datasets.volumes(segconv.raw)
    page = (ROOT / "docs" / "umamba.md").read_text(encoding="utf-8")
    plan, train, infer = _SHELL.findall(page)[0].splitlines()
    typed = shlex.split(plan.replace("umamba-bot", network))[2:]
    done = segconv("plan", "7", *typed[1:], "--no-check", "-j", "1")
    assert done.code == 0, done.err
    expected = train.replace(" 4 ", " 7 ").replace("UMambaBot", {"umamba-bot": "UMambaBot"}.get(network, "UMambaEnc"))
    assert expected in done.err
    assert "3d_fullres: training takes about" in done.err
    assert infer.startswith(train.replace("train", "infer", 1))
    folder = segconv.folder / "nnUNet_preprocessed" / "Dataset007_Ct"
    made = json.loads((folder / f"{shlex.split(expected)[-1]}.json").read_text(encoding="utf-8"))
    arguments = made["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]
    assert arguments.get("input_size") == (size if network == "umamba-enc" else None)
    plans = shlex.split(expected)[-1]
    done = segconv("plans", "derive", "7", "small", "--from", "3d_fullres", "-p", plans, "--batch-size", "1")
    assert done.code == 0, done.err
    assert expected.replace("3d_fullres", "small") in done.err
