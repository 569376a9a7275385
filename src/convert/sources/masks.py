"""A folder a case with one binary mask a class, or 3D Slicer's segmentations: masks that may overlap.

Where they lie is `mask_folders`'; what overlaps is kept by `compiler`, which must know every overlap of
every case before the first label is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset.compiler import Compiled
from ...dataset.label_table import UNSETTLED, LabelTable
from ...dataset.lineage import TEST, TRAIN
from ...dataset.names import case_identifier
from ...dataset.stored_label import StoredLabel, StoredMask
from ...errors import Finding, SegconvError
from ...image import raster, stack, volumes
from ...words import count_of
from ..bands import all_apart
from ..classes.class_folders import class_folders
from ..classes.compiled_masks import compiled_masks
from ..classes.segmented import parts_of, refused_raters, refused_spellings
from ..find.cases import finished
from ..find.mask_folders import IMAGE_NAMES, CaseFolder, find_folders
from ..find.roles import MASK, role_of_stem
from ..find.strangers import listed
from ..judge.candidates import rival_masks
from ..judge.headers import judge_headers, judge_pictures
from ..model import DETACHED, LAYERS, SEGMENTS, ConvertOptions, Parts, Scan, SourceCase, skipped_note
from ..source_files import resolve_inside
from ..survey import Survey
from ..tree import Unit
from ..volumes.series_patient import with_patient
from ..volumes.volume_units import companions_of
from .kind import FOUND_BY_NAME, Kind

KIND = "masks"
_MODALITIES = {"ct": "CT", "mr": "MR", "mri": "MR"}


def recognise(survey: Survey) -> str | None:
    """Return what speaks for masks of classes, or None."""
    if reading.is_file(survey.root / "dataset.json"):
        return None
    labelled = [folder for folder in find_folders(survey.again()) if folder.labels]
    folders = [folder for folder in labelled if folder.images]
    lone = [unit for folder in labelled if not folder.images for unit in folder.labels]
    # A stray volume is named as one when the cases are read; pictures beside no image may be all sorts of things.
    stray = 0 < len(lone) < len(folders) and all(raster.ending_of(unit.path) is None for unit in lone)
    if not folders or (lone and not stray) or any(map(_pairs, folders)):
        return None
    if any(folder.segmentations for folder in folders):
        return f"{folders[0].name}/ with a .seg.nrrd file" if len(folders) == 1 else f"{len(folders)} .seg.nrrd files"
    several = [f for f in folders if len(f.masks) > 1 or role_of_stem(next(iter(f.masks)))[0] != MASK]
    if not several:
        return None
    pictures = all(raster.ending_of(unit.path) for folder in folders for unit in folder.masks.values())
    apart = any(image.folder != folder.name for folder in folders for image in folder.images.values())
    if pictures and (apart or not _name_classes(folders)):
        return None  # masks of objects, each of one picture; --from masks says otherwise
    names = ", ".join(list(several[0].masks)[:3])
    return f"{count_of(len(folders), 'folder')} with an image and a mask for each class ({names} …)"


def _pairs(folder: CaseFolder) -> bool:
    """Return whether images in a folder of their own have masks of their own names: cases, and no classes of one."""

    def cases(units: Mapping[str, Unit], place: str) -> set[str]:
        return {role_of_stem(name)[1] or name for name, unit in units.items() if unit.folder != place}

    return bool(cases(folder.images, folder.name) & cases(folder.masks, folder.name))


def _name_classes(folders: Iterable[CaseFolder]) -> bool:
    """Return whether the names of masks stand for classes: they come again in other cases, and are no numbers."""
    seen: set[str] = set()
    for folder in folders:
        names = {name for name in folder.masks if not name.isdecimal()}
        if names & seen:
            return True
        seen |= names
    return False


def scan(survey: Survey) -> Scan:
    """Find the cases, look at every mask to know which overlap, and compile the labels."""
    refuse_label_options(survey.options)
    cases = finished(survey, _cases(survey))
    if not cases and not survey.failed:
        survey.error(
            "SC011",
            "holds no folder with an image and masks",
            file=str(survey.root),
            hint="expected CASE/ct.nii.gz and CASE/segmentations/CLASS.nii.gz, or series CASE/ct and"
            " CASE/masks/CLASS; or --image NAME, or --images DIR",
        )
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None

    def named(count: int) -> tuple[str, ...]:
        return _channel_names(survey, cases, count, pictures=pictures)

    return compiled_scan(survey, KIND, cases, named)


def compiled_scan(
    survey: Survey, kind: str, cases: list[SourceCase], channel_names: Callable[[int], tuple[str, ...]]
) -> Scan:
    """Return what a source holds whose labels are masks or segments of classes, which are named and may overlap.

    Parameters
    ----------
    channel_names
        Returns the names of so many channels.
    """
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None
    if pictures:
        cases = all_apart(cases, drop_alpha=survey.options.drop_alpha)
    judge = judge_pictures if pictures else judge_headers
    channels = channel_names(judge(survey, cases, 0))
    survey.add(refused_spellings(cases, survey.root, survey.options))
    labels_of = [case.parts[case.label].names for case in cases if case.label is not None]
    names = list(dict.fromkeys(name for own in labels_of for name in own if name))
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
    plain = bool(cases) and all(path.lower().endswith(".nii") for case in cases for path in case.images)
    ending = survey.options.file_ending or (".png" if pictures else ".nii" if plain else ".nii.gz")
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


def refuse_label_options(options: ConvertOptions) -> None:
    """Refuse options that name values: the files' names are the labels, and have no values."""
    given = {"--labels": options.labels, "--map": options.value_map, "--ignore": options.ignore, "--snap": options.snap}
    for option, value in given.items():
        if value:
            raise SegconvError(
                f"{option}: the labels of masks are the names of their files, those of 3D Slicer the names of segments",
                hint="leave it out; segconv labels rename changes names afterwards",
            )


