"""Derived configurations: valid for nnU-Net, with the base unchanged."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.errors import Cure, SegconvError
from segconv.train.derivation import Differences
from segconv.train.derivation import derive as derived_by
from segconv.train.plans import add_configuration, configuration, read_plans
from segconv.train.plans_table import table

STAGES = 6


def derive(plans: dict[str, Any], name: str, base: str, **differences: Any) -> dict[str, Any]:
    return derived_by(plans, name, base, Differences(**differences))


def network(dimension: int, kind: str = "n_conv_per_stage") -> dict[str, Any]:
    base = {
        "n_stages": STAGES,
        "features_per_stage": [min(32 * 2**s, 320) for s in range(STAGES)],
        "conv_op": f"torch.nn.modules.conv.Conv{dimension}d",
        "kernel_sizes": [[3] * dimension] * STAGES,
        "strides": [[1] * dimension, *[[2] * dimension] * (STAGES - 2), [1, *[2] * (dimension - 1)]],
        kind: [2] * STAGES,
        "n_conv_per_stage_decoder": [2] * (STAGES - 1),
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimension}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    name = "ResidualEncoderUNet" if kind == "n_blocks_per_stage" else "PlainConvUNet"
    return {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{name}",
        "arch_kwargs": base,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def plans(dimension: int = 3, kind: str = "n_conv_per_stage") -> dict[str, Any]:
    patch = [96, 160, 160][-dimension:]
    return {
        "configurations": {
            "full": {
                "data_identifier": "nnUNetPlans_full",
                "batch_size": 2,
                "patch_size": patch,
                "spacing": [1.0] * dimension,
                "architecture": network(dimension, kind),
            }
        }
    }


sizes = st.tuples(*[st.integers(1, 220)] * 3)


@given(sizes, st.none() | st.integers(1, 9), st.sampled_from(["n_conv_per_stage", "n_blocks_per_stage"]))
def test_a_derived_configuration_is_divisible_or_refused_with_sizes_that_are(
    patch: tuple[int, ...], stages: int | None, kind: str
) -> None:
    base = plans(3, kind)
    before = copy.deepcopy(base)
    try:
        new = derive(base, "small", "full", patch_size=patch, stages=stages, features=(8, 64), batch_size=3)
    except SegconvError as error:
        assert error.exit_code == 2
        if "not divisible" in str(error):
            for cure in error.cures[:2]:
                nearest = [int(n) for n in dict(cure.values)["size"].split("x")]
                derive(base, "small", "full", patch_size=nearest, stages=stages)
        return
    finally:
        assert base == before
    arch = new["architecture"]["arch_kwargs"]
    count = arch["n_stages"]
    assert all(len(arch[key]) == count for key in ("features_per_stage", "kernel_sizes", "strides", kind))
    assert len(arch["n_conv_per_stage_decoder"]) == count - 1
    total = [math.prod(axis) for axis in zip(*arch["strides"], strict=True)]
    assert all(p % t == 0 for p, t in zip(patch, total, strict=True))
    assert arch["features_per_stage"][0] == 8
    assert max(arch["features_per_stage"]) <= 64
    assert new["inherits_from"] == "full"


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": "none"},
        {"name": "full"},
        {"name": "a b"},
        {"patch_size": (64, 64)},
        {"patch_size": (4, 4, 4)},
        {"batch_size": 0},
        {"features": (64, 8)},
        {"stages": 1},
        {"stages": 99},
    ],
)
def test_numbers_that_do_not_go_together_are_usage_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(SegconvError) as caught:
        derive(plans(), **{"name": "small", "base": "full", **wrong})
    assert caught.value.exit_code == 2


def test_a_network_that_is_made_for_one_patch_size_gets_that_of_its_configuration() -> None:
    made = plans()
    made["configurations"]["enc"] = derive(made, "enc", "full", network="umamba-enc", patch_size=[64, 64, 64])
    assert made["configurations"]["enc"]["architecture"]["arch_kwargs"]["input_size"] == [64, 64, 64]
    smaller = derive(made, "smaller", "enc", patch_size=[64, 32, 32])
    assert smaller["architecture"]["arch_kwargs"]["input_size"] == [64, 32, 32]
    other = derive(made, "other", "enc", network="umamba-bot")
    assert "input_size" not in other["architecture"]["arch_kwargs"]


def test_written_configurations_inherit_from_the_base(tmp_path: Path) -> None:
    path = tmp_path / "nnUNetPlans.json"
    path.write_text(json.dumps(plans()))
    add_configuration(path, "small", derive(plans(), "small", "full", patch_size=(32, 64, 64), batch_size=7))
    found = read_plans(path)
    assert found["configurations"]["full"] == plans()["configurations"]["full"]
    resolved = configuration(found, "small")
    assert (resolved["data_identifier"], resolved["batch_size"], resolved["patch_size"]) == (
        "nnUNetPlans_full",
        7,
        [32, 64, 64],
    )
    assert [row["configuration"] for row in table(found)] == ["full", "small"]
    with pytest.raises(SegconvError, match="already"):
        add_configuration(path, "small", {})


def test_plans_that_are_missing_or_odd_are_reported(tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        read_plans(tmp_path / "Dataset001_A" / "nnUNetPlans.json")
    assert caught.value.cures == (Cure.of("plan", dataset="Dataset001_A"),)
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(SegconvError):
        read_plans(tmp_path / "p.json")
    circular = {"configurations": {"a": {"inherits_from": "b"}, "b": {"inherits_from": "a"}}}
    with pytest.raises(SegconvError, match="from itself"):
        configuration(circular, "a")


@pytest.mark.train
@pytest.mark.parametrize("dimension", [2, 3])
@given(st.sampled_from([(16, 16, 16), (32, 64, 32), (48, 16, 80), (64, 64, 64)]))
@settings(max_examples=4, deadline=None)
def test_nnunet_builds_and_runs_what_was_derived(dimension: int, patch: tuple[int, ...]) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
        from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

        base = plans(dimension)
        base["configurations"]["small"] = derive(base, "small", "full", patch_size=patch[-dimension:], features=(4, 8))
        manager = PlansManager(base).get_configuration("small")
        built = get_network_from_plans(
            manager.network_arch_class_name,
            manager.network_arch_init_kwargs,
            manager.network_arch_init_kwargs_req_import,
            1,
            3,
            deep_supervision=False,
        )
        with torch.no_grad():
            out = built(torch.zeros(1, 1, *manager.patch_size))
    assert out.shape == (1, 3, *manager.patch_size)
