"""Estimates of memory: nnU-Net's own count, its references, and what small networks really take."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from segconv.train.architectures import PLAIN, RESIDUAL, with_network
from segconv.train.memory_estimate import _PROCESS_BYTES, GB, estimate, size_of

from .test_plans import network

MEASURE = """
import sys, warnings
warnings.simplefilter("ignore")
import json, torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
torch.set_num_threads(1)
made = json.loads(sys.argv[1])
architecture = made["architecture"]
net = get_network_from_plans(architecture["network_class_name"], architecture["arch_kwargs"],
                             architecture["_kw_requires_import"], 1, 3, deep_supervision=True)
optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.99)
def held(kind):
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith(kind))
before = held("RssAnon:")
for _ in range(2):
    out = net(torch.randn(made["batch_size"], 1, *made["patch_size"]))
    optimizer.zero_grad()
    sum(part.square().mean() for part in out).backward()
    optimizer.step()
# Not ru_maxrss, which a process inherits from the one that started it. Pages of PyTorch's libraries do not count: how
# many of them are mapped depends on the page cache.
print(held("VmHWM:") - held("RssFile:") - before)
"""


def configuration(dimension: int, kind: str, patch: int = 64, batch: int = 2, **features: Any) -> dict[str, Any]:
    architecture = with_network(network(dimension), kind, [64] * dimension)
    architecture["arch_kwargs"] |= features
    return {"patch_size": [patch] * dimension, "batch_size": batch, "architecture": architecture}


@pytest.mark.parametrize(("dimension", "batch", "patch", "gb"), [(3, 2, 128, 8), (2, 12, 512, 8)])
def test_nnunets_usual_networks_take_what_its_planner_aims_at(
    dimension: int, batch: int, patch: int, gb: float
) -> None:
    found = estimate(configuration(dimension, PLAIN, patch, batch), 1, 2)
    assert found is not None
    assert found.gpu_gb == pytest.approx(gb, rel=0.2)
    twice = estimate(configuration(dimension, PLAIN, patch, 2 * batch), 1, 2)
    assert twice is not None
    assert twice.gpu_gb == pytest.approx(2 * found.gpu_gb)


def test_a_umamba_takes_twice_what_a_plain_network_takes_and_in_single_precision_more() -> None:
    plain, bot, enc = (estimate(configuration(3, kind, 128), 1, 2) for kind in (PLAIN, "umamba-bot", "umamba-enc"))
    assert plain is not None
    assert bot is not None
    assert enc is not None
    assert bot.gpu_gb == pytest.approx(8 * 1_151_823_872 / 560e6, rel=1e-3)  # nnU-Net's reference is 560 million
    assert 2 * plain.gpu_gb < bot.gpu_gb < enc.gpu_gb / 2
    assert bot.ram_gb < enc.ram_gb


def test_of_other_networks_nothing_is_known() -> None:
    assert estimate(configuration(3, "networks.Own"), 1, 2) is None
    assert estimate({"patch_size": [64, 64], "batch_size": 2}, 1, 2) is None


@pytest.mark.train
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("kind", [PLAIN, RESIDUAL, "umamba-bot", "umamba-enc"])
def test_values_and_weights_are_those_of_the_networks_that_nnunet_builds(dimension: int, kind: str) -> None:
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    found = configuration(dimension, kind, features_per_stage=[4, 8, 8, 16, 16, 16])
    architecture = found["architecture"]
    built = get_network_from_plans(
        architecture["network_class_name"],
        architecture["arch_kwargs"],
        architecture["_kw_requires_import"],
        2,
        3,
        allow_init=False,
    )
    size = size_of(found, 2, 3)
    assert size is not None
    assert size.values == built.compute_conv_feature_map_size(found["patch_size"])
    assert size.parameters == sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.train
def test_a_small_network_takes_what_was_estimated() -> None:
    import json
    import os

    small = configuration(3, PLAIN, patch=64, features_per_stage=[8, 16, 32, 32, 32, 32])
    found = estimate(small, 1, 3)
    assert found is not None
    # Otherwise glibc keeps more and more of what was freed: 0.3 to 0.5 GB from one run to the next.
    keeping_nothing = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps(small)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=keeping_nothing,
    )
    beside_the_process = found.ram_gb - _PROCESS_BYTES / GB
    assert beside_the_process / 2 < int(done.stdout.split()[-1]) / GB < beside_the_process