def _cases(survey: Survey) -> list[SourceCase]:
    """Return the cases, training first; what is wrong with one becomes a finding."""
    cases = []
    skipped = []
    folders = class_folders(survey) or find_folders(survey)
    if survey.options.masks is not None and not any(folder.labels for folder in folders):
        raise SegconvError(
            f"--masks {survey.options.masks}: there is no such mask", code="SC011", file=str(survey.root)
        )
    survey.add(_other_modalities(folders))
    survey.add(rival_masks(folders, survey.root, survey.options))
    for folder in folders:
        split = folder.split
        if not folder.images:
            survey.error(
                "SC081",
                "lies beside no image",
                file=folder.labels[0].path,
                hint=f"call it {', '.join(IMAGE_NAMES[:4])}; or --image NAME, or --images DIR",
            )
            continue
        absent = [name for name in survey.options.image if name not in folder.images]
        if absent:
            file = next(iter(folder.images.values())).path
            survey.error("SC084", f"lies beside no {' and no '.join(absent)}, which --image names", file=file)
            continue
        if not folder.labels and split == TRAIN:
            file = next(iter(folder.images.values())).path
            if survey.options.unlabelled == "skip":
                skipped.append(file)
                continue
            if survey.options.unlabelled != "test":
                survey.error("SC080", "has no masks", file=file, hint="add them, or --unlabelled skip|test")
                continue
            split = TEST
        name = (folder.name if survey.options.case_names == "path" else folder.own_name) or survey.root.name
        try:
            cases.append(with_patient(_case(survey.root, folder, name, split, survey.options)))
        except SegconvError as error:
            error.file = survey.shown(error.file)
            survey.collect(error)
    survey.notes += skipped_note(skipped)
    survey.add(refused_raters(cases, survey.root, survey.options))
    return sorted(cases, key=lambda case: case.split != TRAIN)


def _other_modalities(folders: Sequence[CaseFolder]) -> list[Finding]:
    """Return an error for each case whose images are of another modality by their names than those of most cases."""
    looks: dict[tuple[str, ...], list[CaseFolder]] = {}
    for folder in folders:
        words = {name.lower().removeprefix(f"{folder.own_name.lower()}_") for name in folder.images}
        if look := tuple(sorted({_MODALITIES[word] for word in words if word in _MODALITIES})):
            looks.setdefault(look, []).append(folder)
    usual = max(looks, key=lambda look: len(looks[look]), default=())
    return [
        Finding(
            "SC084",
            f"is {' and '.join(look)} by its name, the images of most cases are {' and '.join(usual)}",
            file=next(iter(folder.images.values())).path,
            hint="rename it if it is not; or make a dataset of each, with --cases",
        )
        for look, odd in looks.items()
        if look != usual
        for folder in odd
    ]


