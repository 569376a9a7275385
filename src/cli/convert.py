"""``segconv convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_FOUND
from .options import dry_run, example, option, running, speaking, three_folders, to
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.conversion import Conversion
    from ..train.paths import Paths


@click.command(epilog=example("segconv convert fixtures/png --to 501_Shapes --labels background=0,disc=128,ring=255"))
@click.argument("source", type=click.Path(path_type=Path))
@to
@option("--from", "kind", metavar="KIND", help="Kind of source: png, msd or nnunet-v1; found from the files otherwise.")
@option("--labels", metavar="NAME=VALUE,…", help="Labels as they stand in the files; background=0 is one of them.")
@option("--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value as a label; may be repeated.")
@option("--accept-labels", is_flag=True, help="Take the values that are found as labels.")
@option("--channels", metavar="NAME,…", help="Channel names; CT decides another normalisation than MRI.")
@option("--unlabelled", type=click.Choice(["skip", "test"]), help="What to do with an image that has no label.")
@option("--listed-only", is_flag=True, help="Leave out files that dataset.json does not list.")
@option("--label-header", type=click.Choice(["image"]), help="A label on another grid takes the image's header.")
@option("--no-verify-source", is_flag=True, help="Copy what need not change without proving that it is whole.")
@option("--max-volume", type=click.IntRange(min=1), default=8 << 30, metavar="BYTES", help="Largest decoded file.")
@dry_run
@running
@three_folders
@speaking
def command(
    source: Path,
    target: str,
    kind: str | None,
    dry_run: bool,
    sink: Sink,
    paths: Paths,
    how: dict[str, Any],
    **said: Any,
) -> int:
    """Turn data of any kind into a nnU-Net v2 dataset.

    SOURCE is a folder of PNG pictures and masks (training/{input,output} and testing/{input,output},
    or images and masks), a Medical Segmentation Decathlon task, or a task of nnU-Net v1, given by
    path or by its number. Every file is read once and proved whole; nothing is written before the
    whole plan has been checked, and the dataset appears when it is complete. Sources are never
    changed.
    """
    from ..convert.conversion import plan_conversion, run_conversion
    from ..convert.labelling import parse_labels, parse_map
    from ..convert.source import ConvertOptions

    options = ConvertOptions(
        labels=parse_labels(said["labels"]) if said["labels"] else None,
        value_map=parse_map(said["maps"]),
        accept_labels=said["accept_labels"],
        channels=tuple(name.strip() for name in said["channels"].split(",")) if said["channels"] else (),
        unlabelled=said["unlabelled"],
        listed_only=said["listed_only"],
        label_header=said["label_header"],
        verify_source=not said["no_verify_source"],
        max_volume=said["max_volume"],
    )
    conversion = plan_conversion(
        source,
        target,
        raw=paths.require("raw"),
        other_roots=(paths.preprocessed, paths.results),
        kind=kind,
        options=options,
        overwrite=how["overwrite"],
        strict=how["strict"],
    )
    _show(conversion, sink)
    if dry_run:
        if sink.verbose:
            sink.table(
                ["case", "image", "label"],
                [(c.case, c.images[0], c.label or "") for c in conversion.scan.cases],
            )
        sink.warn(conversion.plan.warnings)
        sink.say("nothing was written (--dry-run)")
        sink.end(conversion.summary(), conversion.plan.warnings)
        return 0
    outcome = run_conversion(conversion, options, progress=sink.progress(), **how)
    sink.warn([*outcome.warnings, *outcome.failed])
    again = f", {outcome.reused} of them by an earlier run" if outcome.reused else ""
    sink.say(f"Made {outcome.target} with {outcome.done} cases{again}.")
    sink.next(f"segconv plan {conversion.name.id}")
    result = {**conversion.summary(), "cases": outcome.done, "reused": outcome.reused}
    sink.end(result, [*outcome.warnings, *outcome.failed], ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def _show(conversion: Conversion, sink: Sink) -> None:
    found = conversion.summary()
    sink.say(f"{found['source']}: {found['kind']} ({found['evidence']})")
    sink.say(f"{found['training_cases']} training and {found['test_cases']} test cases")
    for name, scheme in found["channels"].items():
        sink.say(f"channel {name}: normalisation {scheme}")
    back = {written: value for value, written in reversed(list(conversion.scan.label_map.forward.items()))}
    told = ", ".join(
        f"{name} {back.get(value, value)} → {value}" if isinstance(value, int) else f"{name} {value}"
        for name, value in found["labels"].items()
    )
    guess = (
        f" (guessed from {found['labels_guessed_from']}; --labels overrides)" if found["labels_guessed_from"] else ""
    )
    sink.say(f"labels: {told}{guess}")
    for note in found["notes"]:
        sink.say(f"note: {note}")
