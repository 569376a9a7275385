"""Draw what a trainer's transforms do to a real case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.layout import Dataset
from ..errors import SegconvError
from ..image.geometry import Geometry, Volume
from ..review.pictures.overlay import Panel, montage
from ..review.pictures.sealed import refuse_taken
from ..train.commands import Tell
from ..train.holds import reading
from ..train.known_trainers import find_trainer, list_trainers
from ..train.model import Model
from ..train.paths import Paths
from ..train.transforms import Transformed, outputs, preprocessed_cases, transform_case
from ..words import some_of
from ..work.plan import PREVIEW, work_folder
from ..work.scratch import Warn, scratch
from ..work.single import write_single

COLOURS = ("r", "g", "b")


@dataclass(frozen=True)
class Sampling:
    """What to draw of a case.

    Parameters
    ----------
    case
        A preprocessed case; the first one if None.
    samples
        Number of times that the same patch is transformed.
    channel
        The channel to draw; pictures with the channels R, G, B are drawn in colour by default.
    seed
        Seed of the patch position and of the transforms.
    """

    case: str | None = None
    samples: int = 8
    channel: int = 0
    seed: int = 0


def preview(
    dataset: Dataset,
    model: Model,
    picture: Path,
    paths: Paths,
    sampling: Sampling,
    *,
    overwrite: bool = False,
    tell: Tell | None = None,
    warn: Warn | None = None,
) -> Transformed:
    """Draw a patch before and, several times, after a trainer's transforms, with outlines of its labels.

    Parameters
    ----------
    dataset
        A planned and preprocessed dataset.
    model
        Trainer, plans and configuration.
    picture
        PNG to write.
    sampling
        What to draw.
    warn
        Called with warnings about files of others in the work folder, which stay there.

    Raises
    ------
    SegconvError
        ``SC001`` for a trainer, case or channel that does not exist, ``SC020`` if the picture already
        exists, ``SC031`` if it could not be written; what `transform_case` raises.
    """
    trainer = find_trainer(model.trainer, list_trainers(paths.trainers), paths.trainers)
    refuse_taken(picture, overwrite=overwrite)
    case = _chosen(sampling.case, preprocessed_cases(model, paths))
    names = dataset.description.channel_names
    if not 0 <= sampling.channel < len(names):
        raise SegconvError(f"no channel {sampling.channel}: the dataset has the channels 0 to {len(names) - 1}")
    work = work_folder(PREVIEW, picture)
    with reading(paths, model.dataset), scratch(work, outputs(case), warn):
        made = transform_case(
            model, trainer, case, paths, work, samples=sampling.samples, seed=sampling.seed, tell=tell
        )
    colour = tuple(name.casefold() for name in names) == COLOURS and made.label.ndim == 2
    data = draw(made, model.trainer, channel=None if colour else sampling.channel)
    write_single(picture, data, partial(refuse_taken, picture, overwrite=overwrite))
    return made


def _chosen(case: str | None, among: Sequence[str]) -> str:
    if case is None:
        return among[0]
    if case not in among:
        raise SegconvError(f"no preprocessed case {case!r}", hint=f"there are {some_of(among, 10)}")
    return case


def draw(made: Transformed, trainer: str, *, channel: int | None) -> bytes:
    """Return a PNG of the patch and its samples, all with the grey-value window of the patch.

    Parameters
    ----------
    channel
        The one to draw; None for the first three as a colour picture.
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
