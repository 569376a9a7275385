"""``segconv models``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .help_pages import MODEL, Group, example
from .infer import checkpoint
from .options import (
    PATH,
    bundled,
    dataset_argument,
    model_filters,
    option,
    overwrite,
    speaking,
    three_folders,
    trusting,
)
from .sink import Sink
from .types import FOLDS

if TYPE_CHECKING:
    from ..train.comparison import Wanted
    from ..train.paths import Paths
    from ..train.untrusted_models import Trust


def _wanted(**names: Any) -> Wanted:
    from ..train.comparison import Wanted

    return Wanted(**names)


@click.group(cls=Group, epilog=example("segconv models show model.zip"))
def command() -> None:
    """Carry trained models to another machine, or list what an archive holds."""


@command.command("export", epilog=example("segconv models export 501 -o model.zip"))
@dataset_argument
@option("-o", "--output", type=PATH, required=True, help="Archive to make.")
@bundled(
    "wanted",
    _wanted,
    *model_filters,
)
@option("-f", "--fold", "folds", type=FOLDS, metavar="N,…|all", help="Folds; default: all with numbers.", group=MODEL)
@checkpoint
@overwrite
@three_folders
@speaking
def export(
    dataset: str,
    output: Path,
    wanted: Wanted,
    folds: tuple[str, ...] | None,
    checkpoint: str,
    overwrite: bool,
    sink: Sink,
    paths: Paths,
) -> int:
    """Write trained models into one archive, with checksums.

    By default all trained models of DATASET, with what `segconv best` found. Both stages of a cascade
    are included. nnU-Net can install the archive, too. It holds weights, plans, scores, the json of the
    dataset and how segconv made it, but no images and no pickles; nnU-Net checkpoints are copied as they are.
    """
    from ..dataset.names import find_dataset
    from ..train.exporting import export_models, files_of, models_to_export

    name = find_dataset(dataset, paths.require("results")).name
    folder = paths.require("results") / name
    models = models_to_export(name, paths, wanted)
    digest = export_models(
        name, files_of(folder, models, folds, checkpoint=checkpoint), output, paths, overwrite=overwrite
    )
    sink.say(f"Wrote {', '.join(models)} to {output}")
    sink.data(f"{digest}  {output}")
    sink.next(f"segconv models import {shlex.quote(str(output))} --sha256 {digest}")
    sink.end({"output": str(output), "sha256": digest, "models": models})
    return 0


@command.command("import", epilog=example("segconv models import model.zip --results elsewhere"))
@click.argument("archive", type=PATH)
@option("--sha256", metavar="HASH", help="Hash that the archive must have.")
@trusting
@three_folders
@speaking
def import_(archive: Path, sha256: str | None, trust: Trust, sink: Sink, paths: Paths) -> int:
    """Put the models of an archive into nnUNet_results.

    The archive is listed and judged first, as by `segconv predict`, and verified against its checksums.
    Models that exist already are not replaced. Archives of nnU-Net work as well; they have no checksums,
    and their pickles are left out.
    """
    from ..train.importing import import_models

    made = import_models(archive, paths, trust, sha256=sha256, warn=sink.warn)
    sink.warn(made.warnings)
    for model in made.models:
        sink.data(str(made.folder / model))
    sink.next(f"segconv predict {shlex.quote(str(made.folder))} -i IN -o OUT")
    sink.end({"folder": str(made.folder), "models": list(made.models)}, made.warnings)
    return 0


@command.command("show", epilog=example("segconv models show model.zip"))
@click.argument("archive", type=PATH)
@speaking
def show(archive: Path, sink: Sink) -> int:
    """List what an archive of models holds, without unpacking it."""
    from ..train.archive import list_archive
    from ..train.packed import dataset_of
    from ..work.owned import file_sha256

    members = list_archive(archive)
    dataset, digest = dataset_of(members, archive), file_sha256(archive)
    sink.table(["file", "bytes"], [(member.name, member.nbytes) for member in members])
    sink.say(f"{dataset}: {len(members)} files, SHA-256 {digest}")
    files = [{"path": member.name, "size": member.nbytes} for member in members]
    sink.end({"dataset": dataset, "sha256": digest, "files": files})
    return 0
