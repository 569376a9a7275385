"""Models of TotalSegmentator with a tiny network of random weights, in the folders in which it looks for its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TOTAL_3MM, BODY_6MM = 297, 300
"""What ``total`` and ``body`` take with ``fast``."""

_STAGES = 2
_NETWORK = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
_ARGUMENTS = {
    "n_stages": _STAGES,
    "features_per_stage": [2, 4],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3]] * _STAGES,
    "strides": [[1, 1, 1], [2, 2, 2]],
    "n_conv_per_stage": [1] * _STAGES,
    "n_conv_per_stage_decoder": [1] * (_STAGES - 1),
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
_IMPORTED = ["conv_op", "norm_op", "dropout_op", "nonlin"]


def make_models(folder: Path) -> list[Path]:
    """Make both models, always with the same numbers; return their folders."""
    from totalsegmentator.map_to_binary import class_map

    long = "nnUNetTrainer_4000epochs_NoMirroring"
    return [
        _make(folder, TOTAL_3MM, long, class_map["total"], 3.0),
        _make(folder, BODY_6MM, "nnUNetTrainer", class_map["body"], 6.0),
    ]


def _make(folder: Path, number: int, trainer: str, classes: dict[int, str], spacing_mm: float) -> Path:
    import torch
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from totalsegmentator.map_tasks_config import TASK_ID_WEIGHTS_CONFIGS

    dataset = folder / TASK_ID_WEIGHTS_CONFIGS[number]["foldername"]
    model = dataset / f"{trainer}__nnUNetPlans__3d_fullres"
    (model / "fold_0").mkdir(parents=True)
    (model / "plans.json").write_text(json.dumps(_plans(dataset.name, spacing_mm)), encoding="utf-8")
    labels = {"background": 0, **{name: value for value, name in classes.items()}}
    description = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1, "file_ending": ".nii.gz"}
    (model / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(number)
        network = get_network_from_plans(_NETWORK, _ARGUMENTS, _IMPORTED, 1, len(labels), deep_supervision=False)
    checkpoint = {
        "network_weights": network.state_dict(),
        "trainer_name": trainer,
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": None,
    }
    torch.save(checkpoint, model / "fold_0" / "checkpoint_final.pth")
    return dataset


def _plans(dataset: str, spacing_mm: float) -> dict[str, Any]:
    resampling = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
    functions = {
        f"resampling_fn_{kind}{more}": value
        for kind in ("data", "seg", "probabilities")
        for more, value in (
            ("", "resample_data_or_seg_to_shape"),
            ("_kwargs", {**resampling, "is_seg": kind == "seg"}),
        )
    }
    grey = {"max": 1500.0, "mean": 0.0, "median": 0.0, "min": -1000.0, "std": 400.0}
    grey |= {"percentile_00_5": -1000.0, "percentile_99_5": 1200.0}
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [16, 48, 48],
        "median_image_size_in_voxels": [30, 100, 120],
        "spacing": [spacing_mm] * 3,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        **functions,
        "architecture": {
            "network_class_name": _NETWORK,
            "arch_kwargs": _ARGUMENTS,
            "_kw_requires_import": _IMPORTED,
        },
        "batch_dice": False,
    }
    return {
        "dataset_name": dataset,
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [spacing_mm] * 3,
        "original_median_shape_after_transp": [30, 100, 120],
        "image_reader_writer": "NibabelIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": grey},
    }
