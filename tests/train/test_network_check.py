"""Networks of the user's own: every fault is found before training, in a process of its own."""

from __future__ import annotations

import site
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Finding
from segconv.train import network_check
from segconv.train.deep_supervision import DeepSupervision
from segconv.train.network_check import Checking, network_findings
from segconv.train.paths import Paths

from .test_plans import network

pytestmark = pytest.mark.train

DESCRIPTION = {"labels": {"background": 0, "organ": 1}, "channel_names": {"0": "CT"}}

PACKAGE = '''
import os, time
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet


class Good(PlainConvUNet):
    """As in the notes: a subclass of PlainConvUNet."""


class OnCpuOnly(PlainConvUNet):
    def forward(self, x):
        return super().forward(torch.from_numpy(x.numpy()))


class WithoutSwitch(PlainConvUNet):
    def __init__(self, input_channels, num_classes, features_per_stage, **others):
        super().__init__(input_channels=input_channels, num_classes=num_classes,
                         features_per_stage=features_per_stage, **{**others, "deep_supervision": True})


class OtherArguments(PlainConvUNet):
    def __init__(self, input_channels, num_classes, width):
        raise AssertionError("is not reached")


class TwoDimensional(PlainConvUNet):
    def __init__(self, *args, conv_op, **kwargs):
        if conv_op is torch.nn.Conv3d:
            raise ValueError("only slices")
        super().__init__(*args, conv_op=conv_op, **kwargs)


class OneChannelMore(PlainConvUNet):
    def __init__(self, *args, num_classes, **kwargs):
        super().__init__(*args, num_classes=num_classes + 1, **kwargs)


class Labels(PlainConvUNet):
    def forward(self, x):
        found = super().forward(x)
        return [scores > 0 for scores in found] if isinstance(found, list) else found > 0


value = 3


class Half(PlainConvUNet):
    def forward(self, x):
        outputs = super().forward(x)
        return outputs[1:] if isinstance(outputs, (list, tuple)) else outputs


class SmallestFirst(PlainConvUNet):
    def forward(self, x):
        outputs = super().forward(x)
        return outputs[::-1] if isinstance(outputs, (list, tuple)) else outputs


class OneTensor(PlainConvUNet):
    def forward(self, x):
        outputs = super().forward(x)
        return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


class NoDecoder(torch.nn.Module):
    def __init__(self, input_channels, num_classes, deep_supervision=False, **others):
        super().__init__()
        self.inner = PlainConvUNet(input_channels, num_classes=num_classes, deep_supervision=deep_supervision, **others)

    def forward(self, x):
        return self.inner(x)


class HalvesOften(PlainConvUNet):
    def forward(self, x):
        if x.shape[-1] % 64:
            raise RuntimeError(f"{x.shape[-1]} cannot be halved 6 times")
        return super().forward(x)


class OtherWeights(PlainConvUNet):
    def __init__(self, *args, deep_supervision=False, **kwargs):
        super().__init__(*args, deep_supervision=deep_supervision, **kwargs)
        if deep_supervision:
            self.more = torch.nn.Linear(2, 2)


class Crashes(PlainConvUNet):
    def forward(self, x):
        os.kill(os.getpid(), 11)


class Hangs(PlainConvUNet):
    def forward(self, x):
        while True:
            time.sleep(1)


def function(**arguments):
    return PlainConvUNet(**arguments)
'''

