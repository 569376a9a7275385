"""Plans that train in seconds, with the topology of the user's."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.train.derivation import divisor
from segconv.train.rehearsal.small import chosen, needed_grid, small_patch, small_plans

NETWORK = {
    "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {"strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]], "features_per_stage": [32, 64, 320]},
}
PLANS: dict[str, Any] = {
    "dataset_name": "Dataset042_Liver",
    "plans_name": "nnUNetPlans",
    "transpose_backward": [1, 2, 0],
    "configurations": {
        "3d_lowres": {
            "patch_size": [64, 96, 96],
            "batch_size": 9,
            "spacing": [4.0, 2.0, 2.0],
            "architecture": NETWORK,
            "next_stage": ["3d_cascade_fullres"],
        },
        "3d_fullres": {"inherits_from": "3d_lowres", "spacing": [2.0, 1.0, 1.0], "next_stage": None},
        "3d_cascade_fullres": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
    },
}

EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=3)


@given(EDGES)
def test_small_patches_are_divisible_and_keep_more_than_one_voxel(axes: list[tuple[int, int]]) -> None:
    strides = [[2 if stage < halvings else 1 for halvings, _ in axes] for stage in range(-1, 5)]
    strides[0] = [1] * len(axes)
    totals = divisor(strides)
    patch = [total * 2 * many for total, (_, many) in zip(totals, axes, strict=True)]
    small = small_patch(patch, strides)
    assert all(edge % total == 0 for edge, total in zip(small, totals, strict=True))
    assert all(edge <= whole for edge, whole in zip(small, patch, strict=True))
    assert math.prod(small) // math.prod(totals) > 1


def test_without_strides_the_patch_keeps_its_powers_of_two() -> None:
    assert small_patch([96, 160], []) == [32, 64]
    assert small_patch([13, 7], []) == [13, 7]


def test_the_topology_stays_and_the_plans_of_the_user_are_unchanged() -> None:
    before = copy.deepcopy(PLANS)
    found = small_plans(PLANS, ["3d_lowres", "3d_cascade_fullres"], "Dataset001_X")
    assert before == PLANS
    cascade = found["configurations"]["3d_cascade_fullres"]
    assert (cascade["patch_size"], cascade["batch_size"]) == ([16, 16, 16], 2)
    assert cascade["architecture"]["arch_kwargs"]["strides"] == NETWORK["arch_kwargs"]["strides"]  # type: ignore[index]
    assert cascade["architecture"]["arch_kwargs"]["features_per_stage"] == [8, 16, 80]
    assert (cascade["previous_stage"], cascade["next_stage"]) == ("3d_lowres", None)
    assert found["configurations"]["3d_lowres"]["next_stage"] == ["3d_cascade_fullres"]
    assert found["dataset_name"] == "Dataset001_X"


def test_a_stage_whose_next_is_not_rehearsed_has_none() -> None:
    assert small_plans(PLANS, ["3d_lowres"], "D")["configurations"]["3d_lowres"]["next_stage"] is None


def test_networks_of_others_keep_their_features() -> None:
    plans = copy.deepcopy(PLANS)
    plans["configurations"]["3d_lowres"]["architecture"]["network_class_name"] = "mine.Net"
    network = small_plans(plans, ["3d_lowres"], "D")["configurations"]["3d_lowres"]["architecture"]
    assert network["arch_kwargs"]["features_per_stage"] == [32, 64, 320]


def test_a_cascade_comes_with_its_first_stage() -> None:
    assert chosen(PLANS, ["3d_cascade_fullres"]) == ["3d_lowres", "3d_cascade_fullres"]
    assert chosen(PLANS, []) == ["3d_fullres"]
    with pytest.raises(SegconvError) as caught:
        chosen(PLANS, ["3d"])
    assert caught.value.code == "SC001"


def test_images_have_room_for_two_patches_in_the_axis_order_of_the_files() -> None:
    assert needed_grid(PLANS, ["3d_fullres"]) == ([16, 16, 20], [1.0, 1.0, 2.0])
