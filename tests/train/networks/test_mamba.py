"""The layer Mamba: its parameters, its start, its precision, and which scan it uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.train

SHAPES = {
    "A_log": (64, 16),
    "D": (64,),
    "in_proj.weight": (128, 32),
    "conv1d.weight": (64, 1, 4),
    "conv1d.bias": (64,),
    "x_proj.weight": (34, 64),
    "dt_proj.weight": (64, 2),
    "dt_proj.bias": (64,),
    "out_proj.weight": (32, 64),
}


@pytest.fixture(autouse=True)
def probed_anew() -> Iterator[None]:
    """Forget what was found before, and afterwards."""
    from segconv.train.networks.kernels import kernel

    kernel.cache_clear()
    yield
    kernel.cache_clear()


def layer(features: int = 32) -> Any:
    """A layer with the same weights each time."""
    import torch

    from segconv.train.networks.mamba import Mamba

    torch.manual_seed(0)
    return Mamba(features)


def test_names_and_shapes_of_parameters_are_those_of_mamba_ssm() -> None:
    assert {name: tuple(one.shape) for name, one in layer().state_dict().items()} == SHAPES


def test_steps_start_between_a_thousandth_and_a_tenth_and_rates_at_one_to_sixteen() -> None:
    import torch

    made = layer()
    steps = torch.nn.functional.softplus(made.dt_proj.bias.detach())
    assert 1e-3 * 0.999 <= float(steps.min()) < float(steps.max()) <= 1e-1 * 1.001
    assert float(made.dt_proj.weight.detach().abs().max()) <= 2**-0.5
    assert torch.allclose(made.A_log.detach().exp(), torch.arange(1.0, 17.0).expand(64, 16))


def test_a_token_depends_on_those_before_it_only() -> None:
    import torch

    made, tokens = layer().double(), torch.randn(2, 40, 32, dtype=torch.float64)
    changed = tokens.clone()
    changed[:, 25:] += 1
    with torch.no_grad():
        one, two = made(tokens), made(changed)
    assert torch.equal(one[:, :25], two[:, :25])
    assert not torch.allclose(one[:, 25:], two[:, 25:])


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_is_raised_also_under_autocast(name: str) -> None:
    import torch

    made, tokens = layer(), torch.randn(1, 20, 32).to(getattr(torch, name))
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = made(tokens)
    assert found.dtype == torch.float32
    with torch.no_grad():
        assert torch.equal(found, made(tokens.float()))


def test_double_precision_stays() -> None:
    import torch

    with torch.no_grad():
        assert layer().double()(torch.zeros(1, 3, 32, dtype=torch.float64)).dtype == torch.float64


def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of mamba_ssm can be imported."""
    for name in ("selective_scan_cuda", "mamba_ssm.ops.selective_scan_interface"):
        monkeypatch.setitem(sys.modules, name, None)


def test_without_the_compiled_kernel_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.networks.kernels import kernel

    without_packages(monkeypatch)
    assert kernel().scan is None
    assert "selective_scan_cuda" in kernel().reason


def test_mamba_ssm_without_its_compiled_module_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.networks.kernels import kernel

    without_packages(monkeypatch)
    interface = ModuleType("mamba_ssm.ops.selective_scan_interface")
    interface.selective_scan_fn = print  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    assert kernel().scan is None


def test_an_interface_without_the_function_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from segconv.train.networks.kernels import kernel

    for name in ("selective_scan_cuda", "mamba_ssm", "mamba_ssm.ops", "mamba_ssm.ops.selective_scan_interface"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert kernel().scan is None
    assert "selective_scan_fn" in kernel().reason


class Fake:
    """A compiled scan that works on any device: the loop over the steps, with mamba_ssm's arguments."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, u: Any, delta: Any, a: Any, b: Any, c: Any, d: Any, **others: Any) -> Any:
        from torch.nn import functional

        from .test_scan import stepwise

        assert set(others) == {"z", "delta_bias", "delta_softplus"}
        assert others["delta_softplus"] is True
        assert all(one.stride(-1) == 1 for one in (u, delta, b, c, others["z"]))
        self.calls += 1
        turned = [one.transpose(1, 2) for one in (u, delta, b, c, others["z"])]
        x, step, into, out, gate = turned
        step = functional.softplus(step + others["delta_bias"])
        y = stepwise(x, step, a, into, out) + d * x
        return (y * functional.silu(gate)).transpose(1, 2)


def test_the_compiled_kernel_gets_the_arguments_that_give_the_same_output() -> None:
    import torch

    fake, made = Fake(), layer()
    tokens = torch.randn(2, 30, 32)
    parts = (2, 30, 64), (2, 30, 64), (2, 30, 64), (2, 30, 16), (2, 30, 16)
    x, gate, step, into, out = (torch.randn(shape) for shape in parts)
    with torch.no_grad():
        ours = made._ours(x, gate, step, into, out)
        theirs = made._compiled(fake, x, gate, step, into, out)
        made(tokens)
    assert fake.calls == 1  # and none for a tensor on the CPU
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_tensors_on_the_cpu_never_go_to_the_compiled_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    interface, fake = ModuleType("mamba_ssm.ops.selective_scan_interface"), Fake()
    interface.selective_scan_fn = fake  # type: ignore[attr-defined]
    for module in (ModuleType("selective_scan_cuda"), ModuleType("mamba_ssm"), ModuleType("mamba_ssm.ops"), interface):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    from segconv.train.networks.kernels import kernel

    assert kernel().scan is fake
    with torch.no_grad():
        layer()(torch.zeros(1, 5, 32))
    assert fake.calls == 0


@pytest.mark.parametrize(
    ("is_cuda", "dtype", "uses_it"), [(True, "float32", True), (True, "float64", False), (False, "float32", False)]
)
def test_the_compiled_kernel_scans_single_precision_on_a_cuda_device(
    is_cuda: bool, dtype: str, uses_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from segconv.train.networks import mamba
    from segconv.train.networks.kernels import Kernel

    fake, made = Fake(), layer()
    monkeypatch.setattr(mamba, "kernel", lambda: Kernel(fake))
    x = SimpleNamespace(is_cuda=is_cuda, dtype=getattr(torch, dtype))
    monkeypatch.setattr(made, "_compiled", lambda scan, *_: scan)
    monkeypatch.setattr(made, "_ours", lambda *_: None)
    assert (made._scanned(x, *[None] * 4) is fake) is uses_it
