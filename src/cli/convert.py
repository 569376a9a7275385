"""``segconv convert``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_FOUND, SegconvError, as_errors, refuse_if_any
from ..words import count_of
from .convert_options import converting, kind
from .help_pages import Command, example
from .options import PATH, dry_run, force, option, running, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.conversion import Conversion
    from ..errors import Finding
    from ..train.paths import Paths
    from ..work.run_options import RunOptions

NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})
SHOWN_LABELS = 16
SHOWN_NAMES = 4


@click.command(
    cls=Command, epilog=example("segconv convert fixtures/png --to 501_Shapes --labels background=0,disc=128,ring=255")
)
@click.argument("source", type=PATH)
@option("--to", "target", metavar="ID[_NAME]", help="Dataset to make, such as 42 or 42_Liver.")
@option("--to-v1", "target_v1", metavar="ID[_NAME]", help="Make a task of nnU-Net v1 instead, such as 42_Roads.")
@kind
@converting
@dry_run
@force
@running
@three_folders
@speaking
def command(
    source: Path,
    target: str | None,
    target_v1: str | None,
    dry_run: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
    **said: Any,
) -> int:
    """Convert data of any kind to an nnU-Net v2 dataset.

    SOURCE is a folder of pictures or volumes with their masks, in any of the usual layouts, a task of
    the Medical Segmentation Decathlon or of nnU-Net v1 (by path, or by its number), a v2 dataset (by
    path, id or name), or a folder per case with one mask per class, which may overlap. Every file is
    read once and proved intact; nothing is written before the complete plan has been checked, and the
    dataset appears when it is complete. Sources are never changed.
    """
    from ..convert.conversion import plan_conversion, plan_v1_task

    noticed = paths.warnings("preprocessed", "results")
    if how.strict:
        refuse_if_any(as_errors(noticed))
    if target is not None and target_v1 is None:
        roots = (paths.preprocessed, paths.results)
        conversion = plan_conversion(source, target, raw=paths.require("raw"), other_roots=roots, how=how, **said)
    elif target_v1 is not None and target is None:
        conversion = plan_v1_task(source, target_v1, raw=paths.v1_tasks(), how=how, **said)
    else:
        raise SegconvError("say what to make: --to or --to-v1", hint="for example --to 42_Liver")
    show(conversion, sink)
    if dry_run:
        return _end_dry(conversion, noticed, sink)
    return make(conversion, how, noticed, sink, next_command="" if target is None else "segconv plan")


def _end_dry(conversion: Conversion, noticed: Sequence[Finding], sink: Sink) -> int:
    if sink.verbose:
        cases = [(case.case, " ".join(case.images), case.label or "") for case in conversion.scan.cases]
        sink.table(["case", "image", "label"], cases)
    warnings = [*noticed, *conversion.plan.warnings]
    sink.warn(warnings)
    sink.say("nothing was written (--dry-run)")
    sink.end(conversion.summary(), warnings)
    return 0


def make(
    conversion: Conversion,
    how: RunOptions,
    noticed: Sequence[Finding],
    sink: Sink,
    *,
    next_command: str,
    more: Mapping[str, Any] = NOTHING_MORE,
) -> int:
    """Run a planned conversion, and print its result; `more` goes into the object of ``--json`` as well."""
    from ..convert.conversion import repaired_by, run_conversion

    early = [*noticed, *conversion.plan.warnings]
    sink.warn(early)  # before the work, which may take hours
    outcome = run_conversion(conversion, how)
    late = outcome.beyond(conversion.plan)
    sink.warn(late)
    findings = [*early, *late]
    result = {**conversion.summary(), **more, "cases": outcome.done, "reused": outcome.reused}
    options = conversion.options
    if options.repair or options.nonfinite is not None:
        result["repairs"] = repaired = repaired_by(conversion, outcome)
        show_repairs(repaired, sink)
    again = f", {outcome.reused} of them by an earlier run" if outcome.reused else ""
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}{again}.")
    if next_command:
        sink.next(f"{next_command} {conversion.name.id}")
    sink.end(result, findings, ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def show_repairs(repaired: Mapping[str, Sequence[str]], sink: Sink) -> None:
    """Print the repairs, case by case."""
    sink.table(["case", "repaired"], [(case, repair) for case, own in repaired.items() for repair in own])


def show(conversion: Conversion, sink: Sink) -> None:
    """Print what a conversion found in its source."""
    from ..convert.patients import in_words

    found = conversion.summary()
    sink.say(f"{found['source']}: {found['kind']} ({found['evidence']})")
    sink.say(f"{found['training_cases']} training and {found['test_cases']} test cases")
    for name, scheme in found["channels"].items():
        sink.say(f"channel {name}: normalisation {scheme}")
    back = {written: text for text, written in reversed(found["label_values"].items())}
    labels = [
        f"{name} {back.get(value, value)} → {value}" if isinstance(value, int) else f"{name} {value}"
        for name, value in found["labels"].items()
    ]
    guess = (
        f" (guessed from {found['labels_guessed_from']}; --labels overrides)" if found["labels_guessed_from"] else ""
    )
    sink.say(f"labels: {_first(labels, SHOWN_LABELS, sink)}{guess}")
    sink.say(f"patients: {in_words(conversion.scan, '--patient-pattern or --patients')}")
    if names := found["mapped_names"]:
        new_names = [f"{own!r} → {case}" for own, case in names.items()]
        sink.say(f"names: {_first(new_names, SHOWN_NAMES, sink)}; restore gives them back")
    for note in (*found["notes"], *conversion.left_alone.in_words()):
        sink.say(f"note: {note}")


def _first(texts: Sequence[str], count: int, sink: Sink) -> str:
    """Return the first of many texts, or all of them if the user asks for details."""
    if sink.verbose or len(texts) <= count:
        return ", ".join(texts)
    return f"{', '.join(texts[:count])} … {len(texts)} in all (-v shows them)"
