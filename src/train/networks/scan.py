"""The selective scan of state-space networks, in blocks, with a backward pass of its own.

Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces" (2023), equation 2 with the
discretisation of its section 3.5: ``h[l] = exp(delta[l]·A)·h[l-1] + delta[l]·B[l]·x[l]``, ``y[l] = C[l]·h[l]``.

Only the states that enter blocks are kept; the backward pass makes the others again. Within a block, chunks of a few
steps are done side by side, so that one operation has enough numbers to do, and a short loop carries the states
from chunk to chunk. Nothing is ever divided by a decay: decays underflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_STEPS = 32
"""Steps of a chunk: fewer cost more carrying, more cost memory."""

_NUMBERS = {"cpu": 1 << 14}
"""Numbers that one operation should have: on a CPU, so many that a block stays in the cache."""

_NUMBERS_ELSEWHERE = 1 << 20
"""On a GPU, so many that starting an operation costs little."""


@torch.compiler.disable  # type: ignore[untyped-decorator]
def selective_scan(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Return what the state-space model makes of a sequence.

    Parameters
    ----------
    x, delta
        Input and step sizes, (batch, length, channels).
    a
        Continuous decay rates, negative, (channels, states).
    b, c
        Into the state and out of it, (batch, length, states).

    Returns
    -------
    y
        (batch, length, channels).
    """
    if torch.is_grad_enabled() and any(one.requires_grad for one in (x, delta, a, b, c)):
        found: Tensor = _Scan.apply(x, delta, a, b, c)
        return found
    return _forward(x, delta, a, b, c, None)


@dataclass(frozen=True)
class _Block:
    """A stretch of the sequence: tokens from `start` to `stop`, cut into `chunks` of `steps`."""

    start: int
    stop: int
    chunks: int
    steps: int


