"""Find the cases of images and labels as volumes, and recognise them; `pairing` distinguishes and matches the two.

See `sources.pairs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...dataset.stored_label import StoredLabel
from ...errors import Cure, SegconvError
from ...image import raster, volumes
from ...words import some_of
from ..blocks import Chained
from ..find.cases import cases_of, finished
from ..find.channels import names_of_files, numbered_names, refuse_other_count, with_all_channels
from ..find.pairing import pair_units
from ..find.pairs import Pair, Pairing
from ..find.patterns import pair_as_told
from ..find.several_masks import unite
from ..model import STACK, Scan, SourceCase
from ..survey import Survey
from ..tree import Unit
from ..volumes.series_patient import with_patient
from ..volumes.volume_units import ending_for_volumes, listed_volume, strip_ending, volume_units
from .masks import evidence as evidence_of_masks

_NUMBERED = re.compile(r"(.+)_(\d{4})$")


def evidence(survey: Survey, units: Sequence[Unit]) -> str | None:
    """Return the evidence for pairs of volumes, or None.

    Parameters
    ----------
    units
        The volumes of the source.
    """
    pairing = pair_units(units)
    if not pairing.paired or _of_classes(pairing) or _of_slicer(survey, units):
        return None
    kinds = sorted({unit.ending.lower() or "DICOM" for unit in units})
    return f"{some_of(pairing.folders)} with {' and '.join(kinds)} volumes"


def _of_slicer(survey: Survey, units: Iterable[Unit]) -> bool:
    return any(unit.stem.lower().endswith(".seg") for unit in units) and evidence_of_masks(survey) is not None


def _of_classes(pairing: Pairing) -> bool:
    """Return whether an image has several masks that are not numbered objects."""
    return not pairing.several and any(len(pair.labels) > 1 for pair in pairing.pairs)


def scan(survey: Survey, kind: str) -> Scan:
    """Find images and labels, judge every header, and settle the labels.

    Parameters
    ----------
    kind
        Name of the kind of source, for what is found.
    """
    from ..classes.segmented import with_segments
    from ..judge.headers import judge_headers, probe_unit
    from ..judge.other_grids import refuse_mixed_cases
    from ..judge.questioned import questioned_channels
    from ..labels.found_labels import table_of_volumes
    from ..labels.prelabels import prelabels_of
    from ..labels.stacks import judge_slices
    from ..volumes.frames import with_frames
    from ..volumes.mask_slice_order import in_slice_order

    pairing = _pairing(survey)
    survey.take(pairing)
    pairs, files = with_all_channels(survey, _numbered(pairing.pairs))
    cases = [with_patient(case) for case in cases_of(survey, pairs)]
    cases = in_slice_order(survey, finished(survey, with_frames(survey, cases)))
    survey.refuse_no_case(cases, "holds no image with a label", cures=(Cure("name_images_and_masks"),))

    def named(count: int) -> tuple[str, ...]:
        return _channel_names(survey, cases, files, count)

    if survey.options.mask_channels:
        from ..classes.channel_masks import usual_channels, with_channels
        from ..classes.compiled_scan import compiled_scan

        questioned_channels(survey, pairs, cases, files, len(files))
        masks = with_channels(
            survey, cases, lambda case, path: probe_unit(case, path, survey.root, survey.options).channels
        )
        return compiled_scan(survey, kind, masks, named, usual_channels(survey, masks))
    segmented = with_segments(survey, cases)
    if segmented is not None:
        from ..classes.compiled_scan import compiled_scan, refuse_label_options

        refuse_label_options(survey.options)
        questioned_channels(survey, pairs, cases, files, len(files))
        return compiled_scan(survey, kind, segmented, named)
    _refuse_useless_spacing(survey, cases)
    refuse_mixed_cases(survey, pairs, cases, files)
    count = judge_headers(survey, cases, 0)
    judge_slices(survey, cases)
    questioned_channels(survey, pairs, cases, files, count)
    channels = named(count)
    label_map = table_of_volumes(survey, cases)
    ending = survey.options.file_ending or ending_for_volumes(cases)
    dtype = "uint16" if max(label_map.forward) > 255 else "uint8"
    return Scan(
        kind=kind,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=label_map,
        file_ending=ending,
        label_file=StoredLabel(_usual_ending(cases) or ending, dtype),
        extra=prelabels_of(survey.options.pairs),
    )


def _refuse_useless_spacing(survey: Survey, cases: Sequence[SourceCase]) -> None:
    stacks = any(parts.form == STACK for case in cases for parts in case.parts.values())
    if survey.options.spacing_mm is not None and cases and not stacks:
        cures = (Cure.of("leave_out", field="spacing_mm"),)
        survey.error("SC001", "no volume of the source is stored as pictures, so that spacing has no use", cures=cures)


def _usual_ending(cases: Sequence[SourceCase]) -> str | None:
    labels = [case.label for case in cases if case.label is not None and not case.parts]
    endings = [volumes.ending_of(path) for path in labels]
    return max(set(endings), key=endings.count) if endings else None


def _pairing(survey: Survey) -> Pairing:
    if survey.options.pairs is not None:
        from ..find.lists import pair_by_list

        return _listed(survey, pair_by_list(survey.options.pairs, survey.root, strip_ending))
    units, others = volume_units(survey)
    if (as_told := pair_as_told(survey, units)) is not None:
        return as_told
    if not units and survey.options.spacing_mm is None:
        _refuse_pictures(survey, others)
    pairing = pair_units(units)
    unite(pairing, wanted=survey.options.unite_masks, noun="volume")
    if not survey.options.unite_masks:
        _drop_several(pairing)
    return pairing


def _drop_several(pairing: Pairing) -> None:
    """Remove the pairs with several labels, which are refused together."""
    if pairing.several:
        pairing.pairs = Chained([pair for pair in pairing.pairs if len(pair.labels) <= 1])


def _refuse_pictures(survey: Survey, others: Mapping[str, Sequence[str]]) -> None:
    if any(raster.ending_of(name) is not None for names in others.values() for name in names):
        raise SegconvError(
            "holds pictures, which are slices of volumes only if their spacing is known",
            code="SC011",
            file=str(survey.root),
            cures=(Cure("give_spacing"), Cure.of("choose_source_kind", kind="png")),
        )


def _listed(survey: Survey, pairing: Pairing) -> Pairing:
    """Return the cases of a list, with the slices of those that are folders or pictures."""
    pairs, pairing.pairs = pairing.pairs, Chained()
    survey.take(pairing)
    pairing.findings, pairing.notes = [], []
    for pair in pairs:
        with survey.judging():
            images = {name: listed_volume(survey, unit) for name, unit in pair.images.items()}
            labels = tuple(listed_volume(survey, unit) for unit in pair.labels)
            pairing.pairs.append(pair._replace(images=images, labels=labels))
    return pairing


def _numbered(pairs: Iterable[Pair]) -> list[Pair]:
    """Group images without a label whose names end in a channel number."""
    found: list[Pair] = []
    groups: dict[tuple[Any, ...], dict[str, Unit]] = {}
    for pair in pairs:
        match = _NUMBERED.fullmatch(pair.stem) if not pair.labels and set(pair.images) == {""} else None
        if match:
            groups.setdefault((pair.folder, match[1], pair.split, pair.where), {})[match[2]] = pair.images[""]
        else:
            found.append(pair)
    for (folder, stem, split, where), channels in groups.items():
        images = channels if len(channels) > 1 else {"": next(iter(channels.values()))}
        found.append(Pair(folder, stem, split, images, where=where))
    return found


def _channel_names(survey: Survey, cases: Sequence[SourceCase], files: tuple[str, ...], count: int) -> tuple[str, ...]:
    if survey.options.channels:
        # Frames of a label may be those of its image, and a file may not be a channel at all.
        asked = any(found.code in ("SC003", "SC073") for found in survey.findings)
        if not asked:
            as_files = len(files) == count > 1
            cures = (Cure.of("take_all_as_channels", channels=files), Cure("name_images_and_masks")) if as_files else ()
            hint = "" if as_files else "name all of them"
            refuse_other_count(survey, count, "the cases have", hint=hint, cures=cures)
        return survey.options.channels
    if len(files) == count > 1:
        return names_of_files(files)
    if count > 1:
        return numbered_names(count)
    from ..judge.named_ct import name_only_channel

    return name_only_channel(survey, cases)
