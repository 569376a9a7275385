"""The jobs of the report, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import augment, check, clusters, combine, convert, folds, growth, plan, report
from .job import Job

JOBS: Mapping[str, Job] = MappingProxyType(
    {
        "png": convert.png,
        "v1": convert.v1,
        "4d": convert.four,
        "3d": convert.three,
        "check": check.check,
        "augment": augment.augment,
        "plan": plan.plan,
        "million": plan.million,
        "report": report.report,
        "folds": folds.folds,
        "combine": combine.combine,
        "grow-png": growth.png,
        "grow-3d": growth.three,
        "grow-check": growth.check,
        "grow-augment": growth.augmented,
        "grow-volume": growth.volume,
        "clusters": clusters.clusters,
    }
)