def _case(root: Path, folder: CaseFolder, name: str, split: str, options: ConvertOptions) -> SourceCase:
    def resolved(unit: Unit) -> str:
        external = options.allow_external or unit.folder.startswith("/")
        if unit.parts is None:
            return resolve_inside(root / unit.path, root, external=external)
        path = str(root / unit.path)
        files = tuple(resolve_inside(Path(file), root, external=external) for file in unit.parts.files)
        parts[path] = replace(unit.parts, files=files)
        return path

    parts: dict[str, Parts] = {}
    images = tuple(resolved(unit) for unit in folder.images.values())
    parts |= {path: Parts(DETACHED, (path, *more)) for path in images if (more := companions_of(path))}
    if not folder.labels:
        return SourceCase(case_identifier(name), name, images, None, split, parts=parts)
    if folder.segmentations:
        if folder.masks:
            raise SegconvError(
                f"lies beside {listed(folder.segmentations)}, and is no segmentation",
                code="SC085",
                file=next(iter(folder.masks.values())).path,
                hint="--image NAME if it is the image; --images GLOB --masks GLOB takes image and segmentation only",
            )
        segmented = [resolved(unit) for unit in sorted(folder.segmentations, key=lambda unit: unit.path)]
        label = segmented[0] if len(segmented) == 1 else str(root / folder.segmentations[0].folder)
        parts |= parts_of(segmented, label, options.masks)
    else:
        files = {mask: resolved(unit) for mask, unit in sorted(folder.masks.items(), key=_by_name)}
        label = str(root / next(iter(folder.masks.values())).folder)
        detached = next((path for path in files.values() if companions_of(path)), None)
        if detached is not None:
            raise SegconvError(
                "is a mask in two files", code="SC063", file=detached, hint="save masks as .nrrd, .mha or .nii.gz"
            )
        places = tuple(folder.places[mask] for mask in files if folder.places)
        parts[label] = Parts(LAYERS, tuple(files.values()), tuple(files), places)
    return SourceCase(case_identifier(name), name, images, label, split, parts=parts)


def _by_name(item: tuple[str, Unit]) -> Any:
    """Sort masks as people do: ``rib_2`` before ``rib_10``."""
    return stack.natural_key(item[0])


def _complete(survey: Survey, cases: list[SourceCase], names: Sequence[str]) -> list[SourceCase]:
    """Return the cases that have a mask for each class; a segmentation need not list what it does not show."""
    complete = []
    for case in cases:
        own = set() if case.label is None or case.form(case.label) == SEGMENTS else set(case.parts[case.label].names)
        missing = [name for name in names if own and name not in own]
        places = case.label is not None and case.parts[case.label].places
        file = survey.shown(case.images[0] if places else str(case.label))
        told = f"lacks {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}"
        if missing and survey.options.missing_masks != "empty":
            survey.error(
                "SC080",
                f"{told}, which other cases have",
                file=file,
                hint="add the masks; or --missing-masks empty, if what they show is not there in this case",
            )
            continue
        if missing:
            survey.warn("SC080", f"{told}; counted as empty", file=file)
        complete.append(case)
    return complete


def _channel_names(survey: Survey, cases: Sequence[SourceCase], count: int, *, pictures: bool) -> tuple[str, ...]:
    if survey.options.channels:
        if cases and count and len(survey.options.channels) != count:
            survey.error(
                "SC084", f"--channels names {count_of(len(survey.options.channels), 'channel')}, the cases have {count}"
            )
        return survey.options.channels
    if cases and len(cases[0].images) == count > 1:
        return tuple(survey.options.image or (Path(volumes.strip_ending(path)).name for path in cases[0].images))
    if pictures:
        separate = all_apart(cases[:1], drop_alpha=survey.options.drop_alpha)
        colours = not any(case.parts != own.parts for case, own in zip(separate, cases, strict=False))
        names = {0: ("gray",), 1: ("gray",)} | ({3: ("R", "G", "B")} if colours else {})
        return names.get(count, tuple(f"channel_{n}" for n in range(count)))
    return ("image",) if count <= 1 else tuple(f"channel_{n}" for n in range(count))


def _stored(cases: Sequence[SourceCase], compiled: Compiled | None, ending: str) -> StoredLabel:
    """Return how masks of a case are stored that has none of its own: as those of the others."""
    files: dict[str, str] = {}
    places: dict[str, str] = {}
    for case in cases:
        if case.label is not None and case.form(case.label) == LAYERS:
            parts = case.parts[case.label]
            places |= dict(zip(parts.names, parts.places, strict=False))
            for name, file in zip(parts.names, parts.files, strict=True):
                files.setdefault(name, Path(file).name + (ending if file in case.parts else ""))
    masks = compiled.masks_of if compiled is not None else {}
    stored = tuple(
        StoredMask(name, files.get(name, name + ending), 1, "uint8", tuple(values), places.get(name))
        for name, values in masks.items()
    )
    return StoredLabel(ending, "uint8", mode="gray", depth=8, form=LAYERS, masks=stored)


SOURCE = Kind(
    name=KIND,
    summary="masks of one class each, or segmentations of 3D Slicer",
    heeds=FOUND_BY_NAME | {"spacing_mm", "image", "priority", "max_heads", "missing_masks"},
    recognise=recognise,
    scan=scan,
)
