"""Which files a dataset has, and which case each belongs to: what names and links alone can show.

The rules are nnU-Net's: in ``imagesTr`` every file with the dataset's ending is a channel of a case,
be it hidden or not, and whatever has another ending is not there.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TEST, TRAIN, VALIDATION
from ...dataset.names import CASE_IDENTIFIER, twin_findings
from ...errors import Finding, warning
from ...image import raster, volumes
from .declaration import Declaration
from .links import is_below, leaves, unusable

FOLDERS = ((TRAIN, "imagesTr", "labelsTr"), (TEST, "imagesTs", "labelsTs"), (VALIDATION, "imagesVal", "labelsVal"))
NAMED = 3
"""So many files are named where one finding speaks of several."""

_LEFT_BY_FILE_MANAGERS = (".ds_store", "thumbs.db", "desktop.ini")
_DATA_ENDINGS = (*volumes.ENDINGS, *raster.ENDINGS)


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case, named relative to the dataset; those that ``dataset`` names, as they stand there.

    Parameters
    ----------
    case, split
        Identifier, and where it lies.
    images
        One file a channel, in order.
    label
        Of training cases always, unless it is missing.
    """

    case: str
    split: str
    images: tuple[str, ...]
    label: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """All of them, the label last."""
        return self.images if self.label is None else (*self.images, self.label)


def take_inventory(root: Path, declared: Declaration, findings: list[Finding], *, external: bool) -> list[CaseFiles]:
    """Return the cases whose files are all there, training first, each split sorted by name.

    Parameters
    ----------
    root
        The dataset, resolved.
    findings
        Is added to.
    external
        Follow links that leave the dataset, and the key ``dataset``.
    """
    if declared.ending is None:
        return []
    cases: list[CaseFiles] = []
    counted: int | None = None
    for split, images, labels in FOLDERS:
        if split == TRAIN and declared.external is not None:
            if not external:
                findings.append(
                    Finding(
                        "SC060",
                        "has the key 'dataset', which names files elsewhere, and segconv did not write it",
                        file=DESCRIPTION,
                        hint="--allow-external reads them",
                    )
                )
                continue
            found = _external_cases(root, declared, findings)
            named = len(declared.external)
        else:
            if split == TRAIN:
                findings += [
                    Finding("SC094", "the folder is not there", file=folder, hint="see nnU-Net's dataset format")
                    for folder in (images, labels)
                    if not reading.is_folder(root / folder)
                ]
            found, named = _split_cases(root, split, images, labels, declared.ending, findings, external)
        if split == TRAIN:
            counted = named
        findings += _names(found)
        cases += found
    if None not in (declared.num_training, counted) and counted != declared.num_training:
        findings.append(
            Finding(
                "SC089",
                f"numTraining is {declared.num_training}, there are {counted}; nnU-Net's own check refuses",
                file=DESCRIPTION,
                hint=f"write {counted}",
            )
        )
    return cases


def several(names: Iterable[str]) -> str:
    """Return the first few of many names, and how many there are besides."""
    listed = sorted(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def _split_cases(
    root: Path, split: str, images: str, labels: str, ending: str, findings: list[Finding], external: bool
) -> tuple[list[CaseFiles], int]:
    """Return the usable cases of two folders, and how many cases nnU-Net would count."""
    channel_file = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}", re.DOTALL)
    groups: dict[str, dict[int, str]] = {}
    broken: set[str] = set()
    counted: set[str] = set()
    for name, usable in _files(root, images, ending, findings, external).items():
        counted.add(name[: -len(ending) - 5])
        match = channel_file.fullmatch(name)
        if match is None:
            stem = name[: -len(ending)]
            findings.append(
                Finding(
                    "SC084",
                    f"lacks the number of its channel; nnU-Net takes it for the case {stem[:-5]!r}",
                    file=f"{images}/{name}",
                    hint=f"rename it to {stem}_0000{ending}",
                )
            )
            continue
        groups.setdefault(match[1], {})[int(match[2])] = name
        if not usable:
            broken.add(match[1])
    label_files = _files(root, labels, ending, findings, external)
    cases = []
    for case, channels in sorted(groups.items()):
        label = f"{case}{ending}"
        has_label = label_files.pop(label, None)
        numbers = sorted(channels)
        if numbers != list(range(len(numbers))):
            findings.append(
                Finding(
                    "SC084",
                    f"has the channels {', '.join(f'{n:04d}' for n in numbers)}, expected 0000 and on without a gap",
                    file=f"{images}/{case}",
                    hint="add or rename the file of the missing channel",
                )
            )
            continue
        if has_label is None and split == TRAIN:
            findings.append(
                Finding(
                    "SC080",
                    f"has no label: {labels}/{label} is not there",
                    file=f"{images}/{channels[0]}",
                    hint="add the label, or move the image to imagesTs",
                )
            )
        if case in broken or has_label is False:
            continue  # told where the link or folder was found
        files = tuple(f"{images}/{channels[n]}" for n in numbers)
        cases.append(CaseFiles(case, split, files, f"{labels}/{label}" if has_label else None))
    for name in label_files:
        severity = "error" if split == TRAIN else "warning"
        findings.append(
            Finding(
                "SC081",
                "is a label without an image",
                file=f"{labels}/{name}",
                severity=severity,
                hint=f"add {images}/{name[: -len(ending)]}_0000{ending}, or remove the label",
            )
        )
    return cases, len(counted)


