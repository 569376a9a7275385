"""One conversion from end to end: scan a source, plan a dataset, run the plan."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import reading
from ..dataset import lineage
from ..dataset.channels import normalisation
from ..dataset.description import DatasetDescription
from ..dataset.layout import hold
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import DatasetName, find_dataset
from ..dataset.runs import NewRun
from ..dataset.target import refuse_crossed, reported_with
from ..errors import Cure, Finding, Refused, SegconvError, as_errors, refuse_if_any
from ..work.caseio import COPY
from ..work.held import unchanged
from ..work.interruption import interruptible
from ..work.plan import Item, LazyItems, Plan
from ..work.readers import Readers
from ..work.run import Outcome, Result, execute
from ..work.run_options import USUAL, RunOptions, refuse_unfit
from ..work.staging import Staged
from .case_list import Identifiers, number_in, renamed_cases
from .labels.coding import Coding
from .labels.recalled import RECALLED
from .left_alone import LeftAlone, left_alone
from .model import ConvertOptions, Scan, own_name
from .outputs import Made, Output, V1Task, V2Dataset
from .patients import in_words, number_of_patients, tested_patients, with_patients
from .recognise.detection import detect
from .source_files import real_folder
from .sources import nnunet_v1
from .sources.registry import scan_source
from .survey import Survey
from .uncollected import uncollected
from .write.case import convert_case
from .write.task import CaseTask, Recipe, decoded
from .write.whole import Whole

_NOT_IN_KEY = ("raise_max_volume", "fewer_jobs", "restart", "repair", "keep_going")
"""Kinds of cures that do not affect the bytes of the result."""


@dataclass(frozen=True)
class Conversion:
    """A planned conversion; nothing has been written.

    Parameters
    ----------
    options
        What the user said; planned with, and run with, exactly these.
    scan
        What the source holds.
    evidence
        Why the source was recognised as this kind.
    name
        Number and name of the dataset.
    plan
        The work.
    output
        What is made: a dataset, or a task of nnU-Net v1.
    """

    options: ConvertOptions
    scan: Scan
    evidence: str
    name: DatasetName
    plan: Plan
    output: Output

    @cached_property
    def left_alone(self) -> LeftAlone:
        """The files in the source that belong to no case."""
        return left_alone(self.scan, self.options)

    def summary(self) -> dict[str, Any]:
        """Return what ``--dry-run`` shows, ready for JSON."""
        scan = self.scan
        return {
            "source": str(scan.root),
            "kind": scan.kind,
            "evidence": self.evidence,
            "target": str(self.plan.target.path),
            "training_cases": number_in(scan.cases, TRAIN),
            "test_cases": number_in(scan.cases, TEST),
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
            "mapped_names": renamed_cases(scan.cases),
            "bytes_to_read": self.plan.nbytes,
        }


@interruptible("interrupted; nothing was written", "run the same command again")
def plan_conversion(
    source: Path,
    to: str,
    *,
    raw: Path,
    other_roots: Sequence[Path | None] = (),
    kind: str | None = None,
    options: ConvertOptions | None = None,
    how: RunOptions = USUAL,
    force: bool = False,
) -> Conversion:
    """Plan a conversion: read names and headers, write nothing, and report every error that can be found this early.

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
        A key of `registry.KINDS`; if None, it is found from the files.
    options
        See `ConvertOptions`.
    how
        How it will be run: whether the target may exist, whether warnings are errors, and who reads labels where
        the plan depends on their values.
    force
        Overwrite the target even if models, preprocessed data or other datasets were made from it.

    Raises
    ------
    Refused
        With all findings of the source.
    SegconvError
        ``SC002`` for the target's name, ``SC010`` if the source does not exist, ``SC020`` if the id is
        taken, ``SC003`` and ``SC011`` if the kind of source is not clear, ``SC062`` if the source is
        replaced while it is read.
    Interrupted
        By Ctrl-C or SIGTERM.
    """
    return _planned(source, to, V2Dataset(raw, other_roots), kind, options or ConvertOptions(), how, force=force)


@interruptible("interrupted; nothing was written", "run the same command again")
def plan_v1_task(
    source: Path,
    to: str,
    *,
    raw: Path,
    kind: str | None = None,
    options: ConvertOptions | None = None,
    how: RunOptions = USUAL,
    force: bool = False,
) -> Conversion:
    """Plan a conversion to a task of nnU-Net v1.

    Parameters
    ----------
    raw
        The folder of such tasks.
    source, to, kind, options, how, force
        As in `plan_conversion`, which also lists the errors.
    """
    return _planned(source, to, V1Task(raw), kind, options or ConvertOptions(), how, force=force)


def _planned(
    source: Path, to: str, output: Output, kind: str | None, options: ConvertOptions, how: RunOptions, *, force: bool
) -> Conversion:
    refuse_unfit(force=force)
    options = output.options(options)
    real_folder.cache_clear()
    RECALLED.forget()
    _ = options.allowed_repairs  # refuses unknown repairs
    if options.strip_headers and options.link != COPY:
        cures = (Cure.of("leave_out", field="strip_headers"), Cure.of("leave_out", field="link"))
        raise SegconvError("files whose headers are removed are encoded again, and cannot be linked", cures=cures)
    root = _source_root(_located(source, output.raw if isinstance(output, V2Dataset) else None))
    taken: SegconvError | None = None
    try:
        name = output.free_name(to, own_name(root), how, force=force)
    except SegconvError as error:
        if error.code != "SC020":
            raise
        taken = error  # reported with what is wrong with the source
    else:
        refuse_crossed(root, output.target(name))
    with reported_with(taken):
        held = hold(root)
        with unchanged(held):
            survey = Survey(root, options, Readers(how.jobs, how.progress))
            kind, evidence, scan = _scanned(survey, kind, strict=how.strict)
            items = _items(scan, _recipe(scan, options))
        output.refuse(scan)
    name = output.free_name(to, scan.name, how, force=force)
    target = output.target(name)
    key = {"command": "convert", "kind": kind, "target": target.path.name, **options.key()}
    plan = Plan(target, root, items, key, tuple(scan.findings), (held,))
    return Conversion(options, scan, evidence, name, plan, output)


def _scanned(survey: Survey, kind: str | None, *, strict: bool) -> tuple[str, str, Scan]:
    """Return the kind of a source, the evidence for it, and what the source holds."""
    with uncollected():
        kind, evidence = (kind, "as asked") if kind is not None else detect(survey)
    scan = with_patients(scan_source(kind, survey), survey.options)
    if survey.options.keep and scan.compiled is None and not survey.failed:
        from .labels.keep import keeping

        scan = keeping(scan, survey.options.keep)
    scan = replace(scan, findings=(*scan.findings, *tested_patients(scan)))
    findings = as_errors(scan.findings) if strict else scan.findings
    if any(finding.severity == "error" for finding in findings):
        from .left_out import or_left_out

        findings = or_left_out(survey, scan.cases, findings)
    refuse_if_any(findings)
    if survey.options.unlabelled != "test" and not number_in(scan.cases, TRAIN):
        raise SegconvError(
            "holds no training case",
            code="SC011",
            file=str(survey.root),
            hint="put images with labels there",
            cures=(Cure("take_as_test_images"),),
        )
    return kind, evidence, scan


def run_conversion(conversion: Conversion, how: RunOptions = USUAL) -> Outcome:
    """Run a planned conversion.

    Returns
    -------
    outcome
        Where the dataset is, how many cases were converted or were already done, and all warnings.
    """
    plan = conversion.plan

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _finish(conversion, results, staged)

    try:
        known = conversion.scan.largest
        return execute(plan, convert_case, finish, how, decoded=decoded if known is None else known)
    except Refused as refused:
        if os.path.lexists(plan.target.staging):
            refused.reasons = tuple(map(_restarting, refused.reasons))
        raise


def _restarting(finding: Finding) -> Finding:
    """Return the finding with cures that begin again, because cases were finished with the present options."""
    hint, cures = finding.advice
    if all(cure.kind in _NOT_IN_KEY for cure in cures):
        return finding
    again = [cure if cure.kind in _NOT_IN_KEY else cure.restarting() for cure in cures]
    return replace(finding, hint=hint, cures=(*again, Cure("finished_cases_again")))


def repaired_by(conversion: Conversion, outcome: Outcome) -> dict[str, list[str]]:
    """Return case → repairs made by this run, in words, without those that an earlier run made in the source."""
    before = {case: record.repairs for case, record in conversion.scan.origin.items()}
    found = {
        record.case: [repair for repair in record.repairs if repair not in before.get(record.case, ())]
        for record in lineage.read_records(outcome.target)
    }
    return {case: repairs for case, repairs in found.items() if repairs}


def _located(source: Path, raw: Path | None) -> Path:
    """Return a source given by path, a v1 task by its number, as v1 finds it, or a dataset by its id or name."""
    if reading.is_there(source):
        return source
    try:
        return nnunet_v1.locate(str(source)) or find_dataset(str(source), raw)
    except SegconvError as error:
        if error.code == "SC010":
            return source
        raise


def _source_root(source: Path) -> Path:
    try:
        root = Path(os.path.realpath(source, strict=True))
    except OSError as error:
        refused = reading.refusal(error, source)
        if refused.code == "SC012":
            raise SegconvError(
                "does not exist",
                code="SC010",
                file=str(source),
                hint="give the path of a folder, or the id or name of a dataset",
            ) from error
        raise refused from error
    if not reading.is_folder(root):
        raise SegconvError(
            "is not a folder", code="SC010", file=str(source), hint="give the folder that holds the data"
        )
    return root


def _recipe(scan: Scan, options: ConvertOptions) -> Recipe:
    return Recipe(
        root=str(scan.root),
        channels=len(scan.channel_names),
        coding=Coding(scan.label_map, options.snap),
        ending=scan.file_ending,
        label_file=scan.label_file,
        options=options,
        compiled=scan.compiled,
        channel_names=scan.channel_names,
    )


def _items(scan: Scan, recipe: Recipe) -> LazyItems:
    def make(number: int) -> Item:
        case = scan.cases[number]
        return CaseTask(case, recipe, scan.origin.get(case.case)).item()

    return LazyItems(Identifiers(scan.cases), make, scan.nbytes)


def _finish(conversion: Conversion, results: Iterable[Result], staged: Staged) -> list[Finding]:
    """Write folds, dataset.json and lineage; return the findings that need the complete set of cases."""
    scan, options, target = conversion.scan, conversion.options, conversion.plan.target.path
    whole = Whole(scan.channel_names)
    staged.write_lines(lineage.CASES, (whole.add(result, target).to_line() for result in results))
    labels = scan.label_map.labels
    whole.findings += whole.intensity_findings(scan)
    whole.findings += whole.label_findings(labels)
    training = sum(record.split == TRAIN for record in whole.records)
    texts = {**scan.texts, "name": conversion.name.name}
    description = DatasetDescription(scan.channel_names, labels, scan.file_ending, training, texts)
    conversion.output.write(staged, Made(scan, target, options.link, whole, description))
    own_labels = scan.label_map.as_json()
    staged.write(
        lineage.RUN,
        NewRun(
            command="convert",
            # Paths on this machine are not passed on with the dataset.
            options=options.key() | {name: v.name for name, v in vars(options).items() if isinstance(v, Path)},
            source={"kind": scan.kind, "name": scan.root.name},
            label_map=lineage.composed(scan.origin_labels, own_labels) or own_labels,
            label_file=scan.label_file,
            findings=[finding.as_json() for finding in (*scan.findings, *whole.findings)],
            extra=scan.extra,
            prepared=scan.prepared.then(options.prepared).as_json(),
            files=staged.targets,
        ).to_bytes(),
    )
    return whole.findings
