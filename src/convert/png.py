"""Pictures and masks: PNG, TIFF, BMP and JPEG in, in whatever folders they lie and however masks code their labels.

A mask codes its labels as grey values or palette indices, as stored: 0/255, 0 1 2 …; or as colours
with alpha, where a table says which. How images and masks are told apart and brought together is `pairing`'s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import BACKGROUND, GRAY, IGNORE, RGB, LabelMap, dense, grey_of_colour, value_text
from ..errors import Finding, SegconvError
from ..image import raster
from ..image.mask import WITH_ALPHA
from ..image.picture import PictureHeader
from ..image.voxels import label_values, tally
from ..work.readers import ONE, Readers
from .cases import cases_of, finished
from .coding import MOST_SNAPPED
from .colour_tables import find_table, read_table_inside
from .labelling import Declared, settle
from .lists import pair_by_list
from .pairing import Pair, Pairing, images_alone, pair_units
from .patterns import pair_by_patterns
from .pictures import Opened, mask_codes, open_picture
from .read_ahead import read_pictures
from .roles import IMAGE, MASK, place_of, role_of_stem
from .source import (
    INSTANCES,
    ConvertOptions,
    SourceCase,
    SourceScan,
    collect,
    count_of,
    own_name,
    read_source,
    shown,
    stray_note,
)
from .tree import Unit, units_in

KIND = "png"
_UNREAD = (".gif", ".webp", ".jp2", ".heic", ".ppm", ".pgm", ".npy", ".npz", ".mat", ".svg")
ENDING = ".png"
VOID = 255
"""In masks of VOC and Cityscapes, what belongs to no class."""

FEW_VALUES = 8
BLURRED = 0.9
"""Masks with more than `FEW_VALUES` values, two of which make up more than this, have smoothed edges."""


def ending_of(name: str) -> str | None:
    """Return the ending of a picture's name, or None."""
    lower = name.lower()
    return next((ending for ending in raster.ENDINGS if lower.endswith(ending)), None)


def strip_ending(name: str) -> str:
    """Return a picture's name without its ending."""
    return name[: len(name) - len(ending_of(name) or "")]


def recognise(root: Path) -> str | None:
    """Return what speaks for pictures and masks, or None."""
    if (root / "imagesTr").is_dir() and (root / "labelsTr").is_dir():
        return None  # nnU-Net's own folders belong to a dataset.json, and without one nobody knows what is in them
    units, others = units_in(root, ending_of, [])
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


def scan(root: Path, options: ConvertOptions, readers: Readers = ONE) -> SourceScan:
    """Find pictures and masks, judge every header, and settle the labels."""
    findings: list[Finding] = []
    notes: list[str] = []
    pairing = _pairing(root, options, findings, notes)
    findings += pairing.findings
    notes += pairing.notes
    cases = finished(cases_of(pairing.pairs, root, options, findings, notes), root, options, findings)
    names = _named_channels(pairing.pairs, findings)
    pairing.pairs.clear()  # of 100,000 pairs, no more is kept than their cases
    if not cases and not any(f.severity == "error" for f in findings):
        findings.append(
            Finding(
                "SC011",
                "holds no known pair of folders",
                file=str(root),
                hint="known are training/{input,output}, images and masks, and the like; or --images GLOB --masks GLOB",
            )
        )
    if sum(case.form(case.label) == INSTANCES for case in cases if case.label is not None):
        notes.append("masks of one object each are united; single objects do not come back")
    headers = _headers(cases, root, findings, options)
    channels = _channels(cases, headers, root, findings, names)
    if options.channels and len(options.channels) != len(channels):
        findings.append(
            Finding(
                "SC084",
                f"--channels names {count_of(len(options.channels), 'channel')}, the pictures have {len(channels)}",
                hint=f"without --channels they are called {', '.join(channels)}",
            )
        )
    label_map = _label_map(cases, headers, root, findings, notes, options, readers)
    gray = {"ending": ENDING, "dtype": "uint8", "mode": "gray", "depth": 8}
    masks = [headers[case.label] for case in cases if case.label in headers]
    if label_map.coding == RGB:
        gray["mode"] = "RGBA" if max(label_map.forward) >= 1 << 24 else "RGB"
        if masks and all(header.kind == "gray+alpha" for header in masks):
            gray["mode"] = "gray+alpha"
    elif max(label_map.forward) > 255:
        gray |= {"dtype": "uint16", "depth": 16}
    elif masks and all(header.kind == "gray" and header.depth == 1 for header in masks):
        gray["depth"] = 1
    return SourceScan(
        KIND,
        own_name(root),
        root,
        tuple(cases),
        options.channels or channels,
        label_map,
        options.file_ending or ENDING,
        gray,
        {},
        tuple(findings),
        tuple(notes),
    )