def _files(root: Path, folder: str, ending: str, findings: list[Finding], external: bool) -> dict[str, bool]:
    """Return the names that end as the dataset's files do → whether there is a file that may be read."""
    real = os.path.realpath(root / folder)
    if not external and reading.is_there(real) and not is_below(real, root):
        findings.append(leaves(folder, real))
        return {}
    try:
        with os.scandir(root / folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return {}
    except OSError as error:
        findings += reading.unlisted(error, folder).findings
        return {}
    found: dict[str, bool] = {}
    others: list[str] = []
    for entry in listed:
        shown = f"{folder}/{entry.name}"
        if not entry.name.endswith(ending):
            others.append(entry.name)
        elif entry.name.startswith("."):
            findings.append(
                Finding(
                    "SC063",
                    "is hidden, and nnU-Net takes it for a file of a case all the same",
                    file=shown,
                    hint="remove it",
                )
            )
        else:
            finding = unusable(entry.path, shown, root, external) if entry.is_symlink() or not entry.is_file() else None
            findings += [finding] if finding is not None else []
            found[entry.name] = finding is None
    _judge_others(folder, others, ending, set(found), findings)
    return found


def _judge_others(folder: str, others: list[str], ending: str, names: set[str], findings: list[Finding]) -> None:
    """Tell of what lies in a folder and is no file of a case."""
    left_alone: list[str] = []
    by_ending: dict[str, list[str]] = {}
    for name in others:
        data_ending = next((e for e in sorted(_DATA_ENDINGS, key=len, reverse=True) if name.lower().endswith(e)), None)
        if name.startswith(".") or name.lower() in _LEFT_BY_FILE_MANAGERS:
            continue
        if ending.lower() == ".nii.gz" and f"{name}.gz" in names:
            findings.append(
                Finding(
                    "SC085",
                    f"lies beside {name}.gz, and SimpleITK reads the voxels of the one under the name of the other",
                    file=f"{folder}/{name}",
                    hint="remove one of them",
                )
            )
        elif data_ending is not None:
            by_ending.setdefault(name[-len(data_ending) :], []).append(name)
        elif not (ending.lower().startswith(".tif") and name.endswith(".json")):  # the spacing of a TIFF
            left_alone.append(name)
    for other, found in by_ending.items():
        findings.append(
            warning(
                "SC063",
                f"{_count(found)} in {other}, nnU-Net reads {ending} alone: {several(found)}",
                file=folder,
                hint="convert them to one ending, or remove them",
            )
        )
    if left_alone:
        findings.append(
            warning(
                "SC063",
                f"holds {len(left_alone)} that belong to no case: {several(left_alone)}",
                file=folder,
                hint="move them out of the dataset",
            )
        )


def _external_cases(root: Path, declared: Declaration, findings: list[Finding]) -> list[CaseFiles]:
    """Return the cases that the key ``dataset`` names, in the order of their names."""
    cases = []
    for case, entry in sorted((declared.external or {}).items()):
        files = CaseFiles(case, TRAIN, tuple(entry["images"]), str(entry["label"]))
        wrong = []
        for name in files.files:
            if "$" in name:
                wrong.append(
                    Finding(
                        "SC060", "holds a variable, which nnU-Net would expand", file=name, hint="write the path out"
                    )
                )
            elif (finding := unusable(str(root / name), name, root, external=True)) is not None:
                wrong.append(finding)
        findings += wrong
        if not files.images:
            findings.append(Finding("SC084", f"the case {case!r} has no images", file=DESCRIPTION))
        elif not wrong:
            cases.append(files)
    return cases


def _names(cases: list[CaseFiles]) -> list[Finding]:
    """Return findings on names that meet, and on those that not every tool can handle."""
    findings = twin_findings({files.case: files.images[0] for files in cases})
    findings += [
        warning(
            "SC090",
            f"the name {files.case!r} is not made of letters, digits, '.', '-' and '_' alone",
            file=files.images[0],
            hint="segconv convert DATASET --to 43_New renames such cases, and restore undoes it",
        )
        for files in cases
        if not CASE_IDENTIFIER.fullmatch(files.case)
    ]
    return findings


def same_names(cases: Iterable[CaseFiles]) -> list[Finding]:
    """Return a warning for each name that stands for a case of training and one of testing."""
    counts = Counter(files.case for files in cases)
    return [
        warning("SC085", f"the name {case!r} stands for {number} cases, of training and of testing", file=case)
        for case, number in counts.items()
        if number > 1
    ]


def _count(names: list[str]) -> str:
    return "1 file ends" if len(names) == 1 else f"{len(names)} files end"
