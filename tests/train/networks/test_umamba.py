"""U-Mamba's networks are those of its authors, tensor for tensor and number for number."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from .built import BOT, BOTH, ENC, Case, build, digest, filled, halving, lines, waves

pytestmark = pytest.mark.train

F3 = (32, 64, 128, 256, 320, 320)
F2 = (32, 64, 128, 256, 512, 512, 512, 512)
SMALL = (8, 16, 24, 24)
PLANNED = {
    "3d": halving((128, 128, 128), F3),
    "thick slices": Case((16, 256, 256), F3, [(1, 3, 3)] + [3] * 5, [1, (1, 2, 2), 2, 2, (1, 2, 2), (1, 2, 2)]),
    "2d": halving((512, 512), F2),
}
TINY = {
    "2d": halving((32, 32), SMALL),
    "oblong": Case((64, 32), (*SMALL, 24), [3] * 5, [1, 2, 2, 2, (2, 1)]),
    "thick slices": Case((8, 16, 16), SMALL, [(1, 3, 3), 3, 3, 3], [1, (1, 2, 2), 2, 2]),
}


@pytest.mark.parametrize(
    ("case", "name", "parameters", "tensors", "expected"),
    [
        ("3d", BOT, 42_120_394, 397, "22b524cbb5c7d81a"),
        ("3d", ENC, 42_750_922, 518, "5bb4f5e48cf0f47a"),
        ("thick slices", BOT, 41_935_498, 397, "eb7d97194cf12921"),
        ("thick slices", ENC, 42_971_530, 518, "82b2583cd58dcf5c"),
        ("2d", BOT, 64_794_638, 513, "a181be4ed3ad83d6"),
        ("2d", ENC, 64_011_598, 590, "050955aff23a43e9"),
    ],
)
def test_each_tensor_has_the_name_and_shape_that_the_authors_classes_give_it(
    case: str, name: str, parameters: int, tensors: int, expected: str
) -> None:
    import torch

    with torch.device("meta"):  # which holds no numbers
        network = build(name, PLANNED[case])
    weights = network.state_dict()
    count = sum(parameter.numel() for parameter in network.parameters())
    assert (count, len(weights), digest(weights)) == (parameters, tensors, expected)


@pytest.mark.parametrize(
    ("case", "name", "expected", "first", "last"),
    [
        ("2d", BOT, "6fa384941e1c3bee", (0.605550893, 1.24598397), (1.10209716, 0.720752144)),
        ("2d", ENC, "2c5a9ea8f3249b81", (0.620419784, 1.24017489), (1.07846955, 0.678585823)),
        ("oblong", BOT, "f693fd523485642a", (0.61412087, 1.25102795), (1.24848918, 0.609628596)),
        ("oblong", ENC, "ec6845a737237f2c", (0.610137286, 1.24933018), (1.08163338, 0.688267515)),
        ("thick slices", BOT, "d691645777477db5", (0.602902863, 1.77967953), (1.0817601, 1.45339428)),
        ("thick slices", ENC, "06acbff1b9a7511a", (0.582924563, 1.26465559), (1.12230118, 1.38591238)),
    ],
)
def test_outputs_are_those_of_the_authors_classes(
    case: str, name: str, expected: str, first: tuple[float, float], last: tuple[float, float]
) -> None:
    import torch

    network = filled(build(name, TINY[case], 2, 3, deep_supervision=True))
    assert digest(network.state_dict()) == expected
    with torch.no_grad():
        outputs = network(waves(2, TINY[case].size))
    for output, figures in ((outputs[0], first), (outputs[-1], last)):
        found = (output.mean().item(), output.std(unbiased=False).item())
        assert found == pytest.approx(figures, rel=1e-8, abs=1e-8)  # known to nine digits


def test_names_of_a_network_of_two_stages() -> None:
    residual = [
        f"{part}.{each}" for part in ("conv1", "conv2", "conv3", "norm1", "norm2") for each in ("weight", "bias")
    ]
    mamba = ("A_log", "D", "conv1d.bias", "conv1d.weight", "dt_proj.bias", "dt_proj.weight")
    mamba += ("in_proj.weight", "out_proj.weight", "x_proj.weight")
    layer = ["norm.weight", "norm.bias", *(f"mamba.{name}" for name in mamba)]
    stages = [f"{stage}.0.{name}" for stage in ("stem", "stages.0", "stages.1") for name in residual]
    decoder = [f"stages.0.0.{name}" for name in residual]
    decoder += [f"{part}.{each}" for part in ("upsample_layers.0.conv", "seg_layers.0") for each in ("weight", "bias")]
    one_block: dict[str, Any] = {"n_conv_per_stage": 1, "n_conv_per_stage_decoder": 1}
    case = halving((8, 8), (4, 8))
    of_encoder = {BOT: stages, ENC: [*stages, *(f"mamba_layers.1.{name}" for name in layer)]}
    for network, encoder in of_encoder.items():
        names = {f"{place}.{name}" for place in ("encoder", "decoder.encoder") for name in encoder}
        names |= {f"decoder.{name}" for name in decoder}
        names |= {f"mamba_layer.{name}" for name in layer} if network == BOT else set()
        assert set(build(network, case, **one_block).state_dict()) == names


@pytest.mark.parametrize("stages", range(2, 9))
@pytest.mark.parametrize("name", BOTH)
def test_outputs_of_all_resolutions_come_first_the_highest(stages: int, name: str) -> None:
    import torch

    edge = 2**stages
    for axes in (2, 3) if stages < 5 else (2,):
        case = halving((edge,) * axes, [4] * stages)
        network = build(name, case, 4 if stages % 2 else 1, 3, deep_supervision=True)
        image = torch.zeros((1, 4 if stages % 2 else 1, *case.size))
        shapes = [tuple(output.shape) for output in network(image)]
        assert shapes == [(1, 3, *(edge >> stage for _ in range(axes))) for stage in range(stages - 1)]
        network.decoder.deep_supervision = False
        assert network(image).shape == (1, 3, *case.size)


def test_plans_of_a_residual_network_have_their_own_name_for_blocks_and_give_the_same_network() -> None:
    case = TINY["2d"]
    blocks = {"n_conv_per_stage": None, "n_blocks_per_stage": [2, 2, 6, 6], "n_conv_per_stage_decoder": [2, 2, 1]}
    for name in BOTH:
        assert lines(build(name, case, **blocks).state_dict()) == lines(build(name, case).state_dict())


def test_numbers_for_all_stages_and_tuples_do_as_well_as_lists() -> None:
    case = TINY["2d"]
    single = {"kernel_sizes": 3, "n_conv_per_stage": 2, "n_conv_per_stage_decoder": 2, "strides": (1, 2, 2, 2)}
    for name in BOTH:
        assert lines(build(name, case, **single).state_dict()) == lines(build(name, case).state_dict())


def test_what_plans_hold_stays_as_it_is() -> None:
    arguments = {**TINY["2d"].arguments, "n_conv_per_stage": [2, 2, 2, 2]}
    before = copy.deepcopy(arguments)
    for name in BOTH:
        build(name, TINY["2d"], **arguments)
    assert arguments == before


def test_no_norm_dropout_or_bias_of_the_plans_changes_the_network() -> None:
    changed = {"conv_bias": False, "norm_op": "torch.nn.BatchNorm2d", "dropout_op": "torch.nn.Dropout2d"}
    for name in BOTH:
        kinds = [type(module) for module in build(name, TINY["2d"], **changed).modules()]
        assert kinds == [type(module) for module in build(name, TINY["2d"]).modules()]


def test_an_input_that_the_strides_do_not_divide_is_refused() -> None:
    import torch

    with pytest.raises(ValueError, match="36×32 is not divisible by 8×8"):
        build(BOT, TINY["2d"])(torch.zeros((1, 1, 36, 32)))
    with pytest.raises(ValueError, match="36×32 is not divisible by 8×8"):
        build(ENC, TINY["2d"], input_size=[36, 32])


def test_enc_refuses_another_size_than_its_own_and_bot_takes_any() -> None:
    import torch

    image = torch.zeros((1, 1, 40, 32))
    with pytest.raises(ValueError, match="an input of 40×32, expected 32×32"):
        build(ENC, TINY["2d"])(image)
    assert build(BOT, TINY["2d"])(image).shape == (1, 2, 40, 32)
    with pytest.raises(ValueError, match="input_size is missing"):
        build(ENC, TINY["2d"], input_size=None)


def test_weights_of_the_former_networks_are_refused_with_the_reason() -> None:
    network = build(BOT, TINY["2d"])
    weights = {**network.state_dict(), "decoder.transpconvs.0.weight": network.state_dict()["mamba_layer.norm.bias"]}
    with pytest.raises(ValueError, match="before 2024-03-27"):
        network.load_state_dict(weights)


@pytest.mark.parametrize("name", BOTH)
def test_nnunets_initialisation_reaches_convolutions_of_images_only(name: str) -> None:
    import torch

    torch.manual_seed(1)
    network = build(name, TINY["thick slices"])
    for key, tensor in network.state_dict().items():
        if key.endswith("A_log"):
            assert torch.allclose(tensor, torch.arange(1.0, 17.0).log().expand_as(tensor))
        elif key.endswith("dt_proj.bias"):
            step = torch.nn.functional.softplus(tensor)
            assert 1e-3 * 0.999 <= step.min().item() <= step.max().item() <= 1e-1 * 1.001
        elif key.endswith("conv1d.bias"):
            assert tensor.abs().min() > 0
        elif key.endswith(("conv1.bias", "conv3.bias", ".conv.bias")):
            assert not tensor.any()
    stem = network.encoder.stem[0].conv2.weight  # 8 channels, kernel 1×3×3
    assert stem.std().item() == pytest.approx(math.sqrt(2 / (1 + 1e-4) / (8 * 9)), rel=0.15)


@pytest.mark.parametrize("name", BOTH)
def test_a_network_can_be_handed_to_another_process(name: str) -> None:
    import torch

    network = build(name, TINY["2d"]).eval()
    image = torch.ones((1, 1, 32, 32))
    with torch.no_grad():
        assert torch.equal(pickle.loads(pickle.dumps(network))(image), network(image))  # noqa: S301 - just made here


def test_bot_computes_its_mamba_layer_in_single_precision_under_autocast_and_enc_everything() -> None:
    import torch

    image = waves(1, (32, 32)).float()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        bot, enc = build(BOT, TINY["2d"]), build(ENC, TINY["2d"])
        assert bot(image).dtype == torch.bfloat16
        assert bot.mamba_layer(torch.ones((1, 24, 4, 4), dtype=torch.bfloat16)).dtype == torch.float32
        mixed = enc(image.bfloat16())
    with torch.no_grad():
        assert mixed.dtype == torch.float32
        assert torch.equal(mixed, enc(image.bfloat16().float()))


def test_channels_come_first_in_memory_after_a_mamba_layer() -> None:
    """PyTorch's convolutions on the CPU corrupt memory otherwise."""
    import torch

    network = build(ENC, TINY["2d"])
    for layer, channels, edge in ((network.encoder.mamba_layers[1], 16, 16), (network.encoder.mamba_layers[3], 24, 4)):
        assert layer(torch.ones((2, channels, edge, edge))).is_contiguous()