def _pairing(root: Path, options: ConvertOptions, findings: list[Finding], notes: list[str]) -> Pairing:
    if options.pairs is not None:
        return pair_by_list(options.pairs, root, strip_ending)
    units, others = units_in(root, ending_of, findings, external=options.allow_external)
    if options.images:
        return pair_by_patterns(units, options.images, options.masks, root)
    if options.masks is not None:
        raise SegconvError("--masks needs --images", hint="give both patterns")
    if not units:
        return Pairing()
    taken = {unit.folder for unit in units}
    for folder, names in others.items():
        if folder in taken:
            notes += stray_note(names, folder or ".")
    pairing = pair_units(units)
    if any(finding.code == "SC063" for finding in pairing.findings):
        pairing = pair_units(_without_stores(units, root))
    if not any(pair.labels for pair in pairing.pairs) and (unread := _unread_masks(others)) is not None:
        raise SegconvError(
            f"holds masks as {unread} files, expected {', '.join(ending.lstrip('.') for ending in raster.ENDINGS)}",
            code="SC051",
            file=str(root),
            hint="save the masks as PNG, which keeps every value",
        )
    paired = any(pair.labels for pair in pairing.pairs)
    if options.unlabelled == "test" and not paired and (alone := images_alone(units)) is not None:
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


def _headers(
    cases: Iterable[SourceCase], root: Path, findings: list[Finding], options: ConvertOptions
) -> dict[str, PictureHeader]:
    """Return path → header of all files; what cannot be used, or does not fit together, becomes a finding."""
    headers: dict[str, PictureHeader] = {}
    looks: dict[PictureHeader, PictureHeader] = {}  # most pictures of a set are alike
    for case in cases:
        for path in case.files:
            try:
                found = raster.probe_file(path)
                headers[path] = looks.setdefault(found, found)
            except SegconvError as error:
                collect(findings, error, shown(path, root))
        image = headers.get(case.images[0])
        for path in (*case.images[1:], *(case.files_of(case.label) if case.label is not None else ())):
            other = headers.get(path)
            if image and other and (image.width, image.height) != (other.width, other.height):
                findings.append(
                    Finding(
                        "SC082",
                        f"has {other.width}×{other.height} pixels, its picture {image.width}×{image.height}",
                        file=shown(path, root),
                        hint="check that both are of one case",
                    )
                )
        for path in case.files_of(case.label) if case.label is not None else ():
            mask = headers.get(path)
            if mask is not None and mask.lossy:
                findings.append(
                    Finding(
                        "SC078",
                        f"is a mask in a lossy format ({mask.format}): compression changed its values",
                        file=shown(path, root),
                        hint="export the mask as PNG",
                    )
                )
        for path in case.files:
            header = headers.get(path)
            if header is not None and header.pages > 1:
                findings.append(
                    Finding(
                        "SC084",
                        f"holds {header.pages} pages, expected one picture",
                        file=shown(path, root),
                        hint="--from pairs --spacing X,Y,Z makes a volume of the pages; or save each as a picture",
                    )
                )
    return headers


@dataclass(frozen=True)
class _Look:
    """What all pictures of a set have in common: channels and bits a sample."""

    channels: int
    wide: bool

    def __str__(self) -> str:
        return f"{count_of(self.channels, 'channel')} of {16 if self.wide else 8} bits"


def _named_channels(pairs: Iterable[Pair], findings: list[Finding]) -> tuple[str, ...]:
    """Return what channels in files of their own are called, on which all cases must agree; empty if there are none."""
    keys: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        keys.setdefault(tuple(sorted(pair.images)) if len(pair.images) > 1 else (), []).append(pair)
    usual = max(keys, key=lambda key: len(keys[key]), default=())
    for key, odd in keys.items():
        if key != usual:
            findings += [
                Finding(
                    "SC084",
                    f"has {_of_channels(key)}; most cases have {_of_channels(usual)}",
                    file=next(iter(pair.images.values())).path,
                    hint="add or remove files, so that all cases have the same",
                )
                for pair in odd
            ]
    numbers = [name for name in usual if re.fullmatch(r"\d{4}", name)]
    if numbers and [int(name) for name in numbers] != list(range(len(numbers))):
        what = f"channels are numbered {', '.join(numbers)}, expected 0000 to {len(numbers) - 1:04d}"
        findings.append(
            Finding("SC084", what, file=next(iter(keys[usual][0].images.values())).path, hint="rename the files")
        )
    return usual


def _of_channels(key: tuple[str, ...]) -> str:
    return f"a file for each of {', '.join(key)}" if key else "one file"


