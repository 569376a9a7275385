"""What a U-Mamba is made of follows from plans, and needs no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from segconv.train.networks.design import Design, Tokens

from .built import Case, halving

F3 = (32, 64, 128, 256, 320, 320)
VOXELS, CHANNELS = Tokens.VOXELS, Tokens.CHANNELS


def design(case: Case, **changed: Any) -> Design:
    return Design.of({**case.arguments, **changed}, len(case.size))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (halving((128, 128, 128), F3), [VOXELS] * 5 + [CHANNELS]),
        (halving((512, 512), (32, 64, 128, 256, *[512] * 4)), [None, VOXELS, None, VOXELS, None, CHANNELS, None, CHANNELS]),
        (halving((32, 32), (8, 16, 24, 24)), [None, VOXELS, None, CHANNELS]),
        (Case((64, 32), (8, 16, 24, 24, 24), [3] * 5, [1, 2, 2, 2, (2, 1)]), [VOXELS, None, VOXELS, None, CHANNELS]),
    ],
)  # fmt: skip
def test_mamba_layers_are_where_the_authors_have_them(case: Case, expected: list[Tokens | None]) -> None:
    assert design(case).tokens(case.size) == expected


def test_deep_stages_have_one_block_whatever_the_plans_say() -> None:
    found = design(halving((64, 64), (8, 16, 16, 16, 16)), n_conv_per_stage=[3, 4, 5, 6, 7], n_conv_per_stage_decoder=2)
    assert (found.encoder_blocks, found.decoder_blocks) == ((3, 4, 5, 1, 1), (2, 2, 2, 1))


def test_feature_maps_are_counted_as_nnunet_counts_those_of_its_own_networks() -> None:
    found = design(halving((128, 128, 128), F3))
    assert found.values((128, 128, 128), heads=2) == 1_151_823_872
    assert found.divisor == (32, 32, 32)
    assert found.sizes((128, 64, 32))[-1] == (4, 2, 1)


@pytest.mark.train
def test_the_count_is_that_of_convolutions_in_the_network() -> None:
    import torch

    from .built import BOT, build

    case = Case((8, 16, 16), (8, 16, 24, 24), [(1, 3, 3), 3, 3, 3], [1, (1, 2, 2), 2, 2])
    network = build(BOT, case, heads=3)
    seen = 0

    def count(module: Any, _: Any, output: Any) -> None:
        nonlocal seen
        seen += output.numel() if isinstance(module, torch.nn.Conv3d) else 0

    for module in {*network.modules()}:
        module.register_forward_hook(count)
    network(torch.zeros((1, 1, *case.size)))
    assert network.compute_conv_feature_map_size(case.size) == seen


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_stages": 1}, "n_stages is 1"),
        ({"features_per_stage": [8, 16]}, "features_per_stage has 2 values, expected 4"),
        ({"strides": [[1, 1, 1]] * 4}, "strides has 3 values, expected 2"),
        ({"n_conv_per_stage_decoder": [2, 2]}, "n_conv_per_stage_decoder has 2 values, expected 3"),
        ({"n_conv_per_stage": None}, "n_conv_per_stage is missing"),
    ],
)
def test_entries_that_do_not_fit_are_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        design(halving((32, 32), (8, 16, 24, 24)), **changed)


def test_no_pytorch_is_needed() -> None:
    call = "import sys, segconv.train.networks.design; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", call], capture_output=True, check=True).stdout.strip() == b"False"
