"""Planners with a patch size or a spacing that is given, as an example of a planner of one's own.

Derive a class from `FixedPlanner`, set what is to be fixed, and leave the rest to nnU-Net:

    class BigPatch(FixedPlanner):
        patch_3d = (96, 192, 192)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props


class FixedPlanner(ExperimentPlanner):
    """nnU-Net's planner with what is fixed here; None leaves something to nnU-Net.

    Attributes
    ----------
    patch_2d, patch_3d
        Patch size in voxels, in nnU-Net's axis order: (y, x) or (z, y, x), with the axis of the largest spacing first.
        Each edge is rounded up to what the strides divide.
    spacing_mm
        Spacing (z, y, x) of 3d_fullres and 2d, in mm, in the order of the stored images.
    """

    patch_2d: ClassVar[tuple[int, int] | None] = None
    patch_3d: ClassVar[tuple[int, int, int] | None] = None
    spacing_mm: ClassVar[tuple[float, float, float] | None] = None

    def determine_fullres_target_spacing(self) -> Any:
        """Return the spacing of 3d_fullres; one that the user asked for comes first."""
        if self.spacing_mm is None or self.overwrite_target_spacing is not None:
            return super().determine_fullres_target_spacing()
        return np.array(self.spacing_mm, dtype=float)

    def get_plans_for_configuration(
        self,
        spacing: Sequence[float],
        median_shape: Sequence[float],
        data_identifier: str,
        approximate_n_voxels_dataset: float,
        _cache: dict[str, Any],
    ) -> dict[str, Any]:
        """Return nnU-Net's plan of a configuration, with the patch that is fixed and the batch size that fits it."""
        plan: dict[str, Any] = super().get_plans_for_configuration(
            spacing, median_shape, data_identifier, approximate_n_voxels_dataset, _cache
        )
        wanted = self.patch_3d if len(spacing) == 3 else self.patch_2d
        if wanted is not None:
            self._fix_patch(plan, spacing, wanted)
            plan["batch_size"] = self._batch_size(plan, approximate_n_voxels_dataset)
        return plan

    def _fix_patch(self, plan: dict[str, Any], spacing: Sequence[float], wanted: Sequence[int]) -> None:
        """Set a patch, and give the network the stages, kernels and strides that nnU-Net chooses for it."""
        _, strides, kernels, patch, _ = get_pool_and_conv_props(
            spacing, wanted, self.UNet_featuremap_min_edge_length, 999999
        )
        stages = len(strides)
        most = self.UNet_max_features_2d if len(spacing) == 2 else self.UNet_max_features_3d
        plan["patch_size"] = patch
        plan["architecture"]["arch_kwargs"] |= {
            "n_stages": stages,
            "features_per_stage": tuple(min(most, self.UNet_base_num_features * 2**stage) for stage in range(stages)),
            "kernel_sizes": kernels,
            "strides": strides,
            "n_conv_per_stage": self.UNet_blocks_per_stage_encoder[:stages],
            "n_conv_per_stage_decoder": self.UNet_blocks_per_stage_decoder[: stages - 1],
        }

    def _batch_size(self, plan: dict[str, Any], voxels: float) -> int:
        """Return how many patches fit into the memory target, and are no more than nnU-Net's share of the dataset.

        As ``ExperimentPlanner.get_plans_for_configuration`` of nnunetv2 2.8; the patch stays, even if two do not fit.
        """
        architecture, patch = plan["architecture"], plan["patch_size"]
        values = self.static_estimate_VRAM_usage(
            tuple(patch),
            len(self.dataset_json["channel_names"]),
            len(self.dataset_json["labels"]),
            architecture["network_class_name"],
            architecture["arch_kwargs"],
            architecture["_kw_requires_import"],
        )
        flat = len(patch) == 2
        reference = self.UNet_reference_val_2d if flat else self.UNet_reference_val_3d
        usual = self.UNet_reference_val_corresp_bs_2d if flat else self.UNet_reference_val_corresp_bs_3d
        fitting = usual * reference * self.UNet_vram_target_GB / self.UNet_reference_val_corresp_GB / values
        share = voxels * self.max_dataset_covered / np.prod(patch, dtype=float)
        if fitting < self.UNet_min_batch_size:
            need = self.UNet_vram_target_GB * self.UNet_min_batch_size / fitting
            print(f"A batch of {self.UNet_min_batch_size} patches of {patch} needs about {need:.1f} GB")  # noqa: T201
        return int(max(min(round(fitting), round(share)), self.UNet_min_batch_size))


class Isotropic1mmPlanner(FixedPlanner):
    """nnU-Net's planner with voxels of 1 mm."""

    spacing_mm = (1.0, 1.0, 1.0)


class Patch128Planner(FixedPlanner):
    """nnU-Net's planner with patches of 128 × 128 × 128 and 512 × 512 voxels, however small the images."""

    patch_2d = (512, 512)
    patch_3d = (128, 128, 128)
