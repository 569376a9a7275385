"""``segconv check``."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import CODES, EXIT_FOUND, Finding
from ..words import count_of
from .help_pages import Command, example
from .options import allow_external, backend, dataset_argument, jobs, option, speaking, strict, three_folders
from .sink import SHOWN_FINDINGS, Sink

if TYPE_CHECKING:
    from ..train.paths import Paths


@click.command(cls=Command, epilog=example("segconv check 501"))
@dataset_argument
@option("--quick", is_flag=True, help="Check only names and headers, not voxels.")
@allow_external
@strict
@backend
@jobs
@three_folders
@speaking
def command(
    dataset: str,
    quick: bool,
    allow_external: bool,
    strict: bool,
    backend: str | None,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Check whether a dataset can be trained on, whichever tool made it.

    Every file is read once, verified to its end, and compared with the other files of its case, with
    dataset.json, with the folds, and with what segconv recorded if it made the dataset. What breaks
    training, or trains something other than intended, is an error; what is odd is a warning. Exit code 1
    if there are errors. docs/codes.md explains every code.
    """
    from ..dataset import history
    from ..dataset.splits import FILE as SPLITS
    from ..errors import as_errors
    from ..review.check.dataset_check import check_dataset
    from ..work.run_options import Workers

    folder = paths.dataset(dataset)
    planned = paths.preprocessed / folder.name / SPLITS if paths.preprocessed is not None else None
    report = check_dataset(
        folder,
        Workers(jobs, backend, sink.progress()),
        quick=quick,
        allow_external=allow_external,
        splits=planned if planned is not None and planned.is_file() else None,
    )
    findings = as_errors(report.findings) if strict else report.findings
    _show(report.facts, sink)
    ok = report_findings(folder.name, findings, sink)
    errors = _count(findings, "error")
    counts = {"errors": errors, "warnings": len(findings) - errors}
    if not quick:
        history.note(folder, history.CHECKED, identity=history.identity(folder), **counts)
    typed = shlex.quote(dataset)
    if not ok:
        sink.say("Once these errors are corrected, check again.")
    sink.next(f"segconv plan {typed}" if ok else f"segconv check {typed}")
    sink.end({"dataset": str(folder), "quick": quick, "counts": counts, "facts": report.facts}, findings, ok=ok)
    return 0 if ok else EXIT_FOUND


def report_findings(dataset: str, findings: Sequence[Finding], sink: Sink) -> bool:
    """Write findings and a summary line; return whether there are no errors."""
    errors = _count(findings, "error")
    sink.warn(findings)
    if len(findings) > SHOWN_FINDINGS:
        for (code, severity), number in sorted(Counter((f.code, f.severity) for f in findings).items()):
            sink.say(f"{code} {CODES[code].title}: {count_of(number, severity)}")
    warnings = count_of(len(findings) - errors, "warning")
    sink.say(f"{dataset}: {count_of(errors, 'error')}, {warnings}" if errors else f"{dataset}: OK, {warnings}")
    return not errors


def _show(facts: Mapping[str, Any], sink: Sink) -> None:
    cases = facts["cases"]
    sink.say(f"{cases.get('train', 0)} training and {cases.get('test', 0)} test cases")
    sink.say(f"patients: {facts['patients']}")
    for channel in facts["channels"]:
        values = f", values {channel['low']:g} to {channel['high']:g}" if "low" in channel else ""
        sink.say(f"channel {channel['name']}: normalisation {channel['normalisation']}{values}")
    _show_range("size", facts["size"], "voxels" if facts["spacing_mm"] else "pixels", sink)
    _show_range("spacing", facts["spacing_mm"], "mm", sink)
    if orientations := facts["orientations"]:
        files = ", ".join(f"{name} ({count_of(number, 'case')})" for name, number in orientations.items())
        sink.say(f"orientation: {files}")
    if facts["labels"]:
        sink.table(
            ["value", "label", "voxels", "cases"],
            [(label["value"], label["name"], label["voxels"], label["cases"]) for label in facts["labels"]],
        )


def _show_range(what: str, found: Mapping[str, Sequence[float]] | None, unit: str, sink: Sink) -> None:
    if found is not None:
        ends = ["×".join(f"{number:g}" for number in found[end]) for end in ("smallest", "largest")]
        sink.say(f"{what}: {' to '.join(dict.fromkeys(ends))} {unit}")


def _count(findings: Sequence[Finding], severity: str) -> int:
    return sum(finding.severity == severity for finding in findings)
