"""Find the cases of pictures and masks, and recognise them; `pairing` distinguishes images and masks, and matches them.

See `sources.png`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...dataset.label_table import LabelTable
from ...dataset.labels import RGB
from ...dataset.stored_label import StoredLabel
from ...errors import Cure, SegconvError
from ...image import raster
from ...image.picture import PictureHeader
from ...image.picture_headers import PictureHeaders, distinct
from ..bands import KIND as BANDS
from ..bands import apart, as_bands, may_have_alpha, planes_in, refuse_planes
from ..case_list import alike
from ..find.cases import cases_instead_of, finished
from ..find.channels import refuse_other_count, usual_files
from ..find.pairing import images_alone, pair_units
from ..find.pairs import Pairing
from ..find.patterns import pair_as_told
from ..find.roles import IMAGE, MASK, place_of
from ..find.several_masks import unite
from ..judge.picture_channels import channels_of_pictures
from ..judge.swapped import name_swapped
from ..labels.picture_labels import table_of_pictures
from ..labels.set_coding import judge_polarity
from ..model import INSTANCES, Scan, SourceCase
from ..survey import Survey
from ..tree import Unit, units_in
from ..uncollected import uncollected

_UNREAD = (".gif", ".webp", ".jp2", ".heic", ".ppm", ".pgm", ".npy", ".npz", ".mat", ".svg")
ENDING = ".png"
_TRIED = "pictures"
"""Name of what recognising has found out."""
_DICOM = {".dcm", ".ima"}
"""Endings of files of DICOM."""


def evidence(survey: Survey, units: Sequence[Unit], others: Mapping[str, Sequence[str]]) -> str | None:
    """Return the evidence for pictures and masks, or None.

    Parameters
    ----------
    units
        The pictures of the source.
    others
        The names of all other files, by folder.
    """
    pairing = pair_units(units)
    survey.listing.tried[_TRIED] = units, pairing
    if not pairing.pairs and _hold_dicom(others):
        return None  # masks of slices
    if not pairing.paired and not pairing.folders:
        return _unpaired(units, others)
    endings = {unit.ending for unit in units}
    kinds = sorted({ending.lower().lstrip(".").replace("jpeg", "jpg").upper() for ending in endings})
    return f"{pairing.evidence} with {' and '.join(kinds)} pictures"


def _unpaired(units: Sequence[Unit], others: Mapping[str, Sequence[str]]) -> str | None:
    """Return the evidence for pictures of which none has a mask that is read, or None."""
    if (unread := _unread_masks(others)) is not None:
        return f"masks as {unread} files"
    roles = {place_of(unit.folder).role for unit in units}
    return "folders named as images and as masks" if {IMAGE, MASK} <= roles else None


def _hold_dicom(others: Mapping[str, Sequence[str]]) -> bool:
    return any(Path(name).suffix.lower() in _DICOM for own in others.values() for name in own)


def scan(survey: Survey, kind: str) -> Scan:
    """Find pictures and masks, judge every header, and settle the labels.

    Parameters
    ----------
    kind
        Name of the kind of source, for what is found.
    """
    with uncollected():
        cases, files = _cases(survey)
        heads, nbytes, largest = _headers(survey, cases)
    kinds = distinct(heads)
    if any(head.lossy for head in kinds):
        from ..labels.lossy import judge_lossy

        judge_lossy(survey, {path: heads[path] for case in cases for path in case.label_files if path in heads})
    if any(head.kind == BANDS for head in kinds):
        cases = [apart(case, heads) for case in cases]
    channels = _channels(survey, cases, heads, files, kinds)
    if survey.options.mask_channels:
        from ..classes.channel_masks import usual_planes, with_channels
        from ..classes.compiled_scan import scan_of_masks

        cases = with_channels(survey, cases, lambda _, path: planes_in(heads[path]) if path in heads else None)
        return scan_of_masks(survey, kind, cases, channels, usual_planes(survey, cases))
    label_map = table_of_pictures(survey, cases, heads)
    name_swapped(survey, cases)
    return Scan(
        kind=kind,
        root=survey.root,
        cases=cases,
        channel_names=channels,
        label_map=label_map,
        file_ending=survey.options.file_ending or ENDING,
        label_file=_stored(label_map, _of_labels(cases, heads)),
        nbytes=nbytes,
        largest=largest,
    )


def _cases(survey: Survey) -> tuple[Sequence[SourceCase], tuple[str, ...]]:
    """Return the cases, and the names of their channels if most have a file for each."""
    pairing = _pairing(survey)
    survey.take(pairing)
    channels = survey.again()  # what is found on channels is reported after what is found on names
    files = usual_files(channels, pairing.pairs)
    survey.listing.forget()
    cases = cases_instead_of(survey, pairing.pairs)
    cases = finished(survey, cases)
    survey.take(channels)
    survey.chosen_after = len(survey.findings)  # channels are judged over all cases, also those that are left out
    hint = "known are training/{input,output}, images and masks, and the like"
    cures = (Cure("name_images_and_masks"),)
    survey.refuse_no_case(cases, "holds no known pair of folders", hint=hint, cures=cures)
    _note_unions(survey, cases)
    return cases, files


def _note_unions(survey: Survey, cases: Iterable[SourceCase]) -> None:
    if not survey.options.unite_masks and any(case.label_as(INSTANCES) for case in cases):
        survey.note("masks of one object each are united; single objects do not come back")


def _channels(
    survey: Survey,
    cases: Sequence[SourceCase],
    heads: PictureHeaders,
    files: Sequence[str],
    kinds: Iterable[PictureHeader],
) -> tuple[str, ...]:
    """Return the names of the channels; judge what the images of all cases hold."""
    channels = channels_of_pictures(survey, cases, heads, files)
    of_images = (path for case in cases for path in case.images if path in heads)
    unusual = any(head.white_is_zero or may_have_alpha(head) for head in kinds)
    images = {path: heads[path] for path in of_images} if unusual else {}
    _note_unnamed_sample(survey, images)
    hint = f"they are called {', '.join(channels)} if no names are given"
    refuse_other_count(survey, len(channels), "the pictures have", hint=hint)
    white = {survey.shown(path): head.white_is_zero for path, head in images.items() if head.kind == "gray"}
    survey.add(judge_polarity(white, "picture"))
    return survey.options.channels or channels


def _note_unnamed_sample(survey: Survey, images: Mapping[str, PictureHeader]) -> None:
    unnamed = next(((path, head) for path, head in images.items() if may_have_alpha(head)), None)
    if unnamed is not None and not survey.options.channels:
        path, head = unnamed
        what = f"the file does not name the last of {head.samples} samples of {survey.shown(path)}"
        survey.note(f"{what}: it stays a channel, which can be given a name, or left out if it is alpha")


def _of_labels(cases: Sequence[SourceCase], heads: PictureHeaders) -> list[PictureHeader]:
    """Return the headers of the labels, once for cases that are known to be alike."""
    labels = (some[0].label for some in alike(cases, heads))
    return [heads[label] for label in labels if label is not None and label in heads]


def _stored(label_map: LabelTable, masks: Sequence[PictureHeader]) -> StoredLabel:
    """Return how `restore` stores the label of a case without a mask of its own: in the form of most masks."""
    if label_map.coding == RGB:
        mode = "RGBA" if max(label_map.forward) >= 1 << 24 else "RGB"
        if {head.kind for head in masks} == {"gray+alpha"}:
            mode = "gray+alpha"
        return StoredLabel(ENDING, "uint8", mode=mode, depth=8)
    if max(label_map.forward) > 255:
        return StoredLabel(ENDING, "uint16", mode="gray", depth=16)
    of_bits = {(head.kind, head.depth) for head in masks} == {("gray", 1)}
    return StoredLabel(ENDING, "uint8", mode="gray", depth=1 if of_bits else 8)


def _pairing(survey: Survey) -> Pairing:
    if survey.options.pairs is not None:
        from ..find.lists import pair_by_list

        return pair_by_list(survey.options.pairs, survey.root, raster.strip_ending)
    units, others = units_in(survey, raster.ending_of)
    if (as_told := pair_as_told(survey, units)) is not None:
        return as_told
    tried, found = survey.listing.tried.pop(_TRIED, (None, None))
    pairing: Pairing = found if tried == units else pair_units(units)
    if any(finding.code == "SC063" for finding in pairing.findings):
        pairing = pair_units(_without_stores(units, survey.root))
    if units and not pairing.paired:
        _refuse_unread(survey, others)
    unite(pairing, wanted=survey.options.unite_masks, noun="picture")
    if survey.options.unlabelled == "test" and not pairing.paired:
        return images_alone(units) or pairing
    return pairing


def _refuse_unread(survey: Survey, others: Mapping[str, Sequence[str]]) -> None:
    if (unread := _unread_masks(others)) is not None:
        raise SegconvError(
            f"holds masks as {unread} files, expected {', '.join(ending.lstrip('.') for ending in raster.ENDINGS)}",
            code="SC051",
            file=str(survey.root),
            hint="save the masks as PNG, which keeps every value",
        )


def _without_stores(units: Sequence[Unit], root: Path) -> list[Unit]:
    """Leave out files in folders that hold only the targets of links elsewhere in the source."""
    paths = {unit: os.path.join(root, unit.path) for unit in units}
    links = {unit for unit, path in paths.items() if os.path.islink(path)}
    targets = {os.path.realpath(paths[unit]) for unit in links}
    kept = {unit.folder for unit, path in paths.items() if unit in links or path not in targets}
    return [unit for unit in units if unit.folder in kept]


def _unread_masks(others: Mapping[str, Sequence[str]]) -> str | None:
    """Return the kind of unreadable masks in a folder of masks, by their format, or None."""
    names = (name for folder, own in others.items() if place_of(folder).role == MASK for name in own)
    endings = (Path(name).suffix.lower() for name in names)
    return next((ending.lstrip(".").upper() for ending in endings if ending in _UNREAD), None)


def _headers(survey: Survey, cases: Sequence[SourceCase]) -> tuple[PictureHeaders, int, int]:
    """Return path → header of all files, their size in bytes together, and the decoded size of the largest.

    What cannot be used, or does not fit together, becomes a finding.
    """
    heads = PictureHeaders(lambda: (path for case in cases for path in case.files))
    looks: dict[PictureHeader, PictureHeader] = {}  # most pictures of a set have the same header
    sizes: set[tuple[int, int]] = set()
    before: dict[bool, tuple[PictureHeader | None, PictureHeader | None]] = {True: (None, None), False: (None, None)}
    largest = 0
    with raster.Heads() as files:
        for case in cases:
            images = case.images
            for path in case.files:
                is_image = path in images
                try:
                    stored = files.probe(path)
                    last, head = before[is_image]
                    if head is None or stored is not last:
                        largest = max(largest, stored.value_bytes)
                        head = as_bands(stored, drop_alpha=survey.options.drop_alpha and is_image)
                        head = looks.setdefault(head, head)
                        sizes.add((head.width, head.height))
                        before[is_image] = stored, head
                    heads[path] = head
                except SegconvError as error:
                    del heads[path]
                    survey.collect(error, path)
            if len(sizes) > 1:
                _judge_sizes(survey, case, heads)
    _judge_pages(survey, cases, heads)
    return heads, files.nbytes, largest


def _judge_pages(survey: Survey, cases: Sequence[SourceCase], heads: PictureHeaders) -> None:
    """Add an error for each file with several pages; if all images, or all masks, have some, they may be volumes."""
    if not any(head.pages > 1 or head.kind == BANDS for head in distinct(heads)):
        return
    images = {path for case in cases for path in case.images}
    alike = [{path: head for path, head in heads.items() if (path in images) == is_image} for is_image in (True, False)]
    masks = {} if survey.options.mask_channels else alike.pop()
    slices = any(head.pages > 1 for head in alike[0].values())
    for path in refuse_planes(survey, masks, slices=slices):
        del heads[path], masks[path]
    for own in (alike[0], masks):
        several = [path for path, head in own.items() if head.pages > 1]
        cures = (Cure("read_as_volume"),) if len(several) == len(own) else ()
        for path in several:
            what = f"holds {heads[path].pages} pages, expected one picture"
            survey.error("SC084", what, file=survey.shown(path), hint="save each as a picture", cures=cures)


def _judge_sizes(survey: Survey, case: SourceCase, heads: Mapping[str, PictureHeader]) -> None:
    image = heads.get(case.images[0])
    if image is None:
        return
    for path in dict.fromkeys(case.files):
        head = heads.get(path, image)
        if head.kind == BANDS and path not in case.images and not survey.options.mask_channels:
            continue  # refused as a mask
        if head is not image and (image.width, image.height) != (head.width, head.height):
            survey.error(
                "SC082",
                f"has {head.width}×{head.height} pixels, its picture {image.width}×{image.height}",
                file=survey.shown(path),
                hint="give both files of one case",
            )
