"""``segconv labels ignore`` and ``remap``: make a dataset from another one, with other values in its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import EXIT_FOUND, Finding, SegconvError, warning
from ..words import count_of
from .help_pages import Command, example
from .options import bundled, dataset_argument, dry_run, option, running, speaking, three_folders, to
from .options import force as force_overwrite
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.model import ConvertOptions
    from ..train.paths import Paths
    from ..work.held import Held
    from ..work.run_options import RunOptions

MANY_CASES = 50
"""So many cases are listed one by one; of more, those that stand out."""


@dataclass(frozen=True)
class Making:
    """The new dataset: ``--to``, whether only to show it, and whether to replace one that others were made from."""

    target: str | None
    dry_run: bool
    force: bool


@dataclass(frozen=True)
class Ignoring:
    """What to ignore: unannotated voxels, with the label that was drawn for background, or a label."""

    scribbles: bool
    drawn: str | None
    name: str | None

    def refuse_contradictions(self, target: str | None) -> None:
        """Refuse options that contradict each other, or that need another one."""
        wanted = self.scribbles or self.name is not None
        if self.drawn is not None and not self.scribbles:
            raise SegconvError("--background goes with --scribbles", hint="add --scribbles, or leave it out")
        if self.scribbles and self.name is not None:
            raise SegconvError("--scribbles and --value exclude each other", hint="give one of them")
        if not wanted and target is not None:
            raise SegconvError("--to makes a dataset of what?", hint="add --scribbles or --value NAME")
        if wanted and target is None:
            raise SegconvError("voxels change, so a new dataset is made", hint="name it with --to ID_NAME")


@click.command(cls=Command, epilog=example("segconv labels ignore 501"))
@dataset_argument
@bundled(
    "ignoring",
    Ignoring,
    option("--scribbles", is_flag=True, help="Make a dataset in which what was not drawn on, the value 0, is ignored."),
    option("--background", "drawn", metavar="NAME", help="With --scribbles: the label that was drawn for background."),
    option("--value", "name", metavar="NAME", help="Make a dataset in which this label is the ignore label."),
)
@bundled(
    "making",
    Making,
    option("--to", "target", metavar="ID[_NAME]", help="Dataset to make, with --scribbles or --value."),
    dry_run,
    force_overwrite,
)
@running
@three_folders
@speaking
def ignore(dataset: str, ignoring: Ignoring, making: Making, sink: Sink, paths: Paths, how: RunOptions) -> int:
    """Report the ignore label and how much of each case it covers, or make a dataset that has one.

    Without an option nothing is written. --scribbles and --value change voxels, and so make a new
    dataset; the ignore label gets the highest value, as nnU-Net requires it. A network must see background
    too, and so some of it must have been drawn, as a label of its own: --background says which.
    """
    from ..convert.labels.declared import UNLABELLED
    from ..convert.model import ConvertOptions
    from ..dataset.layout import hold

    ignoring.refuse_contradictions(making.target)
    if making.target is None:
        return _cover(dataset, sink, paths, how)
    folder = hold(paths.dataset(dataset))
    options = (
        ConvertOptions(ignore=ignoring.name)
        if ignoring.name is not None
        else ConvertOptions(labels=_with_background(dataset, folder.folder, ignoring.drawn), ignore=UNLABELLED)
    )
    return _make(folder, making, options, paths, sink, how)


@click.command(cls=Command, epilog=example("segconv labels remap 501 --to 511_Figures --map ring=plate"))
@dataset_argument
@option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value or label as another; repeatable.")
@option("--labels", metavar="NAME=VALUE,…", help="Declare all labels again, with the values that the dataset has.")
@bundled("making", Making, to, dry_run, force_overwrite)
@running
@three_folders
@speaking
def remap(
    dataset: str,
    maps: tuple[str, ...],
    labels: str | None,
    making: Making,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
) -> int:
    """Make a dataset with other values: labels merged, or declared again.

    Values are numbered 0, 1, … n without a gap; restore returns the values of the files that
    DATASET was made of.
    """
    from ..convert.model import ConvertOptions
    from ..dataset.layout import Dataset
    from .label_texts import parse_labels, parse_map

    if not maps and labels is None:
        raise SegconvError("nothing is to change", hint="--map VALUE=NAME merges, --labels NAME=VALUE,… declares all")
    source = Dataset.open(paths.dataset(dataset))
    known = source.description.labels.names
    by_value = []
    for entry in ",".join(maps).split(",") if maps else []:
        name, equals, other = entry.partition("=")
        by_value.append(f"{known.get(name.strip(), name)}{equals}{other}")
    options = ConvertOptions(labels=parse_labels(labels) if labels is not None else None, value_map=parse_map(by_value))
    return _make(source.held, making, options, paths, sink, how)


def _make(source: Held, making: Making, options: ConvertOptions, paths: Paths, sink: Sink, how: RunOptions) -> int:
    """Make a dataset from another one, with labels changed as the options say."""
    from ..convert.conversion import plan_conversion, run_conversion
    from ..work.held import unchanged

    with unchanged(source):
        conversion = plan_conversion(
            source.folder,
            str(making.target),
            raw=paths.require("raw"),
            other_roots=(paths.preprocessed, paths.results),
            kind="nnunet-v2",
            options=options,
            how=how,
            force=making.force,
        )
    labels = conversion.scan.label_map
    called = {value: name for name, value in labels.labels.names.items() if isinstance(value, int)}
    sink.table(
        ["old", "new", "label"], [(old, new, called.get(new, "")) for old, new in sorted(labels.forward.items())]
    )
    sink.warn(conversion.plan.warnings)
    if making.dry_run:
        sink.say("nothing was written (--dry-run)")
        sink.end(conversion.summary(), conversion.plan.warnings)
        return 0
    outcome = run_conversion(conversion, how)
    findings = [*outcome.warnings, *outcome.failed]
    sink.warn(outcome.beyond(conversion.plan))
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}.")
    sink.next(f"segconv plan {conversion.name.id}")
    sink.end({**conversion.summary(), "cases": outcome.done}, findings, ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def _with_background(dataset: str, folder: Path, drawn: str | None) -> dict[str, int | str] | None:
    """Return the labels of a dataset, with the one that was drawn for background as its background.

    None for regions, which are refused when the dataset is made.
    """
    from ..dataset.description import DatasetDescription
    from ..dataset.labels import BACKGROUND, IGNORE, NO_BACKGROUND
    from ..dataset.layout import DESCRIPTION

    labels = DatasetDescription.read(folder / DESCRIPTION).labels
    if labels.has_regions:
        return None
    names = labels.names
    plain = {n: v for n, v in names.items() if isinstance(v, int) and n not in (BACKGROUND, IGNORE)}
    choice = f"--background NAME, for one of {', '.join(plain)}, if that was drawn for background"
    if drawn is None:
        raise SegconvError(f"--scribbles: {NO_BACKGROUND}", hint=f"{choice}; otherwise draw some first")
    if drawn not in plain:
        raise SegconvError(f"--background {drawn}: {dataset} has no such label", hint=choice)
    return {BACKGROUND: plain.pop(drawn), **plain}


def _cover(dataset: str, sink: Sink, paths: Paths, how: RunOptions) -> int:
    """Report how much of each case is ignored."""
    from ..dataset.counts import label_counts, share
    from ..dataset.layout import Dataset
    from ..work.readers import Readers

    opened = Dataset.open(paths.dataset(dataset))
    value = opened.description.labels.ignore
    if value is None:
        sink.say(f"{opened.path.name} has no ignore label: every voxel counts in training")
        sink.say("--scribbles or --value NAME makes a dataset that has one")
        sink.end({"ignore": None, "cases": {}})
        return 0
    readers = Readers(how.jobs, how.progress)
    with opened.unchanged():
        shares = {case: share(counts, value) for case, counts in label_counts(opened, readers=readers)}
    mean = sum(shares.values()) / len(shares) if shares else 0.0
    shown = shares if len(shares) <= MANY_CASES or sink.verbose else {c: s for c, s in shares.items() if s == 1}
    sink.table(["case", "ignored"], [(case, f"{part:.1%}") for case, part in shown.items()])
    sink.say(f"ignore is {value}; it covers {mean:.1%} of {len(shares)} training cases on average")
    findings = _cover_findings(shares, value, opened.path)
    sink.warn(findings)
    sink.end({"ignore": value, "mean": mean, "cases": shares}, findings)
    return 0


def _cover_findings(shares: Mapping[str, float], value: int, dataset: Path) -> list[Finding]:
    """Return warnings about completely ignored cases, and about an ignore label that does not occur."""
    what = "is ignored completely: nothing is learned from it"
    findings = [warning("SC075", what, file=case) for case, part in shares.items() if part == 1]
    if shares and not any(shares.values()):
        findings.append(warning("SC076", f"the ignore label {value} occurs in no case", file=str(dataset)))
    return findings
