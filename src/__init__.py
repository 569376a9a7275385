"""Convert any segmentation data to nnU-Net v2, augment it, train, and get predictions back in the user's own files.

The public names below are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AugmentSpec": "augment.spec",
    "ConvertOptions": "convert.model",
    "Cure": "errors",
    "Dataset": "dataset.layout",
    "DatasetDescription": "dataset.description",
    "Devices": "train.totalsegmentator.workers",
    "Differences": "train.derivation",
    "Finding": "errors",
    "FinetuneOptions": "flows.finetune",
    "Geometry": "image.geometry",
    "Labels": "dataset.labels",
    "Model": "train.model",
    "NamedPatients": "flows.splits.patients",
    "Paths": "train.paths",
    "PlanOptions": "train.commands",
    "PredictOptions": "train.predict",
    "Pretraining": "flows.finetune",
    "Refused": "errors",
    "Rehearsing": "flows.rehearse.run",
    "ReportOptions": "flows.report",
    "RunOptions": "work.run_options",
    "SegconvError": "errors",
    "SegmentOptions": "flows.totalseg.plan",
    "TrainOptions": "train.training",
    "Trust": "train.untrusted_models",
    "Volume": "image.geometry",
    "Workers": "work.run_options",
    "best_or_only": "train.chosen",
    "check_dataset": "review.check.dataset_check",
    "check_model": "train.predict",
    "compare_evaluations": "review.scores.comparison",
    "derive_configuration": "flows.derive",
    "evaluate_folders": "review.scores.evaluation",
    "find_best": "flows.best",
    "find_cascade": "train.cascades",
    "finetune": "flows.finetune",
    "infer": "flows.infer",
    "make_splits": "dataset.splits",
    "measure_surfaces": "review.scores.evaluation",
    "plan_augmentation": "augment.planning",
    "plan_combination": "flows.combine",
    "plan_conversion": "convert.conversion",
    "plan_dataset": "flows.plan",
    "plan_restore": "convert.back.restore",
    "plan_segmentation": "flows.totalseg.plan",
    "plan_splits": "flows.splits.make",
    "plan_v1_task": "convert.conversion",
    "rehearse": "flows.rehearse.run",
    "run_augmentation": "augment.runner",
    "run_combination": "convert.combining.plan",
    "run_conversion": "convert.conversion",
    "run_restore": "convert.back.restore",
    "run_segmentation": "flows.totalseg.run",
    "show_splits": "flows.splits.table",
    "train_cascade": "flows.cascade",
    "train_folds": "flows.train",
    "verify_splits": "flows.splits.verify",
    "write_report": "flows.report",
    "write_splits": "flows.splits.write",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