def _blocks(x: Tensor, states: int) -> list[_Block]:
    """Cut a sequence; what is left over after whole chunks is a block with one chunk."""
    batch, length, channels = x.shape
    wanted = _NUMBERS.get(x.device.type, _NUMBERS_ELSEWHERE)
    most = max(1, wanted // max(1, batch * channels * states))
    found, at = [], 0
    while at < length:
        chunks = min(most, (length - at) // _STEPS)
        steps = _STEPS if chunks else length - at
        chunks = max(1, chunks)
        found.append(_Block(at, at + chunks * steps, chunks, steps))
        at += chunks * steps
    return found


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        entering: list[Tensor] = []
        y = _forward(x, delta, a, b, c, entering)
        ctx.save_for_backward(x, delta, a, b, c, *entering)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, ...]:
        x, delta, a, b, c, *entering = ctx.saved_tensors
        return _backward(dy, x, delta, a, b, c, entering)


def _forward(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, entering: list[Tensor] | None) -> Tensor:
    """Scan; put the states that enter blocks into `entering`."""
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    h = x.new_zeros(x.shape[0], x.shape[2], a.shape[1])
    for block in _blocks(x, a.shape[1]):
        if entering is not None:
            entering.append(h)
        at = slice(block.start, block.stop)
        x_here, delta_here, b_here, c_here = _contiguous(at, x, delta, b, c)
        decays = _decays(delta_here, a)
        h_all = _states(decays, delta_here, a, x_here, b_here, h, block)
        y[:, at] = torch.matmul(h_all[:, 1:], c_here[..., None])[..., 0]
        h = h_all[:, -1].clone()
    return y


def _decays(delta: Tensor, a: Tensor) -> Tensor:
    """``exp(delta·A)`` with a one after the last step: (batch, length + 1, channels, states)."""
    batch, length, channels = delta.shape
    found = delta.new_empty(batch, length + 1, channels, a.shape[1])
    found[:, -1] = 1
    torch.mul(delta[..., None], a, out=found[:, :-1])
    found[:, :-1].exp_()
    return found


def _states(decays: Tensor, delta: Tensor, a: Tensor, x: Tensor, b: Tensor, h: Tensor, block: _Block) -> Tensor:
    """All states of a block, the entering one first: (batch, length + 1, channels, states)."""
    found = torch.empty_like(decays)
    found[:, 0] = h
    torch.mul((delta * x)[..., None], b[:, :, None], out=found[:, 1:])
    _recur(_steps(decays[:, :-1], block), _steps(found[:, 1:], block), h, _total(delta, a, block))
    return found


def _total(delta: Tensor, a: Tensor, block: _Block) -> Tensor:
    """The decay over each chunk: (batch, chunks, channels, states)."""
    sums = delta.unflatten(1, (block.chunks, block.steps)).sum(2)
    return torch.exp(sums[..., None] * a)


def _steps(whole: Tensor, block: _Block) -> list[Tensor]:
    """Views of the k-th step of all chunks: each (batch, chunks, channels, states)."""
    return list(whole.unflatten(1, (block.chunks, block.steps)).unbind(2))


def _recur(decays: list[Tensor], values: list[Tensor], first: Tensor, total: Tensor) -> None:
    """Replace ``v[k]`` by ``v[k] + decay[k]·v[k-1]`` in all chunks, which follow one another.

    The last values of each chunk come first, as if nothing entered it; then what really enters; then all values.
    """
    chunks = total.shape[1]
    enters = torch.empty_like(total)
    enters[:, 0] = first
    if chunks > 1:
        ends = values[0]
        for decay, value in zip(decays[1:], values[1:], strict=True):
            ends = torch.addcmul(value, decay, ends)
        entered, lasts, totals = enters.unbind(1), ends.unbind(1), total.unbind(1)
        for at in range(chunks - 1):
            torch.addcmul(lasts[at], totals[at], entered[at], out=entered[at + 1])
    before = enters
    for decay, value in zip(decays, values, strict=True):
        before = value.addcmul_(decay, before)


def _recur_reversed(decays: Tensor, values: Tensor, after: Tensor, block: _Block) -> None:
    """Replace ``g[l]`` by ``g[l] + decay[l+1]·g[l+1]``; `after` is what the next block hands back, decayed already.

    `decays` start with the second step, and end with the one after the last, which is 1.
    """
    chunks = block.chunks
    steps, found = _steps(decays, block), _steps(values, block)
    enters = torch.empty_like(found[-1], memory_format=torch.contiguous_format)
    enters[:, -1] = after
    if chunks > 1:
        ends = found[-1]
        for decay, value in zip(steps[-2::-1], found[-2::-1], strict=True):
            ends = torch.addcmul(value, decay, ends)
        # What enters a chunk is g at the first step of the next; the decay of its last step is that step's.
        outer = steps[-1].unbind(1)
        inner = _without_first(steps)
        entered, lasts = enters.unbind(1), ends.unbind(1)
        for at in range(chunks - 1, 0, -1):
            product = inner[at] * outer[at]
            torch.addcmul(lasts[at], product, entered[at], out=entered[at - 1])
    before = enters
    for decay, value in zip(reversed(steps), reversed(found), strict=True):
        before = value.addcmul_(decay, before)


def _without_first(steps: list[Tensor]) -> tuple[Tensor, ...]:
    """The decay over each chunk without its first step."""
    product = torch.ones_like(steps[0])
    for decay in steps[:-1]:
        product.mul_(decay)
    parts: tuple[Tensor, ...] = product.unbind(1)
    return parts


def _contiguous(at: slice, *sequences: Tensor) -> list[Tensor]:
    """A stretch of sequences; products of many small matrices are slow where they are not contiguous."""
    return [one[:, at].contiguous() for one in sequences]


def _backward(
    dy: Tensor, x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, entering: list[Tensor]
) -> tuple[Tensor, ...]:
    """Gradients of x, delta, A, B and C, block by block from the end."""
    dx, ddelta, db, dc = (torch.empty_like(one, memory_format=torch.contiguous_format) for one in (x, delta, b, c))
    da = torch.zeros_like(a)
    after = torch.zeros_like(entering[0]) if entering else None
    blocks = _blocks(x, a.shape[1])
    for block, h in reversed(list(zip(blocks, entering, strict=True))):
        at = slice(block.start, block.stop)
        x_here, delta_here, b_here, c_here, dy_here = _contiguous(at, x, delta, b, c, dy)
        decays = _decays(delta_here, a)
        h_all = _states(decays, delta_here, a, x_here, b_here, h, block)
        dc[:, at] = torch.matmul(dy_here[:, :, None], h_all[:, 1:])[:, :, 0]
        g = dy_here[..., None] * c_here[:, :, None]
        _recur_reversed(decays[:, 1:], g, after, block)
        after = decays[:, 0] * g[:, 0]
        db[:, at] = torch.matmul((delta_here * x_here)[:, :, None], g)[:, :, 0]
        du = torch.matmul(g, b_here[..., None])[..., 0]
        through = g.mul_(h_all[:, :-1]).mul_(decays[:, :-1])
        da += torch.einsum("ble,blen->en", delta_here, through)
        dx[:, at] = delta_here * du
        ddelta[:, at] = x_here * du + through.mul_(a).sum(-1)
    return dx, ddelta, da, db, dc