def _channels(
    cases: Sequence[SourceCase],
    headers: dict[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    names: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the channel names, on which all pictures must agree: nnU-Net finds out after hours that one has four."""
    looks: dict[_Look, list[SourceCase]] = {}
    for case in cases:
        if len(case.images) != max(len(names), 1):
            continue  # told already
        own = [headers[path] for path in case.images if path in headers]
        if len(own) == len(case.images):
            look = _Look(sum(header.channels for header in own), any(header.depth > 8 for header in own))
            looks.setdefault(look, []).append(case)
    usual = max(looks, key=lambda look: len(looks[look]), default=_Look(1, False))
    for look, odd in looks.items():
        if look != usual:
            findings += [
                Finding(
                    "SC084",
                    f"is {' and '.join(str(headers[path]) for path in case.images)}; most pictures have {usual}",
                    file=shown(case.images[0], root),
                    hint="convert it to the kind of the others",
                )
                for case in odd
            ]
    if len(names) == usual.channels:
        return tuple(f"channel_{int(name)}" if name.isdecimal() else role_of_stem(name)[1] or name for name in names)
    if usual.channels == 1:
        return ("gray",)
    return ("R", "G", "B") if usual.channels == 3 else tuple(f"channel_{n}" for n in range(usual.channels))


def _label_map(
    cases: list[SourceCase],
    headers: dict[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    notes: list[str],
    options: ConvertOptions,
    readers: Readers,
) -> LabelMap:
    """Return the label map; what cannot be settled becomes a finding, so that all are told at once."""
    found: dict[int, _Seen] | None = None
    coding = GRAY
    try:
        declared = _declared(cases, root, notes, options) if options.labels is None else None
        if cases and declared is None and options.labels is None and all(case.label is None for case in cases):
            raise SegconvError(
                "no case has a label, and nothing else tells which labels there are",
                code="SC074",
                hint=f"--labels {BACKGROUND}=0,NAME=1, as the model has them that is to predict the cases",
            )
        if declared is None and options.labels is None and not any(f.severity == "error" for f in findings):
            found, coding = _values(cases, headers, root, findings, readers)
        if not any(f.severity == "error" for f in findings):
            settled = settle(options, declared, found, coding)
            if found and coding == GRAY and not options.accept_labels and _smoothed(found) == max(found):
                # Smooth enough, a mask holds every value up to 255, and would pass for one of as many classes.
                raise SegconvError(f"the label files hold {len(found)} values, which nobody declared", code="SC074")
            return settled
    except SegconvError as error:
        if found and not error.file and error.code in ("SC074", "SC078"):
            _tell_rarest(error, found, coding)
        collect(findings, error)
    return dense({BACKGROUND: 0, "foreground": 1})


@dataclass(frozen=True)
class _Seen:
    """How often a value occurs in all masks, and the first file that holds it."""

    pixels: int
    file: str

    def __add__(self, other: _Seen) -> _Seen:
        return _Seen(self.pixels + other.pixels, self.file)


def _tell_rarest(error: SegconvError, found: Mapping[int, _Seen], coding: str) -> None:
    """Say of values that nobody declared which is the rarest: it is the one most likely to be a mistake."""
    rarest = min(found, key=lambda value: found[value].pixels)
    seen = found[rarest]
    error.file = seen.file
    error.message += (
        f"; the rarest is {value_text(rarest, coding)}, {count_of(seen.pixels, 'pixel')} in all, first here"
    )
    if coding != GRAY:
        return
    if (ink := _smoothed(found)) is not None:
        error.message += f"; nearly all pixels are 0 or {ink}, as in a mask that was smoothed or resized"
        error.hint = (
            "export the masks without smoothing;"
            f" or --labels {BACKGROUND}=0,foreground={ink} --snap {ink // 2} takes the nearest"
        )
        return
    classes = sorted(found)[:-1]
    if max(found) == VOID and classes == list(range(len(classes))):
        names = ",".join([f"{BACKGROUND}=0", *(f"class_{value}={value}" for value in classes[1:])])
        error.hint = f"{VOID} often says that nobody knows: --labels {names},{IGNORE}={VOID} leaves it out of training"


def _smoothed(found: Mapping[int, _Seen]) -> int | None:
    """Return the value of what was drawn, if masks hold many values and nearly all pixels are 0 or that one."""
    if len(found) <= FEW_VALUES:
        return None
    often = sorted(found, key=lambda value: found[value].pixels, reverse=True)[:2]
    shared = sum(found[value].pixels for value in often) / sum(seen.pixels for seen in found.values())
    return max(often) if min(often) == 0 and shared > BLURRED else None


def _declared(cases: Iterable[SourceCase], root: Path, notes: list[str], options: ConvertOptions) -> Declared | None:
    """Return the labels that a table beside the pictures declares: in the source, or beside its masks."""
    folders = {root}
    for case in cases:
        if case.label is not None:
            folder = Path(case.label).parent
            folders |= {folder, folder.parent} if folder.parent.is_relative_to(root) else {folder}
    tables = [table for folder in sorted(folders) if folder.is_relative_to(root) and (table := find_table(folder))]
    if not tables:
        return None
    found = [read_table_inside(table, root) for table in tables]
    if any(other != found[0] for other in found[1:]):
        raise SegconvError(
            f"{shown(tables[0], root)} and {shown(tables[1], root)} declare different labels",
            code="SC074",
            hint=f"--labels {tables[0]} takes the first",
        )
    if BACKGROUND not in found[0] and BACKGROUND not in options.value_map.values():
        _refuse_nameless_background(found[0], shown(tables[0], root))
    notes.append(f"labels are declared by {shown(tables[0], root)}")
    return Declared.of(found[0])


def _refuse_nameless_background(names: Mapping[str, int | str], table: str) -> None:
    black = next((name for name, value in names.items() if value in (0, "#000000", "#00000000")), None)
    renamed = {(BACKGROUND if name == black else name): value for name, value in names.items()}
    entries = [f"{name}={value}" for name, value in renamed.items()]
    raise SegconvError(
        f"declares no label 'background'{f', but {black!r} as {names[black]}' if black is not None else ''}",
        code="SC074",
        file=table,
        hint=f"--labels '{','.join(entries if black is not None else [f'{BACKGROUND}=#000000', *entries])}'",
    )


def _values(
    cases: Iterable[SourceCase],
    headers: dict[str, PictureHeader],
    root: Path,
    findings: list[Finding],
    readers: Readers,
) -> tuple[dict[int, _Seen], str]:
    """Return all values of all masks and their coding: a guess of the labels needs them before the first case.

    Colours where a picture holds one that is not grey or not opaque; grey values and indices otherwise.
    """
    labels = {
        path: case.form(case.label) for case in cases if case.label is not None for path in case.files_of(case.label)
    }

    def values_of(path: str) -> tuple[dict[int, int], bool]:
        opened = _opened(path)
        if _in_colours(opened.header) and labels[path] != INSTANCES:
            colours = _counted(mask_codes(opened, RGB))
            return colours, any(grey_of_colour(code) is None for code in colours)
        return label_values(mask_codes(opened, GRAY)), False

    def as_colours(path: str) -> bool:
        return _in_colours(headers[path]) and labels[path] != INSTANCES

    def indirect(path: str) -> bool:
        """Return whether what was counted is no grey of eight bits: its colours are not told by it."""
        return not as_colours(path) and (headers[path].kind != "gray" or headers[path].depth != 8)

    results: dict[str, tuple[dict[int, int], bool]] = {}
    seen: set[int] = set()
    with closing(read_pictures(list(labels), values_of, root, findings, readers)) as counted:
        for path, result in counted:
            results[path] = result
            seen.update(result[0])
            if len(seen) > MOST_SNAPPED:  # what is told of them takes time and memory for each
                raise SegconvError(
                    f"up to here the masks hold more than {MOST_SNAPPED} different values or colours, as images do,"
                    " expected one a class",
                    code="SC078",
                    file=shown(path, root),
                    hint="check which of the files are the masks",
                )
    coloured = any(colour for _, colour in results.values())
    again = [path for path in results if coloured and indirect(path)]
    colours_of = dict(
        read_pictures(again, lambda path: _counted(mask_codes(_opened(path), RGB)), root, findings, readers)
    )
    found: dict[int, _Seen] = {}
    for path, (values, _) in results.items():
        if coloured and indirect(path):
            values = colours_of.get(path, {})
        elif coloured and not as_colours(path):
            values = {value * 0x010101: pixels for value, pixels in values.items()}
        elif as_colours(path) and not coloured:
            values = {value & 255: pixels for value, pixels in values.items()}
        for value, pixels in values.items():
            own = _Seen(pixels, shown(path, root))
            found[value] = found[value] + own if value in found else own
    return found, RGB if coloured else GRAY


def _in_colours(header: PictureHeader) -> bool:
    """Return whether the pixels of a mask may well be colours, or transparent."""
    return header.kind in ("RGB", *WITH_ALPHA) and header.depth == 8


def _opened(path: str) -> Opened:
    return open_picture(read_source(path))


def _counted(values: NDArray[Any]) -> dict[int, int]:
    if values.dtype == np.uint8:
        return label_values(values)  # a tenth of the time of sorting
    return tally(values, what="colours")
