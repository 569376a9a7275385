"""The selective scan, forward and backward: blocked, step by step, and the floor, interleaved.

``python -m benchmarks.scan [--rounds N] [--threads N]``

The floor is the arithmetic that PyTorch cannot do without: one operation after another on whole blocks in the cache,
without any carrying from step to step.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from segconv.train.networks.scan import selective_scan

from .measure import machine

LENGTHS = {"64³": 64**3, "256²": 256**2}
CHANNELS, STATES = 64, 16
"""The first stage of U-Mamba: 32 features, expanded by 2."""

BLOCK = 1 << 19
"""Numbers of a block of the floor, 2 MiB an array."""


def stepwise(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The definition, differentiated by PyTorch."""
    h, found = x.new_zeros(x.shape[0], *a.shape), []
    for x_here, step, b_here, c_here in zip(*(each(one) for one in (x, delta, b, c)), strict=True):
        h = torch.exp(step[..., None] * a) * h + (step * x_here)[..., None] * b_here[:, None]
        found.append((h * c_here[:, None]).sum(-1))
    return torch.stack(found, 1)


def each(sequence: Tensor) -> Iterator[Tensor]:
    """Steps, cut out in two goes: the gradient of a cut is as long as what was cut."""
    for part in sequence.split(512, 1):
        yield from part.unbind(1)


def inputs(length: int) -> list[Tensor]:
    torch.manual_seed(0)
    x, delta = torch.randn(1, length, CHANNELS), 0.1 * torch.rand(1, length, CHANNELS)
    a = -torch.arange(1.0, STATES + 1).repeat(CHANNELS, 1)
    return [one.requires_grad_() for one in (x, delta, a, *torch.randn(2, 1, length, STATES))]


def floor(length: int) -> list[tuple[float, float]]:
    """Do the operations of both passes on as many numbers; return wall and CPU seconds of each."""
    one, two, three = torch.rand(3, BLOCK)
    blocks = length * CHANNELS * STATES // BLOCK

    def again() -> None:
        """Decays, inputs, recurrence."""
        torch.mul(one, two, out=three).neg_().exp_()
        torch.mul(one, two, out=one)
        one.addcmul_(two, three)

    def forward() -> None:
        for _ in range(blocks):
            again()
            one.sum()

    def backward() -> None:
        for _ in range(blocks):
            again()
            torch.mul(one, two, out=three)
            three.addcmul_(one, two)
            for _ in range(5):  # dB, dC, dx, dA, dΔ
                three.sum()
            for _ in range(3):
                three.mul_(one)

    return [timed(forward), timed(backward)]


def timed(do: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.monotonic(), time.process_time()
    do()
    return time.monotonic() - wall, time.process_time() - cpu


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_run(name: str, length: int) -> list[float]:
    """Wall and CPU seconds forward, then backward; MiB beyond what was there before."""
    if name == "floor":
        return [*(value for pair in floor(length) for value in pair), 0.0]
    scan, given, made = {"blocked": selective_scan, "stepwise": stepwise}[name], inputs(length), []
    before = peak_mib()
    forward = timed(lambda: made.append(scan(*given).sum()))
    backward = timed(lambda: made[0].backward())
    return [*forward, *backward, peak_mib() - before]


def compare(length: int, rounds: int, threads: int) -> dict[str, list[float]]:
    """Medians of runs in processes of their own, in an order drawn for each round."""
    runs: dict[str, list[list[float]]] = {"stepwise": [], "blocked": [], "floor": []}
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for name in order.permutation(list(runs)).tolist():
            command = [sys.executable, "-m", "benchmarks.scan", "--run", name, str(length), "--threads", str(threads)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs[name].append([float(value) for value in done.stdout.split()])
    return {name: [statistics.median(column) for column in zip(*found, strict=True)] for name, found in runs.items()}


def report(title: str, medians: dict[str, list[float]]) -> None:
    print(f"\n{title}")
    heads = ("fwd wall s", "fwd CPU s", "bwd wall s", "bwd CPU s", "MiB", "CPU / blocked", "CPU / floor")
    print(f"{'':10}" + "".join(f"{head:>14}" for head in heads))
    cpu = {name: row[1] + row[3] for name, row in medians.items()}
    for name, row in medians.items():
        shares = [cpu[name] / cpu["blocked"], cpu[name] / cpu["floor"]]
        print(f"{name:10}" + "".join(f"{value:14.2f}" for value in [*row, *shares]))


def main() -> None:
    """Compare, or do one run of the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--run", nargs=2, metavar=("NAME", "LENGTH"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.run:
        print(*one_run(options.run[0], int(options.run[1])))
        return
    print(f"{machine()}, PyTorch {torch.__version__}, {options.threads} threads, medians of {options.rounds} rounds")
    for name, length in LENGTHS.items():
        title = f"{name}: {length} tokens, {CHANNELS} channels, {STATES} states, single precision"
        report(title, compare(length, options.rounds, options.threads))


if __name__ == "__main__":
    main()
