"""Models from elsewhere: the classes that plans name, and the contents of checkpoints."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from segconv.errors import Cure, Refused, SegconvError
from segconv.train.untrusted_models import NO_TRUST, Trust

from .test_plans import plans as plans_of


def with_entry(key: str, value: Any) -> dict[str, Any]:
    plans = plans_of(2)
    architecture = plans["configurations"]["full"]["architecture"]
    if key == "network_class_name":
        architecture[key] = value
    else:
        architecture["arch_kwargs"][key] = value
    return plans


@pytest.mark.train
@pytest.mark.parametrize("dimension", [2, 3])
def test_plans_of_nnunets_own_planners_pass(dimension: int) -> None:
    NO_TRUST.refuse_foreign_classes(plans_of(dimension))


@pytest.mark.train
@pytest.mark.parametrize(
    "name",
    [
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
    ],
)
def test_nnunets_networks_are_known(name: str) -> None:
    NO_TRUST.refuse_foreign_classes(with_entry("network_class_name", name))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "evil.Network",
        "torch.hub.load",
        "torch.nnx.Conv2d",
        "torch.nn",
        "torch.nn.functional.boolean_dispatch",
        "torch.nn.modules.module.warnings.Sys",
        "torch.nn.modules.torch.hub.Load",
        "dynamic_network_architectures.architectures.unet.torch.hub.Load",
        "dynamic_network_architectures_evil.Network",
        "segconv.work.fsops.os.Popen",
        "torch.nn..Conv2d",
        "torch.nn.Conv2d; import os",
        "torch/nn.Conv2d",
        "тorch.nn.Conv2d",
        "",
        5,
        ["torch.nn.Conv2d"],
        {"a": 1},
    ],
)
@pytest.mark.parametrize("key", ["network_class_name", "conv_op", "nonlin"])
def test_classes_from_elsewhere_are_refused_and_not_imported(key: str, name: Any) -> None:
    with pytest.raises(Refused) as caught:
        NO_TRUST.refuse_foreign_classes(with_entry(key, name), file="plans.json")
    assert {finding.code for finding in caught.value.findings} == {"SC064"}
    assert caught.value.exit_code == 65
    assert any(repr(name) in finding.message for finding in caught.value.findings)


def test_a_module_that_the_user_names_is_allowed() -> None:
    mine = with_entry("network_class_name", "my_networks.unet.Network")
    mine["configurations"]["full"]["architecture"]["_kw_requires_import"] = []
    with pytest.raises(Refused):
        NO_TRUST.refuse_foreign_classes(mine)
    Trust(allowed_modules=["my_networks"]).refuse_foreign_classes(mine)
    with pytest.raises(Refused):
        Trust(allowed_modules=["my_net"]).refuse_foreign_classes(mine)


@pytest.mark.parametrize("key", ["preprocessor_name", "resampling_fn_data"])
@pytest.mark.parametrize("name", ["../../evil", "os.system", "a b", 3, ["x"]])
def test_what_nnunet_looks_up_by_name_is_a_name(key: str, name: Any) -> None:
    plans: dict[str, Any] = {"configurations": {"2d": {key: name}}}
    with pytest.raises(Refused):
        NO_TRUST.refuse_foreign_classes(plans)


@pytest.mark.parametrize("key", ["image_reader_writer", "experiment_planner_used", "label_manager"])
def test_what_nnunet_looks_up_by_name_for_all_configurations_is_a_name(key: str) -> None:
    NO_TRUST.refuse_foreign_classes({key: "Name_1", "configurations": {}})
    with pytest.raises(Refused):
        NO_TRUST.refuse_foreign_classes({key: "os.system", "configurations": {}})


@pytest.mark.parametrize("plans", [{}, {"configurations": []}, {"configurations": {"a": 5}}, {"configurations": {}}])
def test_plans_without_networks_name_none(plans: dict[str, Any]) -> None:
    NO_TRUST.refuse_foreign_classes(plans)


@pytest.mark.parametrize(
    "architecture", [5, {"arch_kwargs": 5, "_kw_requires_import": ["x"]}, {"_kw_requires_import": "conv_op"}]
)
def test_an_unknown_architecture_is_refused(architecture: Any) -> None:
    with pytest.raises(Refused):
        NO_TRUST.refuse_foreign_classes({"configurations": {"2d": {"architecture": architecture}}})


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.mark.train
def test_checkpoints_of_numbers_pass_and_others_are_not_loaded(tmp_path: Path) -> None:
    import numpy as np
    import torch

    good = {
        "network_weights": {"a": torch.zeros(3)},
        "logging": {"mean": [np.float64(0.5), np.float32(1), np.int64(3)], "name": "x"},
        "current_epoch": 3,
        "_best_ema": np.float64(0.25),
        "inference_allowed_mirroring_axes": (0, 1),
        "trainer_name": "nnUNetTrainer",
        "grad_scaler_state": None,
    }
    path = tmp_path / "checkpoint_final.pth"
    for new in (True, False):
        torch.save(good, path, _use_new_zipfile_serialization=new)
        NO_TRUST.check_checkpoint(path)
        marker = tmp_path / f"marker{new}"
        torch.save({**good, "trainer_name": Payload(marker)}, path, _use_new_zipfile_serialization=new)
        with pytest.raises(SegconvError) as caught:
            NO_TRUST.check_checkpoint(path)
        assert caught.value.code == "SC064"
        assert "mkdir" in caught.value.message
        assert caught.value.cures == (Cure.of("trust_files"),)
        assert not marker.exists()


@pytest.mark.train
def test_scalars_of_numpy_1_and_2_pass(tmp_path: Path) -> None:
    import numpy as np
    import torch

    torch.save({"logging": {"dice": [np.float64(0.5), np.int64(2)]}}, tmp_path / "own.pth")
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        path = tmp_path / "other.pth"
        with zipfile.ZipFile(tmp_path / "own.pth") as own, zipfile.ZipFile(path, "w") as other:
            for entry in own.infolist():
                content = re.sub(rb"numpy\._?core\.multiarray", module, own.read(entry))
                other.writestr(entry, content)
        NO_TRUST.check_checkpoint(path)


def test_without_pytorch_no_checkpoint_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("torch")
    old.__version__, old.serialization = "2.4.1", ModuleType("torch.serialization")
    for torch, said in ((None, "is not installed"), (old, "2.4.1 cannot examine")):
        monkeypatch.setitem(sys.modules, "torch", torch)
        with pytest.raises(SegconvError, match=said) as caught:
            NO_TRUST.check_checkpoint(tmp_path / "checkpoint_final.pth")
        assert caught.value.code == "SC041"


@pytest.mark.train
def test_damaged_and_missing_checkpoints_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_final.pth"
    with pytest.raises(SegconvError) as caught:
        NO_TRUST.check_checkpoint(path)
    assert (caught.value.code, caught.value.file) == ("SC012", str(path))
    for data in (b"", b"nothing", b"PK\3\4" + bytes(60)):
        path.write_bytes(data)
        with pytest.raises(SegconvError) as caught:
            NO_TRUST.check_checkpoint(path)
        assert caught.value.code in ("SC064", "SC030")
