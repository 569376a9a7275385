"""One conversion from end to end: scan a source, plan a dataset, run the plan."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset import lineage
from ..dataset.channels import normalisation
from ..dataset.description import V1_ENDING, DatasetDescription, v1_object
from ..dataset.layout import DESCRIPTION, hold, image_path, label_path
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import DatasetName
from ..dataset.runs import NewRun
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.strictjson import dumps
from ..dataset.target import free_target, free_task, refuse_crossed
from ..errors import Cure, Finding, Refused, SegconvError, as_errors, refuse_if_any
from ..work.caseio import COPY, EXTERNAL
from ..work.held import unchanged
from ..work.interruption import interruptible
from ..work.plan import Item, Plan, Target
from ..work.readers import Readers
from ..work.run import Outcome, Result, execute
from ..work.run_options import USUAL, RunOptions, refuse_unfit
from ..work.staging import Staged
from .judge.headers import decoded
from .labels.coding import Coding
from .left_alone import LeftAlone, left_alone
from .model import ConvertOptions, Scan, own_name
from .patients import in_words, number_of_patients, tested_patients, with_patients
from .recognise.detection import detect
from .source_files import real_folder
from .sources import nnunet_v1
from .sources.registry import scan_source
from .survey import Survey
from .tasks.folds import settled_folds
from .write.case import convert_case
from .write.task import PICTURES, CaseTask, Recipe
from .write.whole import Whole

_OPTION = re.compile(r"--(?!max-volume|no-verify-source|restart|to\b)[a-z]")
"""In a hint, an option that decides what is written."""


@dataclass(frozen=True)
class Conversion:
    """A planned conversion; nothing has been written.

    Parameters
    ----------
    options
        What the user said; it was planned with, and runs with, these and no others.
    scan
        What the source holds.
    evidence
        Why it was taken for this kind of source.
    name
        Number and name of the dataset.
    plan
        The work.
    v1
        Whether it makes a task of nnU-Net v1.
    """

    options: ConvertOptions
    scan: Scan
    evidence: str
    name: DatasetName
    plan: Plan
    v1: bool = False

    @cached_property
    def left_alone(self) -> LeftAlone:
        """What lies in the source and is in no case."""
        return left_alone(self.scan, self.options)

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
            "patients": number_of_patients(scan),
            "patients_guessed_from": scan.patients_guessed_from,
            "patients_in_words": in_words(scan),
            "file_ending": scan.file_ending,
            "notes": list(scan.notes),
            "left_alone": self.left_alone.as_json(),
            "mapped_names": {case.original_name: case.case for case in scan.cases if case.case != case.original_name},
            "bytes_to_read": sum(item.nbytes for item in self.plan.items),
        }


@interruptible("interrupted; nothing was written", "run the same command again")
def plan_conversion(
    source: Path,
    to: str,
    *,
    raw: Path,
    other_roots: Iterable[Path | None] = (),
    kind: str | None = None,
    options: ConvertOptions | None = None,
    how: RunOptions = USUAL,
    force: bool = False,
    v1: bool = False,
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
    how
        How it will be run: whether the target may exist, whether warnings are errors, and who reads labels where
        the plan depends on what they hold.
    force
        Overwrite although models, preprocessed data or other datasets are made of the target.
    v1
        Make a task of nnU-Net v1 in `raw`, which is then the folder of such tasks.

    Raises
    ------
    Refused
        With all findings of the source.
    SegconvError
        ``SC002`` for the target's name, ``SC010`` if the source is not there, ``SC020`` if the id is
        taken, ``SC003`` and ``SC011`` if the kind of source cannot be told, ``SC062`` if it is replaced
        meanwhile.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    refuse_unfit(force=force, v1=v1)
    options = options or ConvertOptions()
    if v1:
        options = replace(options, file_ending=V1_ENDING)
    find = partial(
        free_task if v1 else partial(free_target, other_roots=other_roots), overwrite=how.overwrite, force=force
    )
    real_folder.cache_clear()
    _ = options.mending  # refuses repairs that there are not
    if options.strip_headers and options.link != COPY:
        raise SegconvError(
            "--strip-headers encodes every file anew, which leaves nothing to link", hint="leave one of them out"
        )
    root = _source_root(_located(source))
    name = find(to, own_name(root), raw)  # told before the source is read
    refuse_crossed(root, _target(name, raw, v1=v1))
    held = hold(root)
    with unchanged(held):
        kind, evidence, scan = _scanned(root, kind, options, Readers(how.jobs, how.progress), strict=how.strict)
        recipe = _recipe(scan, options)
        items = tuple(_item(CaseTask(case, recipe, scan.origin.get(case.case))) for case in scan.cases)
    if v1:  # told before anything is written
        v1_object(DatasetDescription(scan.channel_names, scan.label_map.labels, scan.file_ending, 0), ())
    name = find(to, scan.name, raw)
    target = _target(name, raw, v1=v1)
    key = {"command": "convert", "kind": kind, "target": target.path.name, **options.key()}
    plan = Plan(target, root, items, key, tuple(scan.findings), (held,))
    return Conversion(options, scan, evidence, name, plan, v1)


def _scanned(
    root: Path, kind: str | None, options: ConvertOptions, readers: Readers, *, strict: bool
) -> tuple[str, str, Scan]:
    """Return the kind of a source, what speaks for it, and what it holds."""
    survey = Survey(root, options, readers)
    kind, evidence = (kind, "--from") if kind is not None else detect(survey)
    scan = with_patients(scan_source(kind, survey), options)
    scan = replace(scan, findings=(*scan.findings, *tested_patients(scan)))
    findings = as_errors(scan.findings) if strict else scan.findings
    refuse_if_any(findings)
    if options.unlabelled != "test" and not any(case.split == TRAIN for case in scan.cases):
        raise SegconvError(
            "holds no training case",
            code="SC011",
            file=str(root),
            hint="check the layout of the folder; --unlabelled test converts images without labels alone",
        )
    return kind, evidence, scan


def run_conversion(conversion: Conversion, how: RunOptions = USUAL) -> Outcome:
    """Run a planned conversion.

    Returns
    -------
    outcome
        Where the dataset is, how many cases were converted or found done, and all warnings.
    """
    plan = conversion.plan

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _finish(conversion, results, staged)

    try:
        return execute(plan, convert_case, finish, how, decoded=decoded)
    except Refused as refused:
        refused.reasons = tuple(_beside_restart(reason) for reason in refused.reasons)
        raise


def _beside_restart(finding: Finding) -> Finding:
    """Return a finding whose hint says that other options begin anew: the run has begun, and cases may be done."""
    hint, cures = finding.advice
    if cures:
        return replace(finding, hint=hint, cures=(*cures, Cure("options_need_restart")))
    if not _OPTION.search(hint):
        return finding
    return replace(finding, hint=f"{hint}; a new option goes with --restart, as the run has begun")


def mended_by(conversion: Conversion, outcome: Outcome) -> dict[str, list[str]]:
    """Return what a run mended, by case, in words; what an earlier one had mended in its source is left out."""
    before = {case: record.repairs for case, record in conversion.scan.origin.items()}
    found = {
        record.case: [repair for repair in record.repairs if repair not in before.get(record.case, ())]
        for record in lineage.read_records(outcome.target)
    }
    return {case: repairs for case, repairs in found.items() if repairs}


def _target(name: DatasetName, raw: Path, *, v1: bool) -> Target:
    folder = name.task_folder if v1 else name.folder
    return Target(raw / folder, name.slot, lineage.manifest(*lineage.DATASETS))


def _located(source: Path) -> Path:
    """Return a source given by path, or a v1 task given by its number as v1 would find it."""
    return source if reading.is_there(source) else nnunet_v1.locate(str(source)) or source


def _source_root(source: Path) -> Path:
    try:
        root = Path(os.path.realpath(source, strict=True))
    except OSError as error:
        refused = reading.refusal(error, source)
        if refused.code == "SC012":
            raise SegconvError("is not there", code="SC010", file=str(source), hint="check the path") from error
        raise refused from error
    if not reading.is_folder(root):
        raise SegconvError("is no folder", code="SC010", file=str(source), hint="give the folder that holds the data")
    return root


def _recipe(scan: Scan, options: ConvertOptions) -> Recipe:
    return Recipe(
        root=str(scan.root),
        channels=len(scan.channel_names),
        coding=Coding(scan.label_map, options.snap),
        ending=scan.file_ending,
        label_file=scan.label_file,
        mending=options.mending,
        verify_source=options.verify_source,
        strip_headers=options.strip_headers,
        max_volume=options.max_volume,
        spacing_mm=options.spacing_mm,
        link=options.link,
        compiled=scan.compiled,
        missing_masks=options.missing_masks,
        channel_names=scan.channel_names,
        grey_to_rgb=options.grey_to_rgb,
        drop_alpha=options.drop_alpha,
    )


def _item(task: CaseTask) -> Item:
    files = task.source.files
    return Item(task.source.case, files, task.outputs(), task, sum(map(reading.size_of, files)))


def _finish(conversion: Conversion, results: Iterable[Result], staged: Staged) -> list[Finding]:
    """Write folds, dataset.json and lineage; return what only the whole set shows."""
    scan, options = conversion.scan, conversion.options
    whole = Whole(scan.channel_names)
    target = conversion.plan.target.path
    staged.write_lines(lineage.CASES, (whole.add(result, target).to_line() for result in results))
    findings, records = whole.findings, whole.records
    findings += whole.intensity_findings(scan)
    labels = scan.label_map.labels
    own_labels = scan.label_map.as_json()
    findings += whole.label_findings(labels)
    if not conversion.v1:
        folds, told = settled_folds(
            scan.splits, records, nnunet_v1.SPLITS if scan.kind == nnunet_v1.KIND else SPLITS_FILE
        )
        findings += told
        if folds:
            staged.write(SPLITS_FILE, dumps(folds))
    training = sorted(record.case for record in records if record.split == TRAIN)
    description = DatasetDescription(
        scan.channel_names,
        labels,
        scan.file_ending,
        len(training),
        {**scan.texts, "name": conversion.name.name},
    )
    if conversion.v1:
        test = sorted(record.case for record in records if record.split == TEST)
        staged.write(DESCRIPTION, dumps(v1_object(description, training, test)))
    elif options.link == EXTERNAL:
        for case in training:
            whole.external.setdefault(case, _own_files(case, len(scan.cases[0].images), scan, target))
        staged.write(DESCRIPTION, dumps(description.as_json() | {"dataset": whole.external}))
    else:
        staged.write(DESCRIPTION, description.to_bytes())
    staged.write(
        lineage.RUN,
        NewRun(
            command="convert",
            # Where files lie on this machine does not go along with the dataset.
            options=options.key() | {name: v.name for name, v in vars(options).items() if isinstance(v, Path)},
            source={"kind": scan.kind, "name": scan.root.name},
            label_map=lineage.composed(scan.origin_labels, own_labels) or own_labels,
            label_file=scan.label_file,
            findings=[finding.as_json() for finding in (*scan.findings, *findings)],
            extra=scan.extra,
            prepared=scan.prepared.then(options.prepared).as_json(),
            files=staged.targets,
        ).to_bytes(),
    )
    return findings


def _own_files(case: str, images: int, scan: Scan, target: Path) -> dict[str, Any]:
    """Return where a case lies all of whose files had to be written."""
    channels = images if scan.file_ending in PICTURES else len(scan.channel_names)
    return {
        "images": [str(target / image_path(case, channel, scan.file_ending)) for channel in range(channels)],
        "label": str(target / label_path(case, scan.file_ending)),
    }
