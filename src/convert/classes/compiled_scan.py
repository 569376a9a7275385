"""A source whose labels are named masks or segments of classes, which may overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.overlaps import Compiled
from ...dataset.stored_label import StoredLabel, StoredMask
from ...errors import Cure, SegconvError
from ...image import raster
from ...words import some_of
from ..bands import all_apart
from ..judge.headers import judge_headers, judge_pictures
from ..model import LAYERS, ConvertOptions, Scan, SourceCase
from ..survey import Survey
from ..volumes.volume_units import ending_for_volumes
from .compiled_masks import compiled_masks
from .segmented import judge_spellings


def compiled_scan(
    survey: Survey, kind: str, cases: list[SourceCase], channel_names: Callable[[int], tuple[str, ...]]
) -> Scan:
    """Return what a source holds whose labels are named masks or segments of classes, which may overlap.

    Parameters
    ----------
    channel_names
        Returns names for a given number of channels.
    """
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None
    if pictures:
        cases = all_apart(cases, drop_alpha=survey.options.drop_alpha)
    judge = judge_pictures if pictures else judge_headers
    channels = channel_names(judge(survey, cases, 0))
    judge_spellings(survey, cases)
    names = _class_names(cases)
    cases = _complete(survey, cases, names)
    compiled = compiled_masks(survey, cases, names)
    labels = compiled.labels if compiled is not None else UNSETTLED.labels
    if compiled is not None:
        survey.add([replace(found, file="dataset.json") for found in compiled.findings])
        if labels.has_regions:
            survey.note(
                f"{len(names)} masks overlap: {len(labels.values) - 1} label values and {len(labels.foreground)}"
                " regions, proved to decode to themselves; restore gives the masks back"
            )
    ending = survey.options.file_ending or (".png" if pictures else ending_for_volumes(cases))
    return Scan(
        kind=kind,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=LabelTable.identity(labels),
        file_ending=ending,
        label_file=_stored(cases, compiled, ending),
        compiled=compiled,
    )


def _class_names(cases: Iterable[SourceCase]) -> list[str]:
    """Return the names of the masks or segments of all cases, in order of appearance, each once."""
    labels = [case.parts[case.label].names for case in cases if case.label is not None]
    return list(filter(None, dict.fromkeys(chain.from_iterable(labels))))


def refuse_label_options(options: ConvertOptions) -> None:
    """Refuse options that name values: here files' names are the labels, which have no values."""
    for field in ("labels", "value_map", "ignore", "snap"):
        if getattr(options, field):
            raise SegconvError(
                "the labels of masks are the names of their files, those of 3D Slicer the names of segments:"
                " no option names their values",
                cures=(Cure.of("leave_out", field=field), Cure("rename_labels_afterwards")),
            )


def _complete(survey: Survey, cases: Sequence[SourceCase], names: Sequence[str]) -> list[SourceCase]:
    """Return the cases that have a mask for each class."""
    complete = []
    for case in cases:
        missing = _missing(case, names)
        if missing and survey.options.missing_masks != "empty":
            survey.error(
                "SC080",
                f"lacks {some_of(missing)}, which other cases have",
                file=_masks_shown(survey, case),
                hint="add the masks",
                cures=(Cure("count_missing_masks_as_empty"),),
            )
            continue
        if missing:
            survey.warn("SC080", f"lacks {some_of(missing)}; counted as empty", file=_masks_shown(survey, case))
        complete.append(case)
    return complete


def _missing(case: SourceCase, names: Sequence[str]) -> list[str]:
    """Return the classes without a mask in a case; a segmentation need not list classes that it does not show."""
    layers = case.label_as(LAYERS)
    own = set(layers.names) if layers is not None else set()
    return [name for name in names if own and name not in own]


def _masks_shown(survey: Survey, case: SourceCase) -> str:
    """Return the name for messages on the masks of a case: their folder, or the image if they have no folder."""
    apart = case.label is None or case.parts[case.label].places
    return survey.shown(case.images[0] if apart else str(case.label))


def _stored(cases: Sequence[SourceCase], compiled: Compiled | None, ending: str) -> StoredLabel:
    """Return how `restore` stores the masks of a case that has none of its own: as those of the others."""
    files: dict[str, str] = {}
    places: dict[str, str] = {}
    for case in cases:
        if (parts := case.label_as(LAYERS)) is not None:
            places |= dict(zip(parts.names, parts.places, strict=False))
            for name, file in zip(parts.names, parts.files, strict=True):
                files.setdefault(name, Path(file).name + (ending if file in case.parts else ""))
    masks = compiled.masks_of if compiled is not None else {}
    stored = tuple(
        StoredMask(name, files.get(name, name + ending), 1, "uint8", tuple(values), places.get(name))
        for name, values in masks.items()
    )
    return StoredLabel(ending, "uint8", mode="gray", depth=8, form=LAYERS, masks=stored)
