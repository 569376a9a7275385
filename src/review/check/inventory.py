"""Which files a dataset has, and which case each belongs to, as far as names and links show.

The rules are nnU-Net's: in ``imagesTr`` every file with the dataset's ending is a channel of a case, hidden or
not, and files with another ending do not exist.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TEST, TRAIN, VALIDATION
from ...dataset.names import CASE_IDENTIFIER, twin_findings
from ...errors import Cure, Finding, warning
from .dataset_json import DatasetJson
from .links import unusable
from .listing import Listing, list_folder

_Channels = dict[str, dict[int, str]]
_Counting = Generator[Finding, None, int | None]

FOLDERS = {TRAIN: ("imagesTr", "labelsTr"), TEST: ("imagesTs", "labelsTs"), VALIDATION: ("imagesVal", "labelsVal")}


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case, named relative to the dataset; those that ``dataset`` names, as they are written there.

    Parameters
    ----------
    case, split
        Identifier, and which split it belongs to.
    images
        One file per channel, in order.
    label
        Training cases always have one, unless it is missing.
    """

    case: str
    split: str
    images: tuple[str, ...]
    label: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """All of them, the label last."""
        return self.images if self.label is None else (*self.images, self.label)


@dataclass(frozen=True)
class Inventory:
    """The cases whose files all exist, training first, each split sorted by name; and what is wrong with others."""

    cases: list[CaseFiles]
    findings: tuple[Finding, ...]


def take_inventory(root: Path, declared: DatasetJson, *, external: bool) -> Inventory:
    """Return the cases of a dataset.

    Parameters
    ----------
    root
        The dataset, resolved.
    external
        Follow links that leave the dataset, and the key ``dataset``.
    """
    if declared.ending is None:
        return Inventory([], ())
    taking = _Taking(root, declared, declared.ending, external)
    findings = tuple(taking.findings())
    return Inventory(taking.cases, findings)