EXPECTED = {
    "Good": None,
    "OnCpuOnly": None,
    "function": ("SC185", "is of type function, expected a class"),
    "OtherArguments": ("SC185", "cannot be built for OtherArguments: TypeError"),
    "TwoDimensional": ("SC185", "ValueError: only slices"),
    "OneChannelMore": ("SC168", "returns 3 channels, expected 2 channels"),
    "Labels": ("SC168", "returns values of type bool, expected floating-point numbers"),
    "value": ("SC185", "my_pkg.nets.value is of type int, expected a class"),
    "Missing": ("SC166", "no module or class of that name was found"),
    "Half": ("SC168", "returns a size of 16x16x16 for a patch of 32x32x32"),
    "SmallestFirst": ("SC163", "returns sizes 16x16x16, 32x32x32, and the labels are 32x32x32, 16x16x16"),
    "OneTensor": ("SC163", "returns one tensor"),
    "NoDecoder": ("SC163", "has no decoder.deep_supervision"),
    "WithoutSwitch": ("SC163", "returns a list when it is built for prediction"),
    "HalvesOften": ("SC164", "does not take a patch of 32x32x32: RuntimeError: 32 cannot be halved 6 times"),
    "OtherWeights": ("SC186", "more.weight is not expected"),
}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is installed for the children: a package with networks, right and wrong."""
    room = tmp_path / "installed"
    (room / "my_pkg").mkdir(parents=True)
    (room / "my_pkg" / "__init__.py").touch()
    (room / "my_pkg" / "nets.py").write_text(PACKAGE)
    (room / "my_pkg" / "broken.py").write_text("import no_such_module\n")
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(room))
    return room


def configuration(path: str, **changes: Any) -> dict[str, Any]:
    entry = network(3)
    arguments = entry["arch_kwargs"]
    for key in ("strides", "kernel_sizes", "features_per_stage", "n_conv_per_stage"):
        arguments[key] = arguments[key][:3]
    arguments |= {"n_stages": 3, "features_per_stage": [4, 8, 8], "n_conv_per_stage_decoder": [1, 1]}
    arguments["strides"] = [[1, 1, 1], [2, 2, 2], [2, 2, 2]]
    return {"patch_size": [32, 32, 32], "architecture": {**entry, "network_class_name": path}, **changes}


def found(tmp_path: Path, configurations: Mapping[str, Any], **how: Any) -> list[Finding]:
    plans = {"dataset_name": "Dataset007_Ct", "plans_name": "nnUNetPlans", "configurations": dict(configurations)}
    folders = Paths(tmp_path, tmp_path, tmp_path)
    return network_findings(plans, list(configurations), DESCRIPTION, folders, Checking(tmp_path / "log", **how))


def test_each_fault_has_its_own_finding(room: Path, tmp_path: Path) -> None:
    findings = found(tmp_path, {name: configuration(f"my_pkg.nets.{name}") for name in EXPECTED})
    wanted = {name: expected for name, expected in EXPECTED.items() if expected is not None}
    assert len(findings) == len(wanted), findings
    for finding, (name, (code, said)) in zip(findings, wanted.items(), strict=True):
        assert (finding.code, said in finding.message) == (code, True), (name, finding)
        assert finding.advice[0], name
        assert "pip install" not in finding.hint, f"my_pkg is installed: {name}"
        assert [cure.kind for cure in finding.cures] == ["train_without_deep_supervision"] * (code == "SC163"), name


def test_what_cannot_be_imported_is_refused_and_a_network_of_one_tensor_is_not_without_deep_supervision(
    room: Path, tmp_path: Path
) -> None:
    odd = configuration("my_pkg.nets.Good", patch_size=[32, 32, 30])
    names = {"a": "elsewhere.nets.PlainConvUNet", "b": "elsewhere.nets.PlainConvUNet", "c": "my_pkg.broken.Net"}
    networks = {"d": "OneTensor", "e": "NoDecoder", "f": "WithoutSwitch"}
    tried = {name: configuration(f"my_pkg.nets.{each}") for name, each in networks.items()}
    all_tried = {**{key: configuration(path) for key, path in names.items()}, "odd": odd, **tried}
    findings = found(tmp_path, all_tried, deep_supervision=DeepSupervision(False))
    assert [finding.code for finding in findings] == ["SC166", "SC166", "SC164", "SC163", "SC163"]
    assert "NoDecoder of e has no decoder.deep_supervision" in findings[3].message
    assert "WithoutSwitch of f returns a list although deep supervision is off" in findings[4].message
    assert not findings[3].cures
    assert "pip install -e FOLDER" in findings[0].hint
    assert findings[1].hint == "pip install no_such_module"
    assert "32x32x30, is not divisible by 4x4x4" in findings[2].message


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("say(begin='forward pass', of='3d')", "the forward pass of 3d ended its process with exit code 0"),
        ("sys.exit(3)", "the start of the trial ended its process with exit code 3"),
    ],
)
def test_a_network_that_ends_its_process_as_if_all_were_well_is_refused(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = "import json, sys; say = lambda **event: print('SEGCONV ' + json.dumps(event), flush=True)\n"
    monkeypatch.setattr(network_check, "python", lambda _: [sys.executable, "-c", start + program])
    (finding,) = found(tmp_path, {"3d": configuration("my_pkg.nets.Good")})
    assert (finding.code, finding.message) == ("SC187", said)


def test_a_network_that_ends_its_process_or_hangs_is_named(room: Path, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, {"3d": configuration("my_pkg.nets.Crashes")})
    assert (finding.code, finding.message) == ("SC187", "the forward pass of 3d ended its process by SIGSEGV")
    (finding,) = found(tmp_path, {"3d": configuration("my_pkg.nets.Hangs")}, limit_s=15)
    assert (finding.code, finding.message) == ("SC187", "the forward pass of 3d did not end within 15 s")
    assert "in forward" in Path(finding.file).read_text(), "the log says where"
