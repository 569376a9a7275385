"""Medical Segmentation Decathlon tasks: dataset.json, imagesTr, labelsTr, imagesTs, one file a case.

Source of the format: http://medicaldecathlon.com and Antonelli et al. 2022,
https://doi.org/10.1038/s41467-022-30695-9. Several channels are the fourth axis of one file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..dataset.description import channel_names, free_texts
from ..dataset.labels import BACKGROUND, LabelMap, dense
from ..dataset.lineage import TEST, TRAIN
from ..dataset.names import case_identifier, twin_findings
from ..dataset.strictjson import MAX_BYTES, load_object
from ..errors import Finding, SegconvError, naming, warning
from ..image import nifti
from .labelling import settle
from .source import (
    ConvertOptions,
    SourceCase,
    SourceScan,
    collect,
    files_of,
    meeting_cases,
    read_head,
    resolve_inside,
    shown,
    stray_note,
)

KIND = "msd"
_ENDING = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)


def recognise(root: Path) -> str | None:
    """Return what speaks for an MSD task, or None."""
    json_file = root / "dataset.json"
    if not json_file.is_file() or not (root / "imagesTr").is_dir():
        return None
    names = [p.name for p in files_of(root / "imagesTr") if _ENDING.search(p.name)]
    if names and all(re.search(r"_\d{4}\.nii", name) for name in names):
        return None  # channels in files of their own: nnU-Net v1 or v2
    return "dataset.json and imagesTr with one NIfTI file a case"


def scan(root: Path, options: ConvertOptions) -> SourceScan:
    """Find the cases of a task and judge the header of every file."""
    findings: list[Finding] = []
    notes: list[str] = []
    task = _read_json(root)
    channels: tuple[str, ...] = ()
    label_map = dense({BACKGROUND: 0})
    # What is wrong with the json must not hide what is wrong with the files.
    try:
        channels = _channels(task, options)
    except SegconvError as error:
        collect(findings, error)
    try:
        label_map = _settled(options, _declared_labels(task) if options.labels is None else None)
    except SegconvError as error:
        collect(findings, error)
    listed, list_findings = _listed(task)
    findings += list_findings
    cases = _cases(root, listed, options, findings, notes)
    findings += _stale_counts(task, cases)
    findings += twin_findings({c.original_name: shown(c.images[0], root) for c in cases})
    findings += meeting_cases(cases, root)
    if not cases and not any(f.severity == "error" for f in findings):
        findings.append(Finding("SC011", "no case was found in imagesTr", file=str(root)))
    _judge_headers(cases, len(channels), root, findings, options)
    uncompressed = bool(cases) and all(c.images[0].lower().endswith(".nii") for c in cases)
    theirs = ".nii" if uncompressed else ".nii.gz"
    return SourceScan(
        KIND,
        re.sub(r"^Task\d*_?", "", root.name) or root.name,
        root,
        tuple(cases),
        channels,
        label_map,
        options.file_ending or theirs,
        {"ending": theirs, "dtype": "uint8"},
        free_texts(task),
        tuple(findings),
        tuple(notes),
    )


def _read_json(root: Path) -> dict[str, Any]:
    path = root / "dataset.json"
    if not path.is_file():
        raise SegconvError("is not there, an MSD task needs it", code="SC086", file=str(path), hint="give --from")
    with naming("dataset.json"):
        return load_object(read_head(resolve_inside(path, root), MAX_BYTES + 1))


def _channels(task: Mapping[str, Any], options: ConvertOptions) -> tuple[str, ...]:
    if options.channels:
        return options.channels
    found = task.get("modality", task.get("channel_names"))
    if found is None:
        raise SegconvError(
            "has no entry 'modality', which names the channels and decides their normalisation",
            code="SC084",
            file="dataset.json",
            hint="--channels CT, or --channels T1,T2 for several",
        )
    try:
        return channel_names(found)
    except SegconvError as error:
        raise SegconvError(
            f"modality: {error.message}", code="SC084", file="dataset.json", hint="mend it, or --channels NAME,…"
        ) from error


def _declared_labels(task: Mapping[str, Any]) -> dict[str, int] | None:
    """Return name → value; MSD writes value → name, nnU-Net v2 the other way round."""
    labels = task.get("labels")
    if labels is None:
        return None
    if not isinstance(labels, dict):
        raise SegconvError(f"labels are {labels!r}", code="SC074", file="dataset.json")
    declared: dict[str, int] = {}
    for key, value in labels.items():
        text, name = (key, value) if str(key).strip().lstrip("-").isdigit() else (value, key)
        if not isinstance(name, str) or not re.fullmatch(r"-?\d+", str(text).strip()):
            raise SegconvError(
                f"labels: {key!r}: {value!r} is no pair of value and name", code="SC074", file="dataset.json"
            )
        name = name.strip()
        if name.lower() in ("background", "ignore"):
            name = name.lower()  # nnU-Net knows both by their lower-case names alone
        if name in declared:
            raise SegconvError(f"labels: the name {name!r} stands twice", code="SC074", file="dataset.json")
        declared[name] = int(text)
    return declared


def _settled(options: ConvertOptions, declared: dict[str, int] | None) -> LabelMap:
    if declared is None and options.labels is None:
        raise SegconvError(
            "has no entry 'labels'",
            code="SC074",
            file="dataset.json",
            hint="--labels background=0,organ=1 declares them",
        )
    with naming("dataset.json" if options.labels is None else ""):
        return settle(options, declared, None)


def _listed(task: Mapping[str, Any]) -> tuple[dict[str, dict[str, str | None]], list[Finding]]:
    """Return split → image path → label path (relative, as listed); empty where the json lists nothing."""
    findings: list[Finding] = []
    listed: dict[str, dict[str, str | None]] = {}
    for split, key in ((TRAIN, "training"), (TEST, "test")):
        entries = task.get(key)
        if entries is None:
            if split == TRAIN:
                findings.append(
                    warning("SC089", "has no entry 'training'; the folders were read instead", file="dataset.json")
                )
            continue
        if not isinstance(entries, list):
            findings.append(Finding("SC086", f"{key} is no list", file="dataset.json"))
            continue
        for entry in entries:
            image = entry.get("image") if isinstance(entry, dict) else entry
            label = entry.get("label") if isinstance(entry, dict) else None
            try:
                safe = _safe(image)
                if safe in listed.get(split, {}):
                    raise SegconvError(f"{key} lists {safe!r} twice", code="SC087")
                listed.setdefault(split, {})[safe] = None if label is None else _safe(label)
            except SegconvError as error:
                collect(findings, error, "dataset.json")
    return listed, findings


def _safe(path: Any) -> str:
    """Return a path of the json, normalised; it is data, so it must stay in the task."""
    if not isinstance(path, str) or not path:
        raise SegconvError(f"lists {path!r}, expected a path", code="SC087")
    if "\0" in path or "\\" in path or ":" in path.split("/")[0] or path.startswith(("/", "~", "$")):
        raise SegconvError(f"lists {path!r}, expected a path inside the task", code="SC060")
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        raise SegconvError(f"lists {path!r}, which lies outside of the task", code="SC060")
    return normal


def _cases(
    root: Path,
    listed: dict[str, dict[str, str | None]],
    options: ConvertOptions,
    findings: list[Finding],
    notes: list[str],
) -> list[SourceCase]:
    cases: list[SourceCase] = []
    for split, images, labels in ((TRAIN, "imagesTr", "labelsTr"), (TEST, "imagesTs", "labelsTs")):
        on_disk = _volumes(root / images, notes)
        on_disk_labels = _volumes(root / labels, notes)
        pairs: dict[str, tuple[str, str | None]] = {}
        for image, label in listed.get(split, {}).items():
            name = _stem(image)
            image = _as_on_disk(image, on_disk, root)
            label = None if label is None else _as_on_disk(label, on_disk_labels, root)
            if label is None and split == TEST and name in on_disk_labels:
                label = f"{labels}/{on_disk_labels[name]}"
            pairs[name] = (image, label)
        unlisted = [name for name in on_disk if name not in pairs]
        if not options.listed_only:
            for name in unlisted:
                pairs[name] = (
                    f"{images}/{on_disk[name]}",
                    f"{labels}/{on_disk_labels[name]}" if name in on_disk_labels else None,
                )
                if split in listed:
                    findings.append(
                        warning(
                            "SC087",
                            "is not listed in dataset.json; it is converted all the same",
                            file=f"{images}/{on_disk[name]}",
                            hint="--listed-only leaves it out",
                        )
                    )
        for name in sorted(on_disk_labels):
            if name not in pairs and not (options.listed_only and name in unlisted):
                findings.append(
                    Finding("SC081", "is a label without an image", file=f"{labels}/{on_disk_labels[name]}")
                )
        for name in sorted(pairs):
            case = _case(root, name, *pairs[name], split, options, findings)
            if case is not None:
                cases.append(case)
    return cases


def _case(
    root: Path,
    name: str,
    image: str,
    label: str | None,
    split: str,
    options: ConvertOptions,
    findings: list[Finding],
) -> SourceCase | None:
    before = len(findings)
    files: list[str | None] = []
    for file in (image, label):
        try:
            files.append(None if file is None else resolve_inside(root / file, root))
        except SegconvError as error:
            error.file = shown(error.file, root)
            collect(findings, error, str(file))
    if len(findings) > before:
        return None
    if files[1] is None and split == TRAIN:
        if options.unlabelled == "skip":
            return None
        if options.unlabelled != "test":
            findings.append(
                Finding(
                    "SC080",
                    f"has no label: labelsTr/{name}.nii.gz is not there",
                    file=image,
                    hint="add it, or --unlabelled skip|test",
                )
            )
            return None
        split = TEST
    return SourceCase(case_identifier(name), name, (str(files[0]),), files[1], split)


def _volumes(folder: Path, notes: list[str]) -> dict[str, str]:
    """Return case name → file name of the NIfTI files of a folder."""
    if not folder.is_dir():
        return {}
    found: dict[str, str] = {}
    other: list[str] = []
    for path in files_of(folder):
        if not _ENDING.search(path.name):
            other.append(path.name)
            continue
        name = _stem(path.name)
        if name in found:
            raise SegconvError(
                f"{found[name]} and {path.name} are two files of one case",
                code="SC085",
                file=f"{folder.name}/{path.name}",
                hint="remove one of them: some readers open the other",
            )
        found[name] = path.name
    notes += stray_note(other, folder.name)
    return found


def _as_on_disk(listed: str, on_disk: Mapping[str, str], root: Path) -> str:
    """Return a listed path with the ending that the file really has (MSD lists .nii.gz)."""
    if not (root / listed).exists() and _stem(listed) in on_disk:
        return posixpath.join(posixpath.dirname(listed), on_disk[_stem(listed)])
    return listed


def _stem(path: str) -> str:
    return _ENDING.sub("", posixpath.basename(path))


def _stale_counts(task: Mapping[str, Any], cases: list[SourceCase]) -> list[Finding]:
    findings = []
    for key, split in (("numTraining", TRAIN), ("numTest", TEST)):
        number = sum(case.split == split for case in cases)
        if isinstance(task.get(key), int) and task[key] != number:
            findings.append(
                warning("SC089", f"{key} is {task[key]}, there are {number}; counted anew", file="dataset.json")
            )
    return findings


def _judge_headers(
    cases: list[SourceCase], channels: int, root: Path, findings: list[Finding], options: ConvertOptions
) -> None:
    for case in cases:
        try:
            image = _probe(case.images[0], root, options)
            label = _probe(case.label, root, options) if case.label is not None else None
        except SegconvError as error:
            collect(findings, error)
            continue
        if channels and image.channels != channels:
            findings.append(
                Finding(
                    "SC084",
                    f"has {image.channels} channels, the dataset has {channels}",
                    file=shown(case.images[0], root),
                    hint="mend modality in dataset.json, or --channels",
                )
            )
        if label is not None and label.four_dimensional:
            findings.append(
                Finding(
                    "SC073",
                    f"is a label of four dimensions ({label.channels} channels), expected one value a voxel",
                    file=shown(str(case.label), root),
                    hint="merge the channels into one label map",
                )
            )
        elif label is not None and label.geometry.size != image.geometry.size:
            findings.append(
                Finding(
                    "SC082",
                    f"has the size {label.geometry.size}, its image {image.geometry.size}",
                    file=shown(str(case.label), root),
                    hint="check that both are of one case",
                )
            )


def _probe(path: str, root: Path, options: ConvertOptions) -> nifti.NiftiHeader:
    with naming(shown(path, root)):
        header = nifti.probe(read_head(path, nifti.HEAD_BYTES))
        if header.voxel_bytes > options.max_volume:
            raise SegconvError(
                f"decodes to {header.voxel_bytes} bytes, at most {options.max_volume} are allowed", code="SC054"
            )
        return header
