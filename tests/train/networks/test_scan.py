"""The blocked scan and its gradients equal a loop over the steps in double precision."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.train

LENGTHS = (1, 3, 16, 17, 31, 32, 33, 50, 70)


def drawn(batch: int, length: int, channels: int = 3, *, states: int = 2, decay: float = 1.0) -> list[Any]:
    """x, delta, A, B and C in double precision."""
    import torch

    torch.manual_seed(length)
    x, delta = torch.randn(batch, length, channels), torch.rand(batch, length, channels) + 0.05
    b, c = torch.randn(2, batch, length, states)
    a = -decay * (torch.rand(channels, states) + 0.1)
    return [one.double().requires_grad_() for one in (x, delta, a, b, c)]


def stepwise(x: Any, delta: Any, a: Any, b: Any, c: Any) -> Any:
    """The definition."""
    import torch

    h, found = torch.zeros(x.shape[0], *a.shape, dtype=x.dtype), []
    for at in range(x.shape[1]):
        step = delta[:, at, :, None]
        h = torch.exp(step * a) * h + step * b[:, at, None] * x[:, at, :, None]
        found.append((h * c[:, at, None]).sum(-1))
    return torch.stack(found, 1)


def gradients(scan: Any, given: list[Any]) -> list[Any]:
    """Output, and gradients of a weighted sum of it."""
    import torch

    y = scan(*given)
    weights = torch.sin(torch.arange(y.numel(), dtype=y.dtype)).view_as(y)
    return [y, *torch.autograd.grad((y * weights).sum(), given)]


def distance(found: list[Any], expected: list[Any]) -> float:
    """The largest difference, as a share of the largest value."""
    pairs = zip(found, expected, strict=True)
    return max(
        float(((one.double() - two).abs().max() / two.abs().max().clamp(min=1e-300)).detach()) for one, two in pairs
    )


@pytest.fixture(params=[1, 3, 1 << 15], ids=["one chunk", "few chunks", "many chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of one, three, or as many chunks as the length has."""
    from segconv.train.networks import scan

    monkeypatch.setitem(scan._NUMBERS, "cpu", request.param * 6 * 2)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("length", [*LENGTHS, 95, 96, 97, 200])
@pytest.mark.parametrize("decay", [1.0, 80.0, 2000.0])
def test_output_and_gradients_are_those_of_the_loop(length: int, decay: float) -> None:
    from segconv.train.networks.scan import selective_scan

    given = drawn(2, length, decay=decay)
    assert distance(gradients(selective_scan, given), gradients(stepwise, given)) < 1e-12


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("length", LENGTHS)
def test_gradients_are_those_of_finite_differences(length: int) -> None:
    import torch

    from segconv.train.networks.scan import selective_scan

    assert torch.autograd.gradcheck(selective_scan, drawn(1, length, channels=2))


def test_single_precision_is_within_1e_6_of_the_double_loop() -> None:
    from segconv.train.networks.scan import selective_scan

    given = drawn(2, 1500, channels=8, states=16)
    single = [one.detach().float().requires_grad_() for one in given]
    assert distance([selective_scan(*single)], [stepwise(*given)]) < 1e-6


def test_inputs_need_not_be_contiguous() -> None:
    from segconv.train.networks.scan import selective_scan

    given = drawn(2, 50)
    turned = [one.detach().transpose(0, -1).contiguous().transpose(0, -1).requires_grad_() for one in given]
    assert not turned[0].is_contiguous()
    assert distance(gradients(selective_scan, turned), gradients(stepwise, given)) < 1e-12


def test_a_gradient_that_is_spread_out_is_read_as_it_is() -> None:
    import torch

    from segconv.train.networks.scan import selective_scan

    given = drawn(2, 50)
    found, expected = (torch.autograd.grad(scan(*given).sum(), given) for scan in (selective_scan, stepwise))
    assert distance(list(found), list(expected)) < 1e-12


def test_a_graph_is_used_twice_and_gradients_add_up() -> None:
    import torch

    from segconv.train.networks.scan import selective_scan

    given = drawn(1, 40)
    y = selective_scan(*given)
    once, twice = (torch.autograd.grad(y.sum(), given, retain_graph=True) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(once, twice, strict=True))
    both = torch.autograd.grad(y.sum() + selective_scan(*given).sum(), given)
    assert distance(list(both), [2 * one for one in once]) < 1e-12


def test_only_the_wanted_gradients_are_given() -> None:
    import torch

    from segconv.train.networks.scan import selective_scan

    given = [one.detach() for one in drawn(1, 20)]
    given[1].requires_grad_()
    selective_scan(*given).sum().backward()
    assert given[1].grad is not None
    assert given[0].grad is None
    assert isinstance(given[1].grad, torch.Tensor)


def test_an_empty_sequence_has_empty_gradients() -> None:
    from segconv.train.networks.scan import selective_scan

    given = drawn(2, 0)
    selective_scan(*given).sum().backward()
    assert [tuple(one.grad.shape) for one in given] == [tuple(one.shape) for one in given]
    assert float(given[2].grad.abs().sum()) == 0


def test_without_gradients_no_states_are_kept() -> None:
    import torch

    from segconv.train.networks import scan

    given = drawn(1, 100)
    with torch.no_grad():
        y = scan.selective_scan(*given)
    assert y.grad_fn is None
    assert torch.equal(y, scan.selective_scan(*given).detach())
