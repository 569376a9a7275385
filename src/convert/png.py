"""Folders of PNG pictures and masks: ``training/{input,output}`` and ``testing/{input,output}``, or ``images masks``.

A mask codes its labels as grey values or palette indices, as stored: 0/255, 0 1 2 …, or whatever
is declared. Picture and mask of a case have one file name.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..dataset.labels import BACKGROUND, LabelMap, dense
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import case_identifier, twin_findings
from ..errors import Finding, SegconvError
from ..image import picture
from ..image.mask import grey_values
from .labelling import settle
from .source import (
    ConvertOptions,
    SourceCase,
    SourceScan,
    collect,
    count_of,
    files_of,
    meeting_cases,
    read_head,
    resolve_inside,
    shown,
    stray_note,
)

KIND = "png"
ENDING = ".png"

LAYOUTS: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (("training/input", "training/output", TRAIN), ("testing/input", "testing/output", TEST)),
    (("train/images", "train/masks", TRAIN), ("test/images", "test/masks", TEST)),
    (("train/images", "train/labels", TRAIN), ("test/images", "test/labels", TEST)),
    (("images", "masks", TRAIN), ("test_images", "test_masks", TEST)),
    (("images", "labels", TRAIN), ("test_images", "test_labels", TEST)),
    (("image", "mask", TRAIN),),
    (("imgs", "masks", TRAIN),),
    (("input", "output", TRAIN),),
    (("imagesTr", "labelsTr", TRAIN), ("imagesTs", "labelsTs", TEST)),
)
"""Folder of pictures, folder of masks, and what they are for; the first layout whose training folders exist counts."""


def recognise(root: Path) -> str | None:
    """Return what speaks for PNG folders, or None."""
    layout = _layout(root)
    if layout is None:
        return None
    images, masks, _ = layout[0]
    has_pictures = any(p.suffix.lower() == ENDING for p in files_of(root / images))
    return f"{images}/ and {masks}/ with PNG files" if has_pictures else None


def scan(root: Path, options: ConvertOptions) -> SourceScan:
    """Find pictures and masks, judge every header, and settle the labels."""
    layout = _layout(root)
    if layout is None:
        known = ", ".join(f"{images} + {masks}" for (images, masks, _), *_ in LAYOUTS)
        raise SegconvError(
            "holds no known pair of folders",
            code="SC011",
            file=str(root),
            hint=f"known are {known}; each holds PNG files",
        )
    findings: list[Finding] = []
    notes: list[str] = []
    cases: list[SourceCase] = []
    for images, masks, split in layout:
        if (root / images).is_dir():
            cases += _cases(root, images, masks, split, options, findings, notes)
    findings += twin_findings({case.original_name: shown(case.images[0], root) for case in cases})
    findings += meeting_cases(cases, root)
    if not cases and not any(f.severity == "error" for f in findings):
        findings.append(Finding("SC011", f"no PNG picture was found in {layout[0][0]}", file=str(root)))
    headers = _headers(cases, root, findings)
    pictures = {path: headers[path] for case in cases for path in case.images if path in headers}
    channels = _channels(pictures, root, findings)
    if options.channels and len(options.channels) != len(channels):
        findings.append(
            Finding("SC084", f"--channels names {len(options.channels)} channels, the pictures have {len(channels)}")
        )
    label_map = _label_map(cases, root, findings, options)
    return SourceScan(
        KIND,
        root.name,
        root,
        tuple(cases),
        options.channels or channels,
        label_map,
        options.file_ending or ENDING,
        {"ending": ENDING, "dtype": "uint16" if max(label_map.forward) > 255 else "uint8"},
        {},
        tuple(findings),
        tuple(notes),
    )


def _label_map(cases: list[SourceCase], root: Path, findings: list[Finding], options: ConvertOptions) -> LabelMap:
    """Return the label map; what cannot be settled becomes a finding, so that all are told at once."""
    found = None
    if options.labels is None and not any(f.severity == "error" for f in findings):
        found = _values(cases, root, findings)
    try:
        if not any(f.severity == "error" for f in findings):
            return settle(options, None, found)
    except SegconvError as error:
        collect(findings, error)
    return dense({BACKGROUND: 0, "foreground": 1})


def _layout(root: Path) -> list[tuple[str, str, str]] | None:
    for layout in LAYOUTS:
        images, masks, _ = layout[0]
        if (root / images).is_dir() and (root / masks).is_dir():
            return list(layout)
    return None


def _cases(
    root: Path,
    images: str,
    masks: str,
    split: str,
    options: ConvertOptions,
    findings: list[Finding],
    notes: list[str],
) -> list[SourceCase]:
    pictures = _pictures(root, images, findings, notes)
    labels = _pictures(root, masks, findings, notes) if (root / masks).is_dir() else {}
    cases = []
    for name, image in pictures.items():
        label = labels.pop(name, None)
        own_split = split
        if label is None and split == TRAIN:
            if options.unlabelled == "skip":
                continue
            if options.unlabelled != "test":
                findings.append(
                    Finding(
                        "SC080",
                        f"has no mask: {masks}/{name}{ENDING} is not there",
                        file=shown(image, root),
                        hint="add it, or --unlabelled skip|test",
                    )
                )
                continue
            own_split = TEST
        try:
            files = [resolve_inside(path, root) for path in (image, label) if path is not None]
        except SegconvError as error:
            error.file = shown(error.file, root)
            collect(findings, error)
            continue
        cases.append(
            SourceCase(case_identifier(name), name, (files[0],), files[1] if label is not None else None, own_split)
        )
    findings += [Finding("SC081", "is a mask without a picture", file=shown(p, root)) for p in labels.values()]
    return cases


def _pictures(root: Path, folder: str, findings: list[Finding], notes: list[str]) -> dict[str, Path]:
    """Return case name → PNG file of a folder; other files are noted."""
    found: dict[str, Path] = {}
    other: list[str] = []
    for path in files_of(root / folder):
        if path.suffix.lower() != ENDING:
            other.append(path.name)
        elif path.stem in found:
            findings.append(
                Finding(
                    "SC085",
                    f"{found[path.stem].name} and {path.name} are two files of one case",
                    file=shown(path, root),
                )
            )
        else:
            found[path.stem] = path
    notes += stray_note(other, folder)
    return found


def _headers(cases: Iterable[SourceCase], root: Path, findings: list[Finding]) -> dict[str, picture.PictureHeader]:
    """Return path → header of all files; what cannot be used, or does not fit together, becomes a finding."""
    headers: dict[str, picture.PictureHeader] = {}
    for case in cases:
        for path in case.files:
            try:
                headers[path] = picture.probe(read_head(path, picture.HEAD_BYTES))
            except SegconvError as error:
                collect(findings, error, shown(path, root))
        image, label = headers.get(case.images[0]), headers.get(case.label or "")
        if image and label and (image.width, image.height) != (label.width, label.height):
            findings.append(
                Finding(
                    "SC082",
                    f"has {label.width}×{label.height} pixels, its picture {image.width}×{image.height}",
                    file=shown(case.label or "", root),
                    hint="check that both are of one case",
                )
            )
    return headers


def _channels(images: dict[str, picture.PictureHeader], root: Path, findings: list[Finding]) -> tuple[str, ...]:
    """Return the channel names, on which all pictures must agree: nnU-Net finds out after hours that one has four."""
    kinds: dict[tuple[int, bool], list[str]] = {}
    for path, header in images.items():
        kinds.setdefault((header.channels, header.depth == 16), []).append(path)
    usual = max(kinds, key=lambda kind: len(kinds[kind]), default=(1, False))
    for kind, paths in kinds.items():
        if kind != usual:
            findings += [
                Finding(
                    "SC084",
                    f"is {images[path]}; most pictures have {count_of(usual[0], 'channel')}"
                    f" of {16 if usual[1] else 8} bits",
                    file=shown(path, root),
                    hint="convert it to the kind of the others",
                )
                for path in paths
            ]
    return ("R", "G", "B") if usual[0] == 3 else ("gray",)


def _values(cases: Iterable[SourceCase], root: Path, findings: list[Finding]) -> set[int]:
    """Return all values of all masks: a guess of the labels needs them before the first case is written."""

    def values_of(path: str) -> set[int]:
        with open(path, "rb") as file:
            return set(grey_values(file.read()))

    labels = [case.label for case in cases if case.label is not None]
    found: set[int] = set()
    with ThreadPoolExecutor() as pool:
        for path, result in [(label, pool.submit(values_of, label)) for label in labels]:
            try:
                found |= result.result()
            except SegconvError as error:
                collect(findings, error, shown(path, root))
    return found
