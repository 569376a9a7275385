"""A source whose labels are named masks or segments of classes, which may overlap."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress
from pathlib import Path

from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.overlaps import Compiled
from ...dataset.stored_label import NOTHING_KNOWN, StoredLabel, StoredMask
from ...errors import Cure, SegconvError
from ...image import raster
from ...words import some_of
from ..bands import all_apart
from ..judge.headers import judge_headers, judge_pictures
from ..labels.keep import in_words, kept_names
from ..labels.self_named import in_order_of
from ..model import CHANNELS, LAYERS, SEGMENTS, ConvertOptions, Scan, SourceCase
from ..survey import Survey
from ..volumes.volume_units import ending_for_volumes
from .compiled_masks import compiled_masks
from .segmented import judge_spellings


@dataclass(frozen=True)
class Usual:
    """How the masks of most cases are stored, if their files say more than their names.

    Parameters
    ----------
    stored
        All but the masks.
    on
        Their value where they are on.
    """

    stored: StoredLabel
    on: int = 1


def compiled_scan(
    survey: Survey,
    kind: str,
    cases: Sequence[SourceCase],
    channel_names: Callable[[int], tuple[str, ...]],
    usual: Usual | None = None,
) -> Scan:
    """Return what a source holds whose labels are named masks or segments of classes, which may overlap.

    Parameters
    ----------
    channel_names
        Returns names for a given number of channels.
    usual
        As for `scan_of_masks`.
    """
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None
    if pictures:
        cases = all_apart(cases, drop_alpha=survey.options.drop_alpha)
    judge = judge_pictures if pictures else judge_headers
    return scan_of_masks(survey, kind, cases, channel_names(judge(survey, cases, 0)), usual)


def scan_of_masks(
    survey: Survey,
    kind: str,
    cases: Sequence[SourceCase],
    channels: tuple[str, ...],
    usual: Usual | None = None,
) -> Scan:
    """Do what `compiled_scan` does for cases whose files were judged.

    Parameters
    ----------
    channels
        Names of the channels.
    usual
        How `restore` stores the masks of a case that has none, as far as their files say.
    """
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None
    judge_spellings(survey, cases)
    cases, names = _wanted(survey, cases)
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
        label_file=_stored(cases, names, compiled, ending, usual or Usual(NOTHING_KNOWN)),
        compiled=compiled,
    )


def _class_names(cases: Iterable[SourceCase]) -> list[str]:
    """Return the names of the masks or segments of all cases, in order of appearance, each once."""
    labels = [case.parts[case.label].names for case in cases if case.label is not None]
    return list(filter(None, dict.fromkeys(chain.from_iterable(labels))))


def _wanted(survey: Survey, cases: Sequence[SourceCase]) -> tuple[Sequence[SourceCase], list[str]]:
    """Return the cases with the masks that the user keeps, and the names of these, in the order of a tool's numbers."""
    options = survey.options
    names = _class_names(cases)
    if options.numbering is not None:
        with survey.judging():
            names, note = in_order_of(options.numbering, names)
            survey.note(note)
    if options.keep and names:
        kept = kept_names(names, options.keep)
        survey.note(in_words(kept, len(names)))
        cases, names = [_keeping(case, kept) for case in cases], kept
    return cases, names


def _keeping(case: SourceCase, kept: Collection[str]) -> SourceCase:
    """Return a case with some of its masks or segments."""
    parts = case.parts.get(case.label or "")
    if parts is None:
        return case
    if parts.form in (CHANNELS, SEGMENTS):
        own = replace(parts, names=tuple(name if name in kept else "" for name in parts.names))
    else:
        taken = [name in kept for name in parts.names]
        own = replace(
            parts,
            files=tuple(compress(parts.files, taken)),
            names=tuple(compress(parts.names, taken)),
            places=tuple(compress(parts.places, taken)),
        )
    return case._replace(parts={**case.parts, str(case.label): own})


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


def _stored(
    cases: Sequence[SourceCase], names: Sequence[str], compiled: Compiled | None, ending: str, usual: Usual
) -> StoredLabel:
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
        StoredMask(
            name, files.get(name, name + ending), usual.on, "uint8", tuple(masks.get(name, (0,))), places.get(name)
        )
        for name in (names if masks else ())
    )
    return StoredLabel(ending, "uint8", mode="gray", depth=8, form=LAYERS, masks=stored).updated(usual.stored)
