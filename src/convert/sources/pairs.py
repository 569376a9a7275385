"""Images and labels as volumes of any format, brought together by folder, suffix, pattern or list.

Volumes are NIfTI, NRRD and MetaImage files, folders of DICOM slices, and, where the spacing is told,
folders of pictures or pictures with several pages. How images and labels are told apart is `pairing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.stored_label import StoredLabel
from ...errors import SegconvError
from ...image import raster, volumes
from ...words import count_of
from ..classes.segmented import with_segments
from ..find.cases import cases_of, finished
from ..find.lists import pair_by_list
from ..find.pairing import Pair, Pairing, pair_units
from ..find.patterns import pair_by_patterns
from ..find.roles import role_of_stem
from ..find.several_masks import united
from ..judge.headers import judge_headers
from ..judge.questioned import questioned_channels
from ..labels.found_labels import table_of_volumes
from ..labels.stacks import judge_slices
from ..model import STACK, ConvertOptions, Scan
from ..source_files import shown
from ..survey import Survey
from ..tree import Unit
from ..volumes.frames import with_frames
from ..volumes.series_patient import with_patient
from ..volumes.slice_order import in_slice_order
from ..volumes.volume_units import companions_of, listed_volume, strip_ending, volume_units
from . import masks
from .kind import FOUND_BY_NAME, Kind
from .masks import compiled_scan, refuse_label_options

KIND = "pairs"
_NUMBERED = re.compile(r"(.+)_(\d{4})$")


def recognise(survey: Survey) -> str | None:
    """Return what speaks for pairs of volumes, or None."""
    root = survey.root
    units, _ = volume_units(survey.again())
    if not units or reading.is_file(root / "dataset.json"):
        return None
    if reading.is_folder(root / "imagesTr") and reading.is_folder(root / "labelsTr"):
        return None  # a task without its dataset.json
    if any(unit.stem.lower().endswith(".seg") for unit in units) and masks.recognise(survey) is not None:
        return None  # 3D Slicer's segmentations
    pairing = pair_units(units)
    if not any(pair.labels for pair in pairing.pairs) or _of_objects(pairing):
        return None  # several labels of one image are masks of classes
    kinds = sorted({unit.ending.lower() or "DICOM" for unit in units})
    places = "; ".join(pairing.folders[:3]) + (" …" if len(pairing.folders) > 3 else "")
    return f"{places} with {' and '.join(kinds)} volumes"


def scan(survey: Survey) -> Scan:
    """Find images and labels, judge every header, and settle the labels."""
    pairing = _pairing(survey)
    survey.add(pairing.findings)
    survey.notes += pairing.notes
    pairs, channel_keys = _channels_agree(survey, _numbered(pairing.pairs))
    cases = [with_patient(case) for case in cases_of(survey, pairs, companions_of)]
    cases = finished(survey, with_frames(survey, cases))
    cases = in_slice_order(survey, cases)
    if not cases and not survey.failed:
        survey.error("SC011", "holds no image with a label", file=str(survey.root), hint="--images GLOB --masks GLOB")
    segmented = with_segments(survey, cases)
    if segmented is not None:
        refuse_label_options(survey.options)
        if not survey.failed:
            survey.add(questioned_channels(pairs, cases, channel_keys, len(channel_keys), survey.root, survey.options))

        def named(number: int) -> tuple[str, ...]:
            return _channel_names(survey, channel_keys, number)

        return compiled_scan(survey, KIND, segmented, named)
    if (
        survey.options.spacing_mm is not None
        and cases
        and not any(p.form == STACK for c in cases for p in c.parts.values())
    ):
        survey.error("SC001", "--spacing: no volume of the source is stored as pictures", hint="leave it out")
    count = judge_headers(survey, cases, 0)
    judge_slices(survey, cases)
    if not survey.failed:
        survey.add(questioned_channels(pairs, cases, channel_keys, count, survey.root, survey.options))
    channels = _channel_names(survey, channel_keys, count)
    label_map = table_of_volumes(survey, cases)
    labels = [case.label for case in cases if case.label is not None and not case.parts]
    endings = [volumes.ending_of(path) for path in labels]
    usual = max(set(endings), key=endings.count) if endings else None
    plain = bool(cases) and all(path.lower().endswith(".nii") for case in cases for path in case.images)
    ending = survey.options.file_ending or (".nii" if plain else ".nii.gz")
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=channels,
        label_map=label_map,
        file_ending=ending,
        label_file=StoredLabel(usual or ending, "uint16" if max(label_map.forward) > 255 else "uint8"),
    )


def _pairing(survey: Survey) -> Pairing:
    if survey.options.pairs is not None:
        return _listed(pair_by_list(survey.options.pairs, survey.root, strip_ending), survey.root, survey.options)
    units, others = volume_units(survey)
    if survey.options.images:
        return pair_by_patterns(units, survey.options.images, survey.options.masks, survey.root)
    if survey.options.masks is not None:
        raise SegconvError("--masks needs --images", hint="give both patterns")
    pictures = [n for names in others.values() for n in names if n.lower().endswith(raster.ENDINGS)]
    if not units and pictures and survey.options.spacing_mm is None:
        raise SegconvError(
            "holds pictures, which are slices of volumes only if their spacing is known",
            code="SC011",
            file=str(survey.root),
            hint="--spacing X,Y,Z in mm; or --from png for pictures of their own",
        )
    pairing = pair_units(units)
    refused, told = united(pairing.several, wanted=survey.options.unite_masks, noun="volume")
    pairing.findings += refused
    pairing.notes += told
    if refused:
        pairing.pairs = [pair for pair in pairing.pairs if len(pair.labels) <= 1]
    return pairing


def _of_objects(pairing: Pairing) -> bool:
    return any(len(pair.labels) > 1 for pair in pairing.pairs) and not pairing.several


def _listed(pairing: Pairing, root: Path, options: ConvertOptions) -> Pairing:
    """Return the cases of a list with the slices of those that are folders or pictures."""
    pairs = []
    for pair in pairing.pairs:
        try:
            images = {name: listed_volume(unit, root, options) for name, unit in pair.images.items()}
            labels = tuple(listed_volume(unit, root, options) for unit in pair.labels)
            pairs.append(replace(pair, images=images, labels=labels))
        except SegconvError as error:
            pairing.findings += [replace(found, file=shown(found.file, root)) for found in error.findings]
    pairing.pairs = pairs
    return pairing


def _numbered(pairs: Iterable[Pair]) -> list[Pair]:
    """Bring images without label that end in the number of a channel together."""
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


def _channels_agree(survey: Survey, pairs: list[Pair]) -> tuple[list[Pair], tuple[str, ...]]:
    """Return the pairs, and the names of channels that all of them must have."""
    keys = [tuple(sorted(pair.images)) for pair in pairs]
    if not keys:
        return pairs, ()
    named = [key for key in keys if key != ("",)] or keys
    usual = max(set(named), key=named.count)
    kept = []
    for pair, key in zip(pairs, keys, strict=True):
        if key == usual or (len(key) == len(usual) == 1):
            kept.append(pair)
            continue
        missing = [name for name in usual if name not in key]
        extra = [name for name in key if name not in usual]
        what = " and ".join(
            ([f"lacks the channel {', '.join(missing)}"] if missing else [])
            + ([f"has the channel {', '.join(extra)}, which most cases have not"] if extra and extra != [""] else [])
        )
        survey.error(
            "SC084",
            what or "has other channels than most cases",
            file=next(iter(pair.images.values())).path,
            hint="add or remove the file of that channel",
        )
    numbers = [name for name in usual if re.fullmatch(r"\d{4}", name)]
    if numbers and [int(name) for name in numbers] != list(range(len(numbers))):
        survey.error("SC084", f"channels are numbered {', '.join(numbers)}, expected 0000 to {len(numbers) - 1:04d}")
    return kept, usual


def _channel_names(survey: Survey, keys: tuple[str, ...], count: int) -> tuple[str, ...]:
    if survey.options.channels:
        # Frames of a label may be those of its image, and a file may be no channel at all.
        asked = any(found.code in ("SC003", "SC073") for found in survey.findings)
        if count and len(survey.options.channels) != count and not asked:
            every = f"--channels {','.join(keys)} takes all files as channels; " if len(keys) == count > 1 else ""
            hint = f"{every}--images GLOB --masks GLOB takes some of them" if every else "name as many as there are"
            told = f"--channels names {count_of(len(survey.options.channels), 'channel')}, the cases have {count}"
            survey.error("SC084", told, hint=hint)
        return survey.options.channels
    if len(keys) == count and count > 1:
        names = tuple(role_of_stem(key)[1] or key for key in keys)
        return names if not any(name.isdecimal() for name in names) else tuple(f"channel_{int(n)}" for n in names)
    return ("image",) if count <= 1 else tuple(f"channel_{n}" for n in range(count))


SOURCE = Kind(
    name=KIND,
    summary="volumes and their labels",
    heeds=FOUND_BY_NAME | {"pairs", "spacing_mm", "frames", "slice_order", "unite_masks"},
    recognise=recognise,
    scan=scan,
)
