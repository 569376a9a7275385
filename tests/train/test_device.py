"""The device that nnU-Net computes on: as asked, or the best that there is."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from segconv.errors import SegconvError
from segconv.train.device import chosen_device, settings_of


@pytest.mark.parametrize(("has_gpu", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_pytorch_can_use_one(
    has_gpu: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: has_gpu)))
    assert chosen_device("auto") == expected


@pytest.mark.train
@pytest.mark.parametrize(("devices", "imported"), [(["null", "nvme0", "nvram"], False), (["nvidiactl"], True)])
def test_pytorch_is_imported_only_where_there_may_be_a_gpu(
    devices: list[str], imported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.listdir", lambda _: devices)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    asked = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
    monkeypatch.setattr("builtins.__import__", importing(torch=asked))
    assert chosen_device("auto") == ("cuda" if imported else "cpu")


def importing(**modules: object) -> Callable[..., object]:
    """Return an import that finds these modules."""
    before = builtins.__import__
    return lambda name, *how, **more: modules[name] if name in modules else before(name, *how, **more)


def test_a_named_device_needs_no_pytorch_and_auto_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert chosen_device("mps") == "mps"
    with pytest.raises(SegconvError) as caught:
        chosen_device("auto")
    assert (caught.value.code, caught.value.exit_code) == ("SC041", 78)


def test_networks_are_compiled_only_for_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_n_proc_DA", "7")
    assert settings_of("cuda") == {}
    assert settings_of("cpu") == {"nnUNet_compile": "f", "nnUNet_n_proc_DA": "7"}
