"""Models from elsewhere: classes that plans name, contents of checkpoints, and sizes of archives."""

from __future__ import annotations

import os
import stat
import struct
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from segconv.errors import Refused, SegconvError
from segconv.train import gate
from segconv.train.gate import check_checkpoint, list_archive, refuse_foreign_classes

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
    refuse_foreign_classes(plans_of(dimension))


@pytest.mark.train
@pytest.mark.parametrize(
    "name",
    [
        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
    ],
)
def test_nnunets_networks_are_known(name: str) -> None:
    refuse_foreign_classes(with_entry("network_class_name", name))


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
        refuse_foreign_classes(with_entry(key, name), file="plans.json")
    assert {finding.code for finding in caught.value.findings} == {"SC064"}
    assert caught.value.exit_code == 65
    assert any(repr(name) in finding.message for finding in caught.value.findings)


def test_a_module_that_the_user_names_is_allowed() -> None:
    mine = with_entry("network_class_name", "my_networks.unet.Network")
    mine["configurations"]["full"]["architecture"]["_kw_requires_import"] = []
    with pytest.raises(Refused):
        refuse_foreign_classes(mine)
    refuse_foreign_classes(mine, ["my_networks"])
    with pytest.raises(Refused):
        refuse_foreign_classes(mine, ["my_net"])


@pytest.mark.parametrize("key", ["preprocessor_name", "resampling_fn_data"])
@pytest.mark.parametrize("name", ["../../evil", "os.system", "a b", 3, ["x"]])
def test_what_nnunet_looks_up_by_name_is_a_name(key: str, name: Any) -> None:
    plans: dict[str, Any] = {"configurations": {"2d": {key: name}}}
    with pytest.raises(Refused):
        refuse_foreign_classes(plans)


@pytest.mark.parametrize("key", ["image_reader_writer", "experiment_planner_used", "label_manager"])
def test_what_nnunet_looks_up_by_name_for_all_configurations_is_a_name(key: str) -> None:
    refuse_foreign_classes({key: "Name_1", "configurations": {}})
    with pytest.raises(Refused):
        refuse_foreign_classes({key: "os.system", "configurations": {}})


@pytest.mark.parametrize("plans", [{}, {"configurations": []}, {"configurations": {"a": 5}}, {"configurations": {}}])
def test_plans_without_networks_name_none(plans: dict[str, Any]) -> None:
    refuse_foreign_classes(plans)


@pytest.mark.parametrize(
    "architecture", [5, {"arch_kwargs": 5, "_kw_requires_import": ["x"]}, {"_kw_requires_import": "conv_op"}]
)
def test_an_unknown_architecture_is_refused(architecture: Any) -> None:
    with pytest.raises(Refused):
        refuse_foreign_classes({"configurations": {"2d": {"architecture": architecture}}})


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
        check_checkpoint(path)
        marker = tmp_path / f"marker{new}"
        torch.save({**good, "trainer_name": Payload(marker)}, path, _use_new_zipfile_serialization=new)
        with pytest.raises(SegconvError) as caught:
            check_checkpoint(path)
        assert caught.value.code == "SC064"
        assert "mkdir" in caught.value.message
        assert "--trust-model" in caught.value.hint
        assert not marker.exists()


def test_without_pytorch_no_checkpoint_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("torch")
    old.__version__, old.serialization = "2.4.1", ModuleType("torch.serialization")
    for torch, said in ((None, "is not installed"), (old, "2.4.1 cannot tell")):
        monkeypatch.setitem(sys.modules, "torch", torch)
        with pytest.raises(SegconvError, match=said) as caught:
            check_checkpoint(tmp_path / "checkpoint_final.pth")
        assert caught.value.code == "SC041"


@pytest.mark.train
def test_damaged_and_missing_checkpoints_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_final.pth"
    with pytest.raises(SegconvError) as caught:
        check_checkpoint(path)
    assert (caught.value.code, caught.value.file) == ("SC012", str(path))
    for data in (b"", b"nothing", b"PK\3\4" + bytes(60)):
        path.write_bytes(data)
        with pytest.raises(SegconvError) as caught:
            check_checkpoint(path)
        assert caught.value.code in ("SC064", "SC030")


def archive(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("__", "/"), data)
    return path


def codes(path: Path, into: Path | None = None) -> set[str]:
    with pytest.raises(SegconvError) as caught:
        list_archive(path, into)
    return {finding.code for finding in caught.value.findings}


def test_an_archive_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", Dataset001_A__plans=b"{}", Dataset001_A__fold_0__x=bytes(range(256)))
    members = list_archive(path, tmp_path / "results")
    assert [(member.name, member.nbytes) for member in members] == [
        ("Dataset001_A/plans", 2),
        ("Dataset001_A/fold_0/x", 256),
    ]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "C:\\x", "a\\b", "c:x", "a\x1b[2Jb", "a\nb", "..", "."]
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(zipfile.ZipInfo(name), b"x")
    assert codes(path) == {"SC060"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "model.zip"
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(entry, b"/etc/passwd")
    assert codes(path) == {"SC060"}


def test_bombs_twins_and_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(archive(tmp_path / "bomb.zip", zeros=bytes(3 << 20))) == {"SC054"}
    assert codes(archive(tmp_path / "twins.zip", a=b"1", A=b"2")) == {"SC085"}
    large = archive(tmp_path / "large.zip", a=b"01234567", b=b"01234567")
    for limit, allowed in (("MAX_ARCHIVE_BYTES", 16), ("MAX_MEMBERS", 2)):
        with monkeypatch.context() as patched:
            patched.setattr(gate, limit, allowed)
            assert len(list_archive(large)) == 2
            patched.setattr(gate, limit, allowed - 1)
            assert codes(large) == {"SC054"}


def test_a_member_may_unpack_to_so_many_times_its_size_or_be_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "model.zip", zeros=bytes(3 << 20))
    with zipfile.ZipFile(path) as opened:
        packed = opened.infolist()[0].compress_size
    monkeypatch.setattr(gate, "MAX_RATIO", (3 << 20) / packed)
    assert len(list_archive(path)) == 1
    monkeypatch.setattr(gate, "MAX_RATIO", ((3 << 20) - 1) / packed)
    assert codes(path) == {"SC054"}
    monkeypatch.setattr(gate, "_BLOCK", 3 << 20)
    assert len(list_archive(path)) == 1
    monkeypatch.setattr(gate, "_BLOCK", (3 << 20) - 1)
    assert codes(path) == {"SC054"}


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"{}")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(data))
    assert codes(path) == {"SC051"}


def test_damage_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=os.urandom(500), other=b"x" * 50)
    data = path.read_bytes()
    at = data.index(b"plans") + 100
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert codes(path) == {"SC050"}
    path.write_bytes(data[: len(data) // 2])
    assert codes(path) == {"SC051"}
    path.write_bytes(b"")
    assert codes(path) == {"SC051"}


def test_a_member_that_says_another_length_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"y" * 400)
    data = path.read_bytes()
    for other in (300, 500):
        path.write_bytes(data.replace(struct.pack("<I", 400), struct.pack("<I", other)))
        assert codes(path) == {"SC050"}


def test_existing_files_are_not_replaced(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"{}")
    (tmp_path / "plans").symlink_to("nowhere")
    assert codes(path, tmp_path) == {"SC020"}


def test_a_missing_archive_is_reported(tmp_path: Path) -> None:
    assert codes(tmp_path / "none.zip") == {"SC012"}
