"""Find the cases of masks that may overlap, and recognise them.

See `sources.masks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...dataset.lineage import TRAIN
from ...dataset.names import case_identifier
from ...errors import Cure, SegconvError
from ...image import raster, stack, volumes
from ...words import count_of
from ..bands import all_apart
from ..classes.class_folders import class_folders
from ..find.cases import CaseFiles, finished
from ..find.channels import numbered_names, refuse_other_count
from ..find.globs import listed
from ..find.mask_folders import IMAGE_NAMES, CaseFolder, find_folders, may_hold_images
from ..find.roles import MASK, role_of_stem
from ..judge.candidates import judge_rivals
from ..judge.named_ct import name_only_channel
from ..model import LAYERS, Parts, Scan, SourceCase
from ..survey import Survey
from ..tree import Unit
from ..volumes.series_patient import with_patient
from ..volumes.volume_units import companions_of

_MODALITIES = {"ct": "CT", "mr": "MR", "mri": "MR"}


def evidence(survey: Survey) -> str | None:
    """Return the evidence for masks of classes, or None."""
    if not (folders := _complete_folders(survey)):
        return None
    if any(folder.segmentations for folder in folders):
        return f"{folders[0].name}/ with a .seg.nrrd file" if len(folders) == 1 else f"{len(folders)} .seg.nrrd files"
    first = next(filter(_holds_classes, folders), None)
    if first is None or _may_be_objects(folders):
        return None
    names = ", ".join(list(first.masks)[:3])
    return f"{count_of(len(folders), 'folder')} with an image and a mask for each class ({names} …)"


def _complete_folders(survey: Survey) -> list[CaseFolder]:
    """Return the folders with images and labels; none if other files, or their names, contradict this layout."""
    if not may_hold_images(survey.again()):
        return []
    labelled = [folder for folder in find_folders(survey.again()) if folder.labels]
    complete = [folder for folder in labelled if folder.images]
    lone = [unit for folder in labelled if not folder.images for unit in folder.labels]
    return complete if _are_strays(lone, complete) and not any(map(_pairs, complete)) else []


def _holds_classes(folder: CaseFolder) -> bool:
    return len(folder.masks) > 1 or role_of_stem(next(iter(folder.masks)))[0] != MASK


def _are_strays(lone: Sequence[Unit], folders: Sequence[CaseFolder]) -> bool:
    """Return whether there are no labels without an image, or a few volumes, which are reported when cases are read.

    Pictures without an image may be anything.
    """
    return not lone or (len(lone) < len(folders) and all(raster.ending_of(unit.path) is None for unit in lone))


def _may_be_objects(folders: Sequence[CaseFolder]) -> bool:
    """Return whether masks are pictures that may each show an object of one picture, unless the user says otherwise."""
    pictures = all(raster.ending_of(unit.path) for folder in folders for unit in folder.masks.values())
    apart = any(image.folder != folder.name for folder in folders for image in folder.images.values())
    return pictures and (apart or not _name_classes(folders))


def _pairs(folder: CaseFolder) -> bool:
    """Return whether images and masks in separate folders share names, which makes them cases, not classes of one."""

    def cases(units: Mapping[str, Unit], place: str) -> set[str]:
        return {role_of_stem(name)[1] or name for name, unit in units.items() if unit.folder != place}

    return bool(cases(folder.images, folder.name) & cases(folder.masks, folder.name))


def _name_classes(folders: Iterable[CaseFolder]) -> bool:
    """Return whether the names of masks mean classes: they recur in other cases, and are not numbers."""
    seen: set[str] = set()
    for folder in folders:
        names = {name for name in folder.masks if not name.isdecimal()}
        if names & seen:
            return True
        seen |= names
    return False


def scan(survey: Survey, kind: str) -> Scan:
    """Find the cases, read every mask to know which overlap, and compile the labels.

    Parameters
    ----------
    kind
        Name of the kind of source, for what is found.
    """
    from ..classes.compiled_scan import compiled_scan, refuse_label_options

    refuse_label_options(survey.options)
    cases = finished(survey, _cases(survey))
    survey.refuse_no_case(
        cases,
        "holds no folder with an image and masks",
        hint="name files as CASE/ct.nii.gz and CASE/segmentations/CLASS.nii.gz, or series CASE/ct and CASE/masks/CLASS",
    )
    pictures = bool(cases) and raster.ending_of(cases[0].images[0]) is not None

    def named(count: int) -> tuple[str, ...]:
        return _channel_names(survey, cases, count, pictures=pictures)

    return compiled_scan(survey, kind, cases, named)


def _cases(survey: Survey) -> list[SourceCase]:
    """Return the cases, training cases first; errors in one go to the survey."""
    from ..classes.segmented import judge_raters

    folders = class_folders(survey) or find_folders(survey)
    if survey.options.masks is not None and not any(folder.labels for folder in folders):
        raise SegconvError(f"no mask is called {survey.options.masks}", code="SC011", file=str(survey.root))
    _judge_modalities(survey, folders)
    judge_rivals(survey, folders)
    cases = []
    known = any(folder.images for folder in folders)
    for folder in folders:
        split = _split_of(survey, folder, known=known)
        if split is not None:
            with survey.judging():
                cases.append(with_patient(_case(survey, folder, split)))
    judge_raters(survey, cases)
    return sorted(cases, key=lambda case: case.split != TRAIN)


def _split_of(survey: Survey, folder: CaseFolder, *, known: bool) -> str | None:
    """Return the split of a case; None if it is left out, or lacks its image or masks.

    Parameters
    ----------
    known
        Whether images are known in other cases.
    """
    if not folder.images:
        hint = "add the image, or remove the masks" if known else f"call it {', '.join(IMAGE_NAMES[:4])}"
        cures = () if known else (Cure("name_image_of_case"), Cure("name_image_folder"))
        survey.error("SC081", "has no image beside it", file=folder.labels[0].path, hint=hint, cures=cures)
        return None
    file = next(iter(folder.images.values())).path
    absent = [name for name in survey.options.image if name not in folder.images]
    if absent:
        survey.error("SC084", f"has no {' and no '.join(absent)} beside it, named as the image of a case", file=file)
        return None
    if folder.labels or folder.split != TRAIN:
        return folder.split
    return survey.split_without_label(file, "has no masks")


def _judge_modalities(survey: Survey, folders: Sequence[CaseFolder]) -> None:
    """Add an error for each case whose images, by name, have another modality than those of most cases."""
    looks: dict[tuple[str, ...], list[CaseFolder]] = {}
    for folder in folders:
        words = {name.lower().removeprefix(f"{folder.own_name.lower()}_") for name in folder.images}
        if look := tuple(sorted({_MODALITIES[word] for word in words if word in _MODALITIES})):
            looks.setdefault(look, []).append(folder)
    usual = max(looks, key=lambda look: len(looks[look]), default=())
    for look, folder in ((look, folder) for look, odd in looks.items() if look != usual for folder in odd):
        survey.error(
            "SC084",
            f"is {' and '.join(look)} by its name, the images of most cases are {' and '.join(usual)}",
            file=next(iter(folder.images.values())).path,
            hint="rename it if it is not",
            cures=(Cure("take_some_cases"),),
        )


def _case(survey: Survey, folder: CaseFolder, split: str) -> SourceCase:
    name = (folder.name if survey.options.case_names == "path" else folder.own_name) or survey.root.name
    files = CaseFiles(survey)
    images = tuple(map(files.path, folder.images.values()))
    label = None
    if folder.segmentations:
        label = _segmentations(survey, folder, files)
    elif folder.masks:
        label = _masks(survey, folder, files)
    return SourceCase(case_identifier(name), name, images, label, split, parts=files.parts)


def _segmentations(survey: Survey, folder: CaseFolder, files: CaseFiles) -> str:
    """Add the segmentations of a case to its files; return the path of its label."""
    from ..classes.segmented import parts_of

    if folder.masks:
        raise SegconvError(
            f"is beside {listed(folder.segmentations)}, and is not a segmentation",
            code="SC085",
            file=next(iter(folder.masks.values())).path,
            hint="make it a segment as well, or move it out of the source",
            cures=(Cure("name_images_and_masks"),),
        )
    paths = [files.path(unit) for unit in sorted(folder.segmentations, key=lambda unit: unit.path)]
    label = paths[0] if len(paths) == 1 else str(survey.root / folder.segmentations[0].folder)
    files.parts |= parts_of(paths, label, survey.options.masks)
    return label


def _masks(survey: Survey, folder: CaseFolder, files: CaseFiles) -> str:
    """Add the masks of a case to its files, ``rib_2`` before ``rib_10``; return the path of its label."""
    masks = dict(sorted(folder.masks.items(), key=lambda item: stack.natural_key(item[0])))
    paths = {name: files.path(unit) for name, unit in masks.items()}
    detached = next((path for path in paths.values() if companions_of(path)), None)
    if detached is not None:
        hint = "save masks as .nrrd, .mha or .nii.gz"
        raise SegconvError("is a mask in two files", code="SC063", file=detached, hint=hint)
    label = str(survey.root / next(iter(folder.masks.values())).folder)
    places = tuple(folder.places[name] for name in masks if folder.places)
    files.parts[label] = Parts(LAYERS, tuple(paths.values()), tuple(masks), places)
    return label


def _channel_names(survey: Survey, cases: Sequence[SourceCase], count: int, *, pictures: bool) -> tuple[str, ...]:
    if survey.options.channels:
        refuse_other_count(survey, count, "the cases have")
        return survey.options.channels
    if count <= 1:
        return ("gray",) if pictures else name_only_channel(survey, cases)
    if len(cases[0].images) == count:
        return survey.options.image or tuple(Path(volumes.strip_ending(path)).name for path in cases[0].images)
    if pictures and count == 3 and _hold_colours(survey, cases):
        return ("R", "G", "B")
    return numbered_names(count)


def _hold_colours(survey: Survey, cases: Sequence[SourceCase]) -> bool:
    """Return whether the channels of pictures are colours, rather than bands that become one file each."""
    apart = all_apart(cases[:1], drop_alpha=survey.options.drop_alpha)
    return all(case.parts == own.parts for case, own in zip(cases, apart, strict=False))
