"""One conversion from end to end: scan a source, plan a dataset, run the plan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..dataset import lineage
from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION
from ..dataset.lineage import TEST, TRAIN, CaseRecord
from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import leaks, make_splits
from ..dataset.strictjson import dumps
from ..dataset.target import free_target
from ..errors import Finding, SegconvError, as_errors, refuse_if_any, warning
from ..version import VERSION
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, execute
from ..work.staging import Staged
from . import nnunet_v1
from .case import CaseTask
from .registry import KINDS, detect
from .source import ConvertOptions, SourceCase, SourceScan


@dataclass(frozen=True)
class Conversion:
    """A planned conversion; nothing has been written.

    Parameters
    ----------
    scan
        What the source holds.
    evidence
        Why it was taken for this kind of source.
    name
        Number and name of the dataset.
    plan
        The work.
    """

    scan: SourceScan
    evidence: str
    name: DatasetName
    plan: Plan

    def summary(self) -> dict[str, Any]:
        """Return what ``--dry-run`` shows, JSON-able."""
        scan = self.scan
        return {
            "source": str(scan.root),
            "kind": scan.kind,
            "evidence": self.evidence,
            "target": str(self.plan.target.path),
            "training_cases": sum(case.split == TRAIN for case in scan.cases),
            "test_cases": sum(case.split == TEST for case in scan.cases),
            "channels": {name: normalisation(name) for name in scan.channel_names},
            "labels": dict(scan.label_map.labels.as_json()),
            "label_values": scan.label_map.as_json(),
            "labels_guessed_from": scan.label_map.guessed,
            "file_ending": scan.file_ending,
            "notes": list(scan.notes),
            "bytes_to_read": sum(os.path.getsize(path) for case in scan.cases for path in case.files),
        }


def plan_conversion(
    source: Path,
    to: str,
    *,
    raw: Path,
    other_roots: Iterable[Path | None] = (),
    kind: str | None = None,
    options: ConvertOptions | None = None,
    overwrite: bool = False,
    strict: bool = False,
) -> Conversion:
    """Plan a conversion: read names and headers, write nothing, find every mistake that shows before the first byte.

    Parameters
    ----------
    source
        Folder to convert.
    to
        ``42``, ``42_Name`` or ``Dataset042_Name``.
    raw
        ``nnUNet_raw``.
    other_roots
        ``nnUNet_preprocessed`` and ``nnUNet_results``, where an id may be taken too.
    kind
        A key of `registry.KINDS`; found from the files if None.
    options
        See `ConvertOptions`.
    overwrite
        Allow the target itself to exist.
    strict
        Treat warnings as errors.

    Raises
    ------
    Refused
        With all findings of the source.
    SegconvError
        ``SC002`` for the target's name, ``SC010`` if the source is not there, ``SC020`` if the id is
        taken, ``SC003`` and ``SC011`` if the kind of source cannot be told.
    """
    options = options or ConvertOptions()
    root = _source_root(_located(source))
    free_target(to, root.name, raw, other_roots, overwrite=overwrite)  # told before the source is read
    kind, evidence = (kind, "--from") if kind is not None else detect(root)
    if kind not in KINDS:
        raise SegconvError(f"--from {kind}: unknown kind of source", hint=f"known are {', '.join(KINDS)}")
    scan = KINDS[kind].scan(root, options)
    findings = as_errors(scan.findings) if strict else scan.findings
    refuse_if_any(findings)
    name = free_target(to, scan.name, raw, other_roots, overwrite=overwrite)
    target = Target(raw / name.folder, name.slot)
    tasks = [_task(scan, case, options) for case in scan.cases]
    items = tuple(
        Item(task.source.case, task.source.files, task.outputs(), task, _estimate(task.source.files)) for task in tasks
    )
    key = {"command": "convert", "kind": kind, "target": name.folder, **options.key()}
    return Conversion(scan, evidence, name, Plan(target, root, items, key, tuple(scan.findings)))


def run_conversion(conversion: Conversion, options: ConvertOptions, **how: Any) -> Outcome:
    """Run a planned conversion; keyword arguments are those of `execute`.

    Returns
    -------
    outcome
        Where the dataset is, how many cases were converted or found done, and all warnings.
    """
    plan = conversion.plan
    kind = KINDS[conversion.scan.kind]

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _finish(conversion, options, results, staged)

    return execute(plan, kind.convert_case, finish, **how)


def normalisation(channel: str) -> str:
    """Return nnU-Net's normalisation of a channel of this name.

    Source: ``channel_name_to_normalization_mapping`` of nnunetv2 2.8, which compares in lower case
    and falls back to z-score; a test compares the two.
    """
    return {
        "ct": "CT: clipped and scaled by the dataset's percentiles",
        "nonorm": "none",
        "zscore": "z-score",
        "rescale_to_0_1": "rescaled to 0…1",
        "rgb_to_0_1": "divided by 255",
    }.get(channel.casefold(), "z-score")


def _located(source: Path) -> Path:
    """Return a source given by path, or a v1 task given by its number as v1 would find it."""
    return source if source.exists() else nnunet_v1.locate(str(source)) or source


def _source_root(source: Path) -> Path:
    try:
        root = source.resolve(strict=True)
    except FileNotFoundError as error:
        raise SegconvError("is not there", code="SC010", file=str(source), hint="check the path") from error
    except (OSError, RuntimeError) as error:
        raise SegconvError(f"cannot be opened ({error})", code="SC030", file=str(source)) from error
    if not root.is_dir():
        raise SegconvError("is no folder", code="SC010", file=str(source), hint="give the folder that holds the data")
    return root


def _task(scan: SourceScan, case: SourceCase, options: ConvertOptions) -> CaseTask:
    return CaseTask(
        source=case,
        root=str(scan.root),
        channels=len(scan.channel_names),
        forward=dict(scan.label_map.forward),
        ending=scan.file_ending,
        label_file=dict(scan.label_file),
        label_header=options.label_header,
        verify_source=options.verify_source,
        max_volume=options.max_volume,
    )


def _estimate(files: Iterable[str]) -> int:
    return sum(os.path.getsize(path) for path in files)


def _finish(
    conversion: Conversion, options: ConvertOptions, results: Iterable[Result], staged: Staged
) -> list[Finding]:
    """Write lineage, folds and, last, dataset.json; return what only the whole set shows."""
    scan = conversion.scan
    records: list[CaseRecord] = []
    findings: list[Finding] = []
    used: set[int] = set()
    content: dict[str, str] = {}

    def lines() -> Iterable[bytes]:
        for result in results:
            record = CaseRecord.from_json(
                {
                    **result.record,
                    "sources": result.sources,
                    "targets": result.targets,
                    "warnings": [finding.as_json() for finding in result.warnings],
                }
            )
            used.update(int(value) for value in record.label_voxels)
            image = result.sources[0]
            twin = content.setdefault(image["sha256"], image["path"])
            if twin != image["path"]:
                findings.append(
                    warning(
                        "SC088",
                        f"has the same content as {twin}; they are kept on one side of every fold",
                        file=image["path"],
                        hint="remove one of them if that was not meant",
                    )
                )
            # Only what folds need is kept: lineage lines of 100,000 cases do not belong in memory.
            records.append(CaseRecord(record.case, record.split, record.patient, record.parent, targets=record.targets))
            yield record.to_line()

    staged.write_lines(lineage.CASES, lines())
    labels = scan.label_map.labels
    for name, values in labels.foreground.items():
        if not used & set(values):
            findings.append(warning("SC076", f"the label {name!r} occurs in no case", file=DESCRIPTION))
    splits = scan.splits or make_splits(records)
    if scan.splits:
        findings += [replace(found, severity="warning") for found in leaks(scan.splits, records)]
    if splits:
        staged.write(SPLITS_FILE, dumps(splits))
    staged.write(
        lineage.RUN,
        lineage.run_record(
            version=VERSION,
            command="convert",
            options=options.key(),
            source={"kind": scan.kind, "name": scan.root.name},
            label_map=scan.label_map.as_json(),
            label_file=scan.label_file,
            findings=[finding.as_json() for finding in (*scan.findings, *findings)],
        ),
    )
    description = DatasetDescription(
        scan.channel_names,
        labels,
        scan.file_ending,
        sum(record.split == TRAIN for record in records),
        {**scan.texts, "name": conversion.name.name},
    )
    staged.write(DESCRIPTION, description.to_bytes())
    return findings
