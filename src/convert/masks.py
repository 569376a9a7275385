"""A folder a case with one binary mask a class, or 3D Slicer's segmentations: masks that may overlap.

The masks lie in the folder of the case, or in a folder within it (``segmentations``, ``masks`` …); the
image beside them is called ``ct``, ``mri``, ``image`` or as ``--images`` says; or images lie in a
folder of their own, named as the cases. What overlaps is kept by `compiler`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..dataset.compiler import Atom, Compiled, compile_masks
from ..dataset.labels import BACKGROUND, LabelMap, dense
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import case_identifier
from ..errors import Finding, SegconvError, naming, warning
from ..image import raster, volumes
from ..image.stored import VolumeHeader
from .cases import finished
from .headers import judge_headers
from .layers import atoms_of, on_and_mask
from .pairing import MASK_WORDS
from .pictures import mask_codes, open_picture
from .png import ending_of as picture_ending_of
from .segments import atoms_of_segments, segment_names
from .source import LAYERS, ConvertOptions, Parts, SourceCase, SourceScan, collect, resolve_inside, shown, stray_note
from .tree import Unit, walk
from .volumes import SEGMENTS

KIND = "masks"
IMAGE_NAMES = ("ct", "mri", "mr", "image", "img", "scan", "volume")
"""What the image of a case may be called, in this order."""


def recognise(root: Path) -> str | None:
    """Return what speaks for masks of classes, or None."""
    if (root / "dataset.json").is_file():
        return None
    found = _find(root, ConvertOptions(), [], [])
    cases = [case for case in found.values() if case.masks]
    if not cases or not all(case.images for case in cases):
        return None
    if any(unit.ending.lower() == SEGMENTS for case in cases for unit in case.masks.values()):
        return f"{cases[0].folder or '.'}/ and others with .seg.nrrd files"
    several = [case for case in cases if len(case.masks) > 1 or next(iter(case.masks)).lower() not in MASK_WORDS]
    if not several:
        return None
    pictures = all(picture_ending_of(unit.path) for case in cases for unit in case.masks.values())
    if pictures and not _repeated(cases):
        return None  # masks of objects, each of one picture
    names = ", ".join(list(several[0].masks)[:3])
    return f"{len(cases)} folders with an image and a mask for each class ({names} …)"


def _repeated(cases: Sequence[_Folder]) -> bool:
    """Whether the names of masks stand for classes: they come again in other cases, and are no numbers."""
    seen: set[str] = set()
    for case in cases:
        names = {name for name in case.masks if not name.isdigit()}
        if names & seen:
            return True
        seen |= names
    return False


@dataclass
class _Folder:
    """A case as it lies."""

    folder: str
    images: dict[str, Unit] = field(default_factory=dict)
    masks: dict[str, Unit] = field(default_factory=dict)
    split: str = TRAIN


def scan(root: Path, options: ConvertOptions) -> SourceScan:
    """Find the cases, look at every mask to know which overlap, and compile the labels."""
    findings: list[Finding] = []
    notes: list[str] = []
    folders = _find(root, options, findings, notes)
    names = _mask_names(root, folders.values(), findings)
    cases = finished(_cases(root, folders.values(), names, options, findings), root, options, findings)
    if not cases and not any(f.severity == "error" for f in findings):
        findings.append(
            Finding(
                "SC011",
                "holds no folder with an image and masks",
                file=str(root),
                hint="expected CASE/ct.nii.gz and CASE/segmentations/CLASS.nii.gz, or --images NAME|DIR",
            )
        )
    pictures = bool(cases) and picture_ending_of(cases[0].images[0]) is not None
    count = 1
    if pictures:
        count = _judge_pictures(cases, root, findings)
    else:
        count = judge_headers(cases, 0, root, findings, options) or 1
    default = ("image",) if count == 1 else tuple(f"channel_{n}" for n in range(count))
    if pictures:
        default = ("R", "G", "B") if count == 3 else ("gray",)
    elif len({len(case.images) for case in cases}) == 1 and cases and len(cases[0].images) == count > 1:
        default = tuple(sorted(next(iter(folders.values())).images))
    if options.channels and len(options.channels) != count:
        findings.append(Finding("SC084", f"--channels names {len(options.channels)} channels, the cases have {count}"))
    compiled = _compiled(cases, names, root, findings, options)
    labels = compiled.labels if compiled is not None else dense({BACKGROUND: 0, "foreground": 1}).labels
    if compiled is not None:
        findings += compiled.findings
        if labels.has_regions:
            notes.append(
                f"{len(names)} masks overlap: {len(labels.values) - 1} label values and {len(labels.foreground)}"
                " regions, proved to decode to themselves; restore gives the masks back"
            )
    plain = bool(cases) and all(path.lower().endswith(".nii") for case in cases for path in case.images)
    ending = options.file_ending or (".png" if pictures else ".nii" if plain else ".nii.gz")
    return SourceScan(
        KIND,
        root.name,
        root,
        tuple(cases),
        options.channels or default,
        LabelMap(labels, {value: value for value in labels.values}),
        ending,
        _label_file(cases, names, ending, compiled),
        {},
        tuple(findings),
        tuple(notes),
        compiled=compiled,
    )


def _label_file(
    cases: Sequence[SourceCase], names: Sequence[str], ending: str, compiled: Compiled | None
) -> dict[str, object]:
    """Return how masks of a case are stored that has none of its own."""
    files: dict[str, str] = {}
    for case in cases:
        for name, file in zip(*_layers(case), strict=True):
            files.setdefault(name, Path(file).name)
    single = {name: file for name, file in files.items() if not file.lower().endswith(SEGMENTS)}
    values = compiled.masks_of if compiled is not None else {}
    stored = [
        {
            "name": name,
            "file": single.get(name, f"{name.replace('/', '_')}{ending}"),
            "on": 1,
            "dtype": "uint8",
            "values": list(values.get(name, ())),
        }
        for name in names
    ]
    return {"form": "layers", "ending": ending, "dtype": "uint8", "mode": "gray", "depth": 8, "files": stored}


def _layers(case: SourceCase) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if case.label is None:
        return (), ()
    parts = case.parts[case.label]
    return parts.names, parts.files if len(parts.files) == len(parts.names) else parts.files * len(parts.names)


def _ending(name: str) -> str | None:
    if name.lower().endswith(SEGMENTS):
        return SEGMENTS
    return volumes.ending_of(name) or picture_ending_of(name)


def _find(root: Path, options: ConvertOptions, findings: list[Finding], notes: list[str]) -> dict[str, _Folder]:
    """Return the folders of cases: images, and masks by name."""
    wanted = options.images[0] if options.images else None
    image_folder = (root / wanted) if wanted and (root / wanted).is_dir() else Path(wanted) if wanted else None
    elsewhere = image_folder is not None and image_folder.is_dir()
    found: dict[str, _Folder] = {}
    for folder, names in walk(root, findings, external=options.allow_external):
        if elsewhere and image_folder is not None and (root / folder).is_relative_to(image_folder):
            continue
        units = [Unit(folder, name[: -len(e)], name[-len(e) :]) for name in names if (e := _ending(name)) is not None]
        notes += stray_note((n for n in names if units and _ending(n) is None), folder or ".")
        if not units:
            continue
        parent, _, own = folder.rpartition("/")
        inner = own.lower() in MASK_WORDS
        case = found.setdefault(parent if inner else folder, _Folder(parent if inner else folder))
        for unit in units:
            if not inner and _is_image(unit, wanted, case):
                case.images[unit.stem] = unit
            else:
                case.masks[unit.stem] = unit
    if elsewhere and image_folder is not None:
        _bring_images(root, image_folder, found, findings)
    for name, case in found.items():
        if any(word in ("test", "testing", "imagests") for word in name.lower().split("/")) and not case.masks:
            case.split = TEST
    return {name: case for name, case in found.items() if case.masks or case.images}


def _is_image(unit: Unit, wanted: str | None, case: _Folder) -> bool:
    if unit.ending.lower() == SEGMENTS:
        return False
    if wanted is not None:
        return unit.stem == wanted or unit.stem + unit.ending == wanted
    stem = unit.stem.lower()
    own = case.folder.rsplit("/", 1)[-1].lower()
    return stem in IMAGE_NAMES or stem == own or any(stem == f"{own}_{name}" for name in IMAGE_NAMES)


def _bring_images(root: Path, folder: Path, found: dict[str, _Folder], findings: list[Finding]) -> None:
    """Give the cases their images from a folder of their own, by name."""
    images: dict[str, Unit] = {}
    for name in sorted(p.name for p in folder.iterdir() if p.is_file()):
        ending = _ending(name)
        if ending is not None and ending != SEGMENTS:
            place = str(folder.relative_to(root)) if folder.is_relative_to(root) else str(folder.absolute())
            images[name[: -len(ending)]] = Unit(place, name[: -len(ending)], name[-len(ending) :])
    for case in list(found.values()):
        own = case.folder.rsplit("/", 1)[-1]
        single = [u for u in case.masks.values() if u.ending.lower() == SEGMENTS]
        if own in images:
            case.images = {own: images[own]}
        elif single and len(single) == len(case.masks):
            # Segmentations of several cases in one folder: each is named as its image.
            del found[case.folder]
            for unit in single:
                match = next((s for s in images if unit.stem == s or unit.stem.startswith((f"{s}_", f"{s}-"))), None)
                key = f"{case.folder}/{unit.stem}" if case.folder else unit.stem
                found[key] = _Folder(key, {match: images[match]} if match else {}, {unit.stem: unit})


def _mask_names(root: Path, folders: Iterable[_Folder], findings: list[Finding]) -> list[str]:
    """Return the names of all masks, in the order in which they are first met, sorted within a case."""
    names: dict[str, None] = {}
    for case in folders:
        for name, unit in sorted(case.masks.items()):
            if unit.ending.lower() != SEGMENTS:
                names.setdefault(name)
                continue
            try:
                with naming(unit.path):
                    for segment in segment_names((root / unit.path).read_bytes()):
                        names.setdefault(segment)
            except SegconvError as error:
                collect(findings, error)
            except OSError as error:
                findings.append(Finding("SC030", f"cannot be read ({error.strerror})", file=unit.path))
    return list(names)


def _cases(
    root: Path, folders: Iterable[_Folder], names: Sequence[str], options: ConvertOptions, findings: list[Finding]
) -> list[SourceCase]:
    cases = []
    for case in folders:
        name = (case.folder if options.case_names == "path" else case.folder.rsplit("/", 1)[-1]) or root.name
        if not case.images:
            file = next(iter(case.masks.values())).path
            findings.append(
                Finding(
                    "SC081",
                    "lies beside no image",
                    file=file,
                    hint=f"call it {', '.join(IMAGE_NAMES[:4])}, or --images NAME|DIR",
                )
            )
            continue
        first = next(iter(case.images.values()))
        split = case.split
        if not case.masks and split == TRAIN:
            if options.unlabelled == "skip":
                continue
            if options.unlabelled != "test":
                findings.append(
                    Finding("SC080", "has no masks", file=first.path, hint="add them, or --unlabelled skip|test")
                )
                continue
            split = TEST
        try:
            cases.append(_case(root, case, name, split, names, options, findings))
        except SegconvError as error:
            error.file = shown(error.file, root)
            collect(findings, error)
    return sorted(cases, key=lambda case: case.split != TRAIN)


def _case(
    root: Path,
    case: _Folder,
    name: str,
    split: str,
    names: Sequence[str],
    options: ConvertOptions,
    findings: list[Finding],
) -> SourceCase:
    def resolved(unit: Unit) -> str:
        external = options.allow_external or unit.folder.startswith("/")
        return resolve_inside(root / unit.path, root, external=external)

    images = tuple(resolved(unit) for _, unit in sorted(case.images.items()))
    if not case.masks:
        return SourceCase(case_identifier(name), name, images, None, split)
    segmentations = [unit for unit in case.masks.values() if unit.ending.lower() == SEGMENTS]
    if len(segmentations) > 1 or (segmentations and len(case.masks) > 1):
        raise SegconvError(
            f"lies beside {len(case.masks) - 1} other masks, expected one segmentation a case",
            code="SC085",
            file=str(root / segmentations[0].path),
        )
    if segmentations:
        label = resolved(segmentations[0])
        own = segment_names(Path(label).read_bytes())
        parts = Parts(LAYERS, (label,), tuple(own))
    else:
        own = sorted(case.masks)
        label = str(root / case.masks[own[0]].folder)
        parts = Parts(LAYERS, tuple(resolved(case.masks[mask]) for mask in own), tuple(own))
    missing = [mask for mask in names if mask not in own]
    if missing and not segmentations:
        if options.missing_masks != "empty":
            shown_names = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
            raise SegconvError(
                f"lacks {len(missing)} masks that other cases have: {shown_names}",
                code="SC080",
                file=label,
                hint="add them; or --missing-masks empty, if what they show is not there in this case",
            )
        findings.append(warning("SC080", f"lacks {', '.join(missing[:5])}; counted as empty", file=shown(label, root)))
    return SourceCase(case_identifier(name), name, images, label, split, None, None, {label: parts})


def _judge_pictures(cases: Iterable[SourceCase], root: Path, findings: list[Finding]) -> int:
    counts: dict[str, int] = {}
    for case in cases:
        try:
            image = raster.probe_file(case.images[0])
            counts[case.images[0]] = image.channels
            for file in case.files[len(case.images) :]:
                with naming(shown(file, root)):
                    mask = raster.probe_file(file)
                    if (mask.width, mask.height) != (image.width, image.height):
                        raise SegconvError(
                            f"has {mask.width}×{mask.height} pixels, its picture {image.width}×{image.height}",
                            code="SC082",
                        )
        except SegconvError as error:
            collect(findings, error, shown(case.images[0], root))
    usual = max(set(counts.values()), key=list(counts.values()).count, default=1)
    findings += [
        Finding("SC084", f"has {found} channels, most pictures have {usual}", file=shown(path, root))
        for path, found in counts.items()
        if found != usual
    ]
    return usual


def _compiled(
    cases: Sequence[SourceCase], names: Sequence[str], root: Path, findings: list[Finding], options: ConvertOptions
) -> Compiled | None:
    """Look at all masks of all cases, and compile what occurs."""
    if any(finding.severity == "error" for finding in findings):
        return None
    atoms: set[Atom] = set()
    with ThreadPoolExecutor() as pool:
        waiting = [(case, pool.submit(_atoms, case, names, root, options)) for case in cases if case.label is not None]
        for case, result in waiting:
            try:
                atoms |= result.result()
            except SegconvError as error:
                collect(findings, error, shown(case.label or "", root))
    if any(finding.severity == "error" for finding in findings):
        return None
    try:
        return compile_masks(names, atoms, priority=options.priority or None, max_heads=options.max_heads)
    except SegconvError as error:
        collect(findings, error)
        return None


def _atoms(case: SourceCase, names: Sequence[str], root: Path, options: ConvertOptions) -> set[Atom]:
    index = {name: number for number, name in enumerate(names)}
    label = str(case.label)
    if label.lower().endswith(SEGMENTS):
        with naming(shown(label, root)):
            return set(atoms_of_segments(Path(label).read_bytes(), index))
    parts = case.parts[label]
    header: VolumeHeader | None = None
    shape: tuple[int, ...]
    with naming(shown(case.images[0], root)):
        if picture_ending_of(case.images[0]):
            opened = raster.probe_file(case.images[0])
            shape = (opened.height, opened.width)
        else:
            header = volumes.probe_file(case.images[0])
            shape = header.geometry.array_shape

    def masks() -> Iterable[tuple[int, NDArray[np.bool_]]]:
        for name, file in zip(parts.names, parts.files, strict=True):
            with naming(shown(file, root)):
                data = Path(file).read_bytes()
                if header is None:
                    values = mask_codes(open_picture(data), "gray")
                else:
                    values = volumes.decode(data, volumes.ending_of(file) or "", limit=options.max_volume).values
                if values.shape != shape:
                    raise SegconvError(f"has the size {values.shape[::-1]}, its image {shape[::-1]}", code="SC082")
                yield index[name], on_and_mask(values)[1]

    return set(atoms_of(shape, masks()))