class _Taking:
    """The work on one inventory; cases gather in `cases`."""

    def __init__(self, root: Path, declared: DatasetJson, ending: str, external: bool) -> None:
        self.root = root
        self.declared = declared
        self.ending = ending
        self.external = external
        self.cases: list[CaseFiles] = []
        self._channel_file = re.compile(rf"(.+)_(\d{{4}}){re.escape(ending)}", re.DOTALL)

    def findings(self) -> Iterator[Finding]:
        counted = None
        for split in FOLDERS:
            before = len(self.cases)
            if split == TRAIN:
                counted = yield from self._training()
            else:
                yield from self._split(split)
            yield from _judge_names(self.cases[before:])
        declared = self.declared.num_training
        if None not in (declared, counted) and counted != declared:
            message = f"numTraining is {declared}, but there are {counted}; nnU-Net's own check refuses that"
            yield Finding("SC089", message, file=DESCRIPTION, hint=f"write {counted}")

    def _training(self) -> _Counting:
        """Take the training cases, wherever they are; return how many nnU-Net counts, None if that is unknown."""
        if self.declared.external is None:
            for folder in FOLDERS[TRAIN]:
                if not reading.is_folder(self.root / folder):
                    message = "the folder does not exist"
                    yield Finding("SC094", message, file=folder, hint="see nnU-Net's dataset format")
            return (yield from self._split(TRAIN))
        if self.external:
            yield from self._external()
            return len(self.declared.external)
        yield Finding(
            "SC060",
            "has the key 'dataset', which names files elsewhere, and segconv did not write it",
            file=DESCRIPTION,
            cures=(Cure.of("allow_external"),),
        )
        return None

    def _split(self, split: str) -> _Counting:
        """Take the cases of a split; return how many nnU-Net counts."""
        images, labels = FOLDERS[split]
        image_files = list_folder(self.root, images, self.ending, external=self.external)
        yield from image_files.findings
        channels, broken = yield from self._channels(images, image_files)
        label_files = list_folder(self.root, labels, self.ending, external=self.external)
        yield from label_files.findings
        for case, numbered in sorted(channels.items()):
            label = f"{case}{self.ending}"
            has_label = label_files.files.pop(label, None)
            if gap := _gap(f"{images}/{case}", sorted(numbered)):
                yield gap
                continue
            if has_label is None and split == TRAIN:
                yield Finding(
                    "SC080",
                    f"has no label: {labels}/{label} does not exist",
                    file=f"{images}/{numbered[0]}",
                    hint="add the label, or move the image to imagesTs",
                )
            if case not in broken and has_label is not False:  # otherwise the link or folder was reported
                files = tuple(f"{images}/{name}" for _, name in sorted(numbered.items()))
                self.cases.append(CaseFiles(case, split, files, f"{labels}/{label}" if has_label else None))
        for name in label_files.files:
            yield Finding(
                "SC081",
                "is a label without an image",
                file=f"{labels}/{name}",
                severity="error" if split == TRAIN else "warning",
                hint=f"add {images}/{name[: -len(self.ending)]}_0000{self.ending}, or remove the label",
            )
        return len({name[: -len(self.ending) - len("_0000")] for name in image_files.files})

    def _channels(self, folder: str, listing: Listing) -> Generator[Finding, None, tuple[_Channels, set[str]]]:
        """Return case → number of a channel → its file, and the cases with a file that cannot be used."""
        channels: _Channels = {}
        broken = set()
        for name, usable in listing.files.items():
            match = self._channel_file.fullmatch(name)
            if match is None:
                stem = name[: -len(self.ending)]
                yield Finding(
                    "SC084",
                    f"lacks the number of its channel; nnU-Net takes it for a file of the case {stem[:-5]!r}",
                    file=f"{folder}/{name}",
                    hint=f"rename it to {stem}_0000{self.ending}",
                )
                continue
            channels.setdefault(match[1], {})[int(match[2])] = name
            if not usable:
                broken.add(match[1])
        return channels, broken

    def _external(self) -> Iterator[Finding]:
        """Take the cases that the key ``dataset`` names, in the order of their names."""
        for case, entry in sorted((self.declared.external or {}).items()):
            files = CaseFiles(case, TRAIN, tuple(entry["images"]), str(entry["label"]))
            unfit = [finding for name in files.files if (finding := self._unfit_external(name)) is not None]
            yield from unfit
            if not files.images:
                yield Finding("SC084", f"the case {case!r} has no images", file=DESCRIPTION)
            elif not unfit:
                self.cases.append(files)

    def _unfit_external(self, name: str) -> Finding | None:
        if "$" in name:
            message = "holds a variable, which nnU-Net would expand"
            return Finding("SC060", message, file=name, hint="write the path out")
        return unusable(str(self.root / name), name, self.root, external=True)


def _gap(case: str, numbers: list[int]) -> Finding | None:
    """Return an error if the channels of a case are not numbered from 0 without a gap."""
    if numbers == list(range(len(numbers))):
        return None
    message = f"has the channels {', '.join(f'{n:04d}' for n in numbers)}, expected 0000, 0001, … without a gap"
    return Finding("SC084", message, file=case, hint="add or rename the file of the missing channel")


def _judge_names(cases: list[CaseFiles]) -> Iterator[Finding]:
    """Yield findings on names that collide, or that some tools cannot handle."""
    yield from twin_findings({files.case: files.images[0] for files in cases})
    for files in cases:
        if not CASE_IDENTIFIER.fullmatch(files.case):
            yield warning(
                "SC090",
                f"the name {files.case!r} has characters other than letters, digits, '.', '-' and '_'",
                file=files.images[0],
                cures=(Cure.of("rewrite"),),
            )


def same_names(cases: Iterable[CaseFiles]) -> Iterator[Finding]:
    """Yield a warning for each name that stands for a training case and a test case."""
    counts = Counter(files.case for files in cases)
    for case, number in counts.items():
        if number > 1:
            yield warning("SC085", f"{number} cases of different splits have the name {case!r}", file=case)
