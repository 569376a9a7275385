"""A picture of what a trainer's transforms do to a real case."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.layout import Dataset
from ..errors import SegconvError
from ..image.geometry import Geometry, Volume
from ..review.pictures.overlay import Panel, montage
from ..review.pictures.sealed import is_sealed
from ..train.commands import Tell
from ..train.holds import reading
from ..train.paths import Paths
from ..train.plans import DEFAULT_PLANS
from ..train.trainers import find_trainer, list_trainers
from ..train.transforms import Transformed, outputs, preprocessed_cases, transform_case
from ..work.plan import PREVIEW, work_folder
from ..work.scratch import Warn, scratch
from ..work.single import write_single
from ..work.staging import refuse_unwritable_name

COLOURS = ("r", "g", "b")


def preview(
    dataset: Dataset,
    trainer: str,
    picture: Path,
    paths: Paths,
    *,
    configuration: str,
    plans: str = DEFAULT_PLANS,
    case: str | None = None,
    samples: int = 8,
    channel: int = 0,
    seed: int = 0,
    overwrite: bool = False,
    tell: Tell | None = None,
    warn: Warn | None = None,
) -> Transformed:
    """Draw a patch as it is and as a trainer's transforms leave it, several times, with outlines of its labels.

    Parameters
    ----------
    dataset
        That is planned and preprocessed.
    trainer
        Name of the class.
    picture
        PNG to write.
    case
        The first that is preprocessed if None.
    channel
        Which to draw of several; pictures of the channels R, G, B are drawn in colour.
    warn
        Is given what somebody else put into the work folder, which stays there.

    Raises
    ------
    SegconvError
        ``SC001`` for a trainer, case or channel that there is not, ``SC020`` if the picture is there
        already, ``SC031`` if it could not be written; what `transform_case` raises.
    """
    found = find_trainer(trainer, list_trainers())
    _refuse_taken(picture, overwrite=overwrite)
    cases = preprocessed_cases(paths, dataset.path.name, plans, configuration)
    if case is not None and case not in cases:
        raise SegconvError(f"no preprocessed case {case!r}", hint=f"there are {', '.join(cases[:10])}")
    names = dataset.description.channel_names
    if not 0 <= channel < len(names):
        raise SegconvError(f"--channel {channel}: the dataset has the channels 0 to {len(names) - 1}")
    work = work_folder(PREVIEW, picture)
    chosen = case or cases[0]
    with reading(paths, dataset.path.name), scratch(work, outputs(chosen), warn or (lambda _: None)):
        made = transform_case(
            found,
            chosen,
            paths,
            work,
            dataset=dataset.path.name,
            configuration_name=configuration,
            plans=plans,
            samples=samples,
            seed=seed,
            tell=tell,
        )
    colour = tuple(name.casefold() for name in names) == COLOURS and made.label.ndim == 2
    data = draw(made, trainer, channel=None if colour else channel)
    write_single(picture, data, partial(_refuse_taken, picture, overwrite=overwrite))
    return made


def _refuse_taken(picture: Path, *, overwrite: bool) -> None:
    """Refuse to replace a picture, be it that it is one of segconv's and that is asked for."""
    refuse_unwritable_name(picture)
    if not os.path.lexists(picture):
        return
    if not overwrite:
        raise SegconvError(
            "is there already", code="SC020", file=str(picture), hint="choose another -o, or --overwrite"
        )
    if not is_sealed(picture):
        raise SegconvError(
            "is not a picture that segconv drew, to the last byte, and is not replaced",
            code="SC020",
            file=str(picture),
            hint="choose another -o",
        )


def draw(made: Transformed, trainer: str, *, channel: int | None) -> bytes:
    """Return a PNG of the patch and its samples, all in the grey scale of the patch.

    Parameters
    ----------
    channel
        To draw; None for the first three as a colour picture.
    """
    low, high = (float(v) for v in np.percentile(_shown(made.image, channel), (0.5, 99.5)))
    spacing = tuple(float(v) for v in made.facts["spacing_mm"][-made.label.ndim :])
    geometry = Geometry.plain(made.label.shape[::-1], spacing[::-1])

    def panel(title: str, image: NDArray[Any], label: NDArray[Any]) -> Panel:
        shown = _shown(image, channel)
        if channel is None:
            shown = np.clip((shown - low) / max(high - low, 1e-6), 0, 1)
        return Panel(title, Volume(shown, geometry), label)

    panels = [panel(f"{made.case}: untouched", made.image, made.label)]
    panels += [
        panel(f"{trainer}: {number}", image, label)
        for number, (image, label) in enumerate(zip(made.images, made.labels, strict=True), start=1)
    ]
    return montage(panels, window=(low, high))


def _shown(image: NDArray[Any], channel: int | None) -> NDArray[Any]:
    return np.moveaxis(image[:3], 0, -1) if channel is None else image[channel]
