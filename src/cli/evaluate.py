"""``segconv evaluate``."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import SegconvError
from .completion import complete_datasets
from .help_pages import WRITTEN, Command, example, grouped
from .options import PATH, bundled, jobs, option, overwrite, seed, speaking, three_folders
from .sink import Sink
from .types import LABELS, PIXEL, TOLERANCE

if TYPE_CHECKING:
    from ..dataset.numbering import Numbering
    from ..review.scores.beside_tables import Table
    from ..review.scores.declared import Declaration
    from ..review.scores.pairing import Allowed
    from ..review.scores.scoring import Evaluation
    from ..train.paths import Paths


@dataclass(frozen=True)
class Said:
    """What the user says of the files: what values mean, how a case is stored, and what may be missing."""

    like: str | None
    labels: Mapping[str, int | str] | Numbering | None
    maps: tuple[str, ...]
    layout: str | None
    missing: str | None
    extra: str | None
    missing_masks: str | None

    @property
    def allowed(self) -> Allowed:
        """What may lack a counterpart."""
        from ..review.scores.pairing import Allowed

        return Allowed(self.missing, self.extra, self.missing_masks)


@dataclass(frozen=True)
class Asked:
    """What is computed besides Dice."""

    distances: bool
    tolerance: float | dict[str, float] | None
    spacing_mm: tuple[float, ...] | None
    against: Path | None
    seed: int

    @property
    def surfaces(self) -> bool:
        """Whether distances are asked for, be it by one of their options."""
        return self.distances or self.tolerance is not None or self.spacing_mm is not None


@dataclass(frozen=True)
class Files:
    """The files to write, if any."""

    csv: Path | None
    plot: Path | None
    overwrite: bool

    def refuse_taken(self) -> None:
        """Refuse files that are taken, before anything is computed."""
        from ..review.pictures import sealed
        from ..review.scores import tables

        if self.csv is not None:
            tables.refuse_taken(self.csv, overwrite=self.overwrite)
        if self.plot is not None:
            if self.plot.suffix.lower() != ".png":
                message = f"--plot {self.plot} does not end in .png, the format of the picture"
                raise SegconvError(message, hint="for example --plot scores.png")
            sealed.refuse_taken(self.plot, overwrite=self.overwrite)


@click.command(cls=Command, epilog=example("segconv evaluate mine testing/output"))
@click.argument("predictions", type=PATH)
@click.argument("references", metavar="REFERENCES|DATASET")
@bundled(
    "asked",
    Asked,
    *grouped(
        "Scores",
        option("--distances", is_flag=True, help="Also HD95, surface Dice and errors of volume, which takes longer."),
        option(
            "--tolerance",
            type=TOLERANCE,
            metavar="MM|NAME=MM,…",
            help="Distance up to which surfaces count as the same, of all classes or of some; default: 1. Implies"
            " --distances.",
        ),
        option(
            "--spacing",
            "spacing_mm",
            type=PIXEL,
            metavar="X,Y[,Z]",
            help="Size of a pixel or voxel in mm, for files that do not hold it. Implies --distances.",
        ),
        option("--against", type=PATH, metavar="FOLDER", help="Other predictions of the same cases, to compare with."),
        seed,
    ),
)
@bundled(
    "said",
    Said,
    *grouped(
        "Cases and values",
        option(
            "--like",
            metavar="DATASET",
            shell_complete=complete_datasets,
            help="Both sides hold the values of this dataset, or of its source files.",
        ),
        option(
            "--labels",
            type=LABELS,
            metavar="NAME=VALUE,…|totalseg:TASK",
            help="What the values or colours of both sides mean; as in convert.",
        ),
        option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value as a class; may be repeated."),
        option(
            "--layout",
            type=click.Choice(["files", "slices", "classes", "class-folders"]),
            help="How a case is stored: as one file; as a folder of slices, or of one mask per class; or as masks in a"
            " folder per class.",
        ),
        option(
            "--missing", type=click.Choice(["zero", "skip"]), help="Score missing predictions as 0, or leave them out."
        ),
        option("--extra", type=click.Choice(["skip"]), help="Leave out predictions without a reference."),
        option(
            "--missing-masks",
            type=click.Choice(["empty"]),
            help="A class without a reference mask does not occur there.",
        ),
    ),
)
@bundled(
    "files",
    Files,
    *grouped(
        WRITTEN,
        option("--csv", type=PATH, help="Also write the scores of every case to this file."),
        option("--plot", type=PATH, metavar="PNG", help="Also draw the scores of every class, with a dot per case."),
    ),
    overwrite,
)
@jobs
@three_folders
@speaking
def command(
    predictions: Path,
    references: str,
    asked: Asked,
    said: Said,
    files: Files,
    jobs: int,
    sink: Sink,
    paths: Paths,
) -> int:
    """Score predictions against reference masks.

    REFERENCES is a folder of masks with the names of the predictions, or a dataset, of which labelsTs or
    labelsTr is used. Volumes must be on the grid of their reference. Both sides must use the same values:
    those of a dataset, of your source files, or those that --labels or tables next to the masks declare.

    The score is Dice. A class that is neither in the reference nor in the prediction of a case does not
    count in that case. The mean of a class is over the cases in which it counts; the last row is the mean
    over classes. -v shows every case.

    --distances adds, in mm: HD95, the 95th percentile of the distances between both surfaces; the surface
    Dice (NSD), the part of both surfaces within --tolerance of the other; and errors of volume. A second
    table takes all cases together. --against compares with other predictions of the same cases: each
    difference has a 95% bootstrap interval.
    """
    from ..review.scores.tables import as_json, comparison_as_json
    from .evaluate_output import show, show_comparison, write

    files.refuse_taken()
    target = Path(references) if os.sep in references or Path(references).is_dir() else paths.dataset(references)
    scored = partial(_scored, references=target, asked=asked, said=said, jobs=jobs, sink=sink, paths=paths)
    found = scored(predictions)
    show(found, sink)
    sets = [(str(predictions), found)]
    result: dict[str, Any] = as_json(found)
    if asked.against is not None:
        from ..review.scores.comparison import compare_evaluations

        other = scored(asked.against)
        compared = compare_evaluations(found, other, seed=asked.seed)
        sets.append((str(asked.against), other))
        show_comparison(compared, (str(predictions), str(asked.against)), sink)
        result["against"] = {"predictions": str(asked.against), **comparison_as_json(compared), "other": as_json(other)}
    write(sets, files.csv, files.plot, overwrite=files.overwrite, sink=sink)
    written = {"csv": files.csv, "plot": files.plot}
    findings = [finding for _, one in sets for finding in one.findings]
    sink.end({**result, **{what: None if path is None else str(path) for what, path in written.items()}}, findings)
    return 0


def _scored(
    predictions: Path, *, references: Path, asked: Asked, said: Said, jobs: int, sink: Sink, paths: Paths
) -> Evaluation:
    """Return the scores of a folder of predictions."""
    from ..review.scores.evaluation import evaluate_folders, measure_surfaces
    from ..review.scores.measuring import TOLERANCE_MM
    from ..work.readers import Readers
    from .label_texts import parse_map

    readers = Readers(jobs, sink.progress())
    found = evaluate_folders(
        predictions,
        references,
        labels=_declared(predictions, said, paths),
        values=parse_map(said.maps),
        layout=said.layout,
        allowed=said.allowed,
        tables=_table_beside,
        readers=readers,
    )
    sink.warn(found.findings)
    if not asked.surfaces:
        return found
    tolerance = TOLERANCE_MM if asked.tolerance is None else asked.tolerance
    return measure_surfaces(found, tolerance=tolerance, spacing_mm=asked.spacing_mm, readers=readers)


def _declared(predictions: Path, said: Said, paths: Paths) -> Declaration | None:
    """Return what the user declares, or what the dataset declares that predictions were restored for, if it exists."""
    from ..convert.labels.declared import Declared
    from ..dataset.labels import value_text
    from ..dataset.layout import Dataset
    from ..dataset.numbering import Numbering
    from ..review.scores.declared import of_dataset, of_values

    if said.like is not None and said.labels is not None:
        raise SegconvError("--like and --labels exclude each other", hint="give one of them")
    if isinstance(said.labels, Numbering):
        values = {name: str(value) for name, value in said.labels.values.items()}
        return replace(of_values(values, said.labels.of), occurring=True)
    if said.labels is not None:
        declared = Declared.of(said.labels)
        names = {name: value_text(value, declared.coding) for name, value in declared.names.items()}
        return replace(of_values(names, "--labels"), ranges=declared.ranges)
    if said.like is not None:
        return replace(of_dataset(Dataset.open(paths.dataset(said.like))), for_both=True)
    return declared_by_restoring(predictions, paths)


def declared_by_restoring(predictions: Path, paths: Paths) -> Declaration | None:
    """Return what the dataset declares that predictions were restored for, if they were and it exists."""
    from ..dataset.layout import Dataset
    from ..review.scores.declared import of_dataset
    from ..review.scores.references import is_restored

    dataset = is_restored(predictions)
    if dataset is None:
        return None
    try:
        return of_dataset(Dataset.open(paths.dataset(dataset)))
    except SegconvError:
        return None  # it may have been removed or moved


def _table_beside(folder: Path, files: Collection[str], in_colours: bool) -> Table | None:
    """Return what tables and class lists next to labels declare, read as in conversion."""
    from ..convert.labels.declared import Declared
    from ..convert.labels.declared_beside import declared_in
    from ..dataset.labels import value_text
    from ..review.scores.beside_tables import Table

    found = declared_in(folder, files, in_colours=in_colours)
    if found is None:
        return None
    declared = Declared.of(found.names)
    names = {name: value_text(value, declared.coding) for name, value in declared.names.items()}
    return Table(names, f"{folder}/{found.where}", found.occurring)
