"""Pictures and masks: PNG, TIFF, BMP and JPEG in, in whatever folders they lie and however masks code their labels.

A mask codes its labels as grey values or palette indices, as stored: 0/255, 0 1 2 …; or as colours
with alpha, where a table says which. How images and masks are told apart and brought together is `pairing`'s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ... import reading
from ...dataset.labels import RGB
from ...dataset.stored_label import StoredLabel
from ...errors import Finding, SegconvError
from ...image import raster
from ...image.picture import PictureHeader
from ...words import count_of
from ..bands import KIND as BANDS_KIND
from ..bands import apart, as_bands, may_have_alpha, refuse_as_mask
from ..find.cases import cases_of, finished
from ..find.lists import pair_by_list
from ..find.pairing import Pair, Pairing, images_alone, pair_units
from ..find.patterns import pair_by_patterns
from ..find.roles import IMAGE, MASK, place_of, role_of_stem
from ..find.several_masks import united
from ..labels.lossy import judge_lossy
from ..labels.picture_labels import table_of_pictures
from ..labels.set_coding import judge_polarity
from ..model import INSTANCES, Scan, SourceCase
from ..survey import Survey
from ..tree import Unit, units_in
from .kind import FOUND_BY_NAME, Kind

KIND = "png"
_UNREAD = (".gif", ".webp", ".jp2", ".heic", ".ppm", ".pgm", ".npy", ".npz", ".mat", ".svg")
ENDING = ".png"


def recognise(survey: Survey) -> str | None:
    """Return what speaks for pictures and masks, or None."""
    root = survey.root
    if reading.is_folder(root / "imagesTr") and reading.is_folder(root / "labelsTr"):
        return None  # nnU-Net's own folders belong to a dataset.json, and without one nobody knows what is in them
    units, others = units_in(survey.again(), raster.ending_of)
    if not units:
        return None
    pairing = pair_units(units)
    if not any(pair.labels for pair in pairing.pairs) and not pairing.folders:
        if (unread := _unread_masks(others)) is not None:
            return f"masks as {unread} files"
        roles = {place_of(unit.folder).role for unit in units}
        return "folders called as images and as masks" if {IMAGE, MASK} <= roles else None
    kinds = sorted({unit.ending.lower().lstrip(".").replace("jpeg", "jpg").upper() for unit in units})
    return f"{pairing.evidence} with {' and '.join(kinds)} pictures"


def scan(survey: Survey) -> Scan:
    """Find pictures and masks, judge every header, and settle the labels."""
    pairing = _pairing(survey)
    survey.add(pairing.findings)
    survey.notes += pairing.notes
    cases = finished(survey, cases_of(survey, pairing.pairs))
    names = _named_channels(survey, pairing.pairs)
    pairing.pairs.clear()  # of 100,000 pairs, no more is kept than their cases
    if not cases and not survey.failed:
        survey.error(
            "SC011",
            "holds no known pair of folders",
            file=str(survey.root),
            hint="known are training/{input,output}, images and masks, and the like; or --images GLOB --masks GLOB",
        )
    objects = sum(case.form(case.label) == INSTANCES for case in cases if case.label is not None)
    if objects and not survey.options.unite_masks:
        survey.note("masks of one object each are united; single objects do not come back")
    headers = _headers(survey, cases)
    labels = [path for case in cases if case.label is not None for path in case.files_of(case.label)]
    judge_lossy(survey, {path: headers[path] for path in labels if path in headers})
    cases = [apart(case, headers) for case in cases]
    channels = _channels(survey, cases, headers, names, grey_to_rgb=survey.options.grey_to_rgb)
    unnamed = [path for case in cases for path in case.images if path in headers and may_have_alpha(headers[path])]
    if unnamed and not survey.options.channels:
        what = f"the file does not name the last of {headers[unnamed[0]].samples} samples of {survey.shown(unnamed[0])}"
        survey.note(f"{what}: it stays a channel, which --channels names; if it is alpha, --drop-alpha leaves it out")
    if survey.options.channels and len(survey.options.channels) != len(channels):
        survey.error(
            "SC084",
            f"--channels names {count_of(len(survey.options.channels), 'channel')}, the pictures have {len(channels)}",
            hint=f"without --channels they are called {', '.join(channels)}",
        )
    survey.add(
        judge_polarity(
            {survey.shown(path): headers[path].white_is_zero for path in _grey_images(cases, headers)}, "picture"
        )
    )
    label_map = table_of_pictures(survey, cases, headers)
    stored = StoredLabel(ENDING, "uint8", mode="gray", depth=8)
    masks = [headers[case.label] for case in cases if case.label in headers]
    if label_map.coding == RGB:
        mode = "RGBA" if max(label_map.forward) >= 1 << 24 else "RGB"
        if masks and all(header.kind == "gray+alpha" for header in masks):
            mode = "gray+alpha"
        stored = replace(stored, mode=mode)
    elif max(label_map.forward) > 255:
        stored = replace(stored, dtype="uint16", depth=16)
    elif masks and all(header.kind == "gray" and header.depth == 1 for header in masks):
        stored = replace(stored, depth=1)
    return Scan(
        kind=KIND,
        root=survey.root,
        cases=tuple(cases),
        channel_names=survey.options.channels or channels,
        label_map=label_map,
        file_ending=survey.options.file_ending or ENDING,
        label_file=stored,
    )


def _pairing(survey: Survey) -> Pairing:
    if survey.options.pairs is not None:
        return pair_by_list(survey.options.pairs, survey.root, raster.strip_ending)
    units, others = units_in(survey, raster.ending_of)
    if survey.options.images:
        return pair_by_patterns(units, survey.options.images, survey.options.masks, survey.root)
    if survey.options.masks is not None:
        raise SegconvError("--masks needs --images", hint="give both patterns")
    if not units:
        return Pairing()
    pairing = pair_units(units)
    if any(finding.code == "SC063" for finding in pairing.findings):
        pairing = pair_units(_without_stores(units, survey.root))
    if not any(pair.labels for pair in pairing.pairs) and (unread := _unread_masks(others)) is not None:
        raise SegconvError(
            f"holds masks as {unread} files, expected {', '.join(ending.lstrip('.') for ending in raster.ENDINGS)}",
            code="SC051",
            file=str(survey.root),
            hint="save the masks as PNG, which keeps every value",
        )
    refused, told = united(pairing.several, wanted=survey.options.unite_masks)
    pairing.findings += refused
    pairing.notes += told
    paired = any(pair.labels for pair in pairing.pairs)
    if survey.options.unlabelled == "test" and not paired and (alone := images_alone(units)) is not None:
        return alone
    return pairing


def _without_stores(units: Sequence[Unit], root: Path) -> list[Unit]:
    """Return the files but those of folders that hold nothing else than what links elsewhere in the source lead to."""
    paths = [root / unit.path for unit in units]
    targets = {os.path.realpath(path) for path in paths if path.is_symlink()}
    by_folder: dict[str, list[Path]] = {}
    for unit, path in zip(units, paths, strict=True):
        by_folder.setdefault(unit.folder, []).append(path)
    stores = {
        folder for folder, own in by_folder.items() if all(os.fspath(p) in targets and not p.is_symlink() for p in own)
    }
    return [unit for unit in units if unit.folder not in stores]


def _unread_masks(others: Mapping[str, list[str]]) -> str | None:
    """Return the kind of masks that lie in a folder of masks and are of a format that is not read."""
    for folder, names in others.items():
        if place_of(folder).role == MASK:
            for name in names:
                ending = Path(name).suffix.lower()
                if ending in _UNREAD:
                    return ending.lstrip(".").upper()
    return None


def _headers(survey: Survey, cases: Iterable[SourceCase]) -> dict[str, PictureHeader]:
    """Return path → header of all files; what cannot be used, or does not fit together, becomes a finding."""
    headers: dict[str, PictureHeader] = {}
    looks: dict[PictureHeader, PictureHeader] = {}  # most pictures of a set are alike
    for case in cases:
        for path in case.files:
            try:
                found = as_bands(raster.probe_file(path), drop_alpha=survey.options.drop_alpha and path in case.images)
                if path not in case.images:
                    refuse_as_mask(found)
                headers[path] = looks.setdefault(found, found)
            except SegconvError as error:
                survey.collect(error, survey.shown(path))
        image = headers.get(case.images[0])
        for path in (*case.images[1:], *(case.files_of(case.label) if case.label is not None else ())):
            other = headers.get(path)
            if image and other and (image.width, image.height) != (other.width, other.height):
                survey.error(
                    "SC082",
                    f"has {other.width}×{other.height} pixels, its picture {image.width}×{image.height}",
                    file=survey.shown(path),
                    hint="check that both are of one case",
                )
        for path in case.files:
            header = headers.get(path)
            if header is not None and header.pages > 1:
                survey.error(
                    "SC084",
                    f"holds {header.pages} pages, expected one picture",
                    file=survey.shown(path),
                    hint="--from pairs --spacing X,Y,Z makes a volume of the pages; or save each as a picture",
                )
    return headers


@dataclass(frozen=True)
class _Look:
    """What all pictures of a set have in common: channels and bits a sample."""

    channels: int
    wide: bool
    apart: bool = False

    def __str__(self) -> str:
        files = " in files of their own" if self.apart and self.channels > 1 else ""
        return f"{count_of(self.channels, 'channel')}{files} of {16 if self.wide else 8} bits"


def _named_channels(survey: Survey, pairs: Iterable[Pair]) -> tuple[str, ...]:
    """Return what channels in files of their own are called, on which all cases must agree; empty if there are none."""
    keys: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        keys.setdefault(tuple(sorted(pair.images)) if len(pair.images) > 1 else (), []).append(pair)
    usual = max(keys, key=lambda key: len(keys[key]), default=())
    for key, odd in keys.items():
        if key != usual:
            survey.add(
                [
                    Finding(
                        "SC084",
                        f"has {_of_channels(key)}; most cases have {_of_channels(usual)}",
                        file=next(iter(pair.images.values())).path,
                        hint="add or remove files, so that all cases have the same",
                    )
                    for pair in odd
                ]
            )
    numbers = [name for name in usual if re.fullmatch(r"\d{4}", name)]
    if numbers and [int(name) for name in numbers] != list(range(len(numbers))):
        what = f"channels are numbered {', '.join(numbers)}, expected 0000 to {len(numbers) - 1:04d}"
        survey.error("SC084", what, file=next(iter(keys[usual][0].images.values())).path, hint="rename the files")
    return usual


def _of_channels(key: tuple[str, ...]) -> str:
    return f"a file for each of {', '.join(key)}" if key else "one file"


def _grey_images(cases: Iterable[SourceCase], headers: Mapping[str, PictureHeader]) -> list[str]:
    paths = (path for case in cases for path in case.images)
    return [path for path in paths if path in headers and headers[path].kind == "gray"]


def _channels(
    survey: Survey,
    cases: Sequence[SourceCase],
    headers: dict[str, PictureHeader],
    names: tuple[str, ...],
    *,
    grey_to_rgb: bool,
) -> tuple[str, ...]:
    """Return the channel names, on which all pictures must agree: nnU-Net finds out after hours that one has four."""
    looks: dict[_Look, list[SourceCase]] = {}
    for case in cases:
        if len(case.images) != max(len(names), 1):
            continue  # told already
        own = [headers[path] for path in case.images if path in headers]
        if len(own) == len(case.images):
            channels, wide = sum(header.channels for header in own), any(header.depth > 8 for header in own)
            if grey_to_rgb and len(own) == channels == 1:
                channels = 3
            look = _Look(channels, wide, any(header.kind == BANDS_KIND for header in own))
            looks.setdefault(look, []).append(case)
    usual = max(looks, key=lambda look: len(looks[look]), default=_Look(1, False))
    for look, odd in looks.items():
        if look != usual:
            fuller = odd if look.channels > usual.channels else looks[usual]
            with_alpha = all(may_have_alpha(headers[case.images[-1]]) for case in fuller)
            survey.add(
                [
                    Finding(
                        "SC084",
                        f"is {' and '.join(str(headers[path]) for path in case.images)}; most pictures have {usual}",
                        file=survey.shown(case.images[0]),
                        hint=_hint(look, usual, with_alpha=with_alpha),
                    )
                    for case in odd
                ]
            )
    if len(names) == usual.channels:
        return tuple(f"channel_{int(name)}" if name.isdecimal() else role_of_stem(name)[1] or name for name in names)
    if usual.channels == 1:
        return ("gray",)
    if usual.channels == 3 and not usual.apart:
        return ("R", "G", "B")
    return tuple(f"channel_{n}" for n in range(usual.channels))


def _hint(look: _Look, usual: _Look, *, with_alpha: bool) -> str:
    """Return what settles that pictures are of two kinds."""
    fewer, more = sorted((look, usual), key=lambda one: one.channels)
    if more.channels == fewer.channels + 1 and more.wide == fewer.wide and with_alpha and not fewer.apart:
        whose = "its" if look is more else "the others'"
        return f"--drop-alpha leaves out {whose} last channel, if that is alpha; or convert all to one kind"
    grey_among_rgb = {(1, False), (3, False)} == {(one.channels, one.apart) for one in (look, usual)}
    if grey_among_rgb and look.wide == usual.wide:
        return "--grey-to-rgb writes grey pictures as RGB; or convert it to the kind of the others"
    return "convert it to the kind of the others"


SOURCE = Kind(
    name=KIND,
    summary="pictures and their masks",
    heeds=FOUND_BY_NAME | {"pairs", "unite_masks", "grey_to_rgb"},
    recognise=recognise,
    scan=scan,
)
