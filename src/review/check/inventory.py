"""List the files of a dataset and the case of each, as far as names and links show.

The rules are nnU-Net's: in ``imagesTr`` every file with the dataset's ending is a channel of a case, even if
hidden, and files with other endings are ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ... import reading
from ...dataset.folders import SPLIT_FOLDERS, TRAINING, ChannelFiles, SplitFolders, ending_pattern, misnumbered
from ...dataset.layout import DESCRIPTION
from ...dataset.lineage import TRAIN
from ...dataset.names import CASE_IDENTIFIER, twin_findings
from ...errors import Cure, Finding, warning
from .dataset_json import DatasetJson
from .links import unusable
from .listing import list_folder

_Counting = Generator[Finding, None, int | None]


@dataclass(frozen=True)
class DatasetCase:
    """The files of one case, relative to the dataset; files in the key ``dataset`` as written there.

    Parameters
    ----------
    case, split
        Its identifier and split.
    images
        The file of each channel, in order.
    label
        The label; every training case has one unless it is missing.
    """

    case: str
    split: str
    images: tuple[str, ...]
    label: str | None

    @property
    def files(self) -> tuple[str, ...]:
        """All files, the label last."""
        return self.images if self.label is None else (*self.images, self.label)


@dataclass(frozen=True)
class Inventory:
    """The cases whose files all exist, training first, each split sorted by name; and findings on the others."""

    cases: list[DatasetCase]
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
    """Takes one inventory; collects the cases in `cases`."""

    def __init__(self, root: Path, declared: DatasetJson, ending: str, external: bool) -> None:
        self.root = root
        self.declared = declared
        self.ending = ending
        self.external = external
        self.cases: list[DatasetCase] = []

    def findings(self) -> Iterator[Finding]:
        counted = None
        for split in SPLIT_FOLDERS:
            before = len(self.cases)
            if split is TRAINING:
                counted = yield from self._training()
            else:
                yield from self._split(split)
            yield from _judge_names(self.cases[before:])
        declared = self.declared.num_training
        if None not in (declared, counted) and counted != declared:
            message = f"numTraining is {declared}, but there are {counted}; nnU-Net's own check refuses that"
            yield Finding("SC089", message, file=DESCRIPTION, hint=f"write {counted} there", cures=(Cure("repair"),))

    def _training(self) -> _Counting:
        """Take the training cases, wherever they are; return how many nnU-Net counts, None if unknown."""
        if self.declared.external is None:
            for what, folder in (("images", TRAINING.images), ("labels", TRAINING.labels)):
                if not reading.is_folder(self.root / folder):
                    message = "the folder does not exist"
                    yield Finding("SC094", message, file=folder, hint=f"put the {what} there, one folder for all cases")
            return (yield from self._split(TRAINING))
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

    def _split(self, split: SplitFolders) -> _Counting:
        """Take the cases of a split; return how many nnU-Net counts."""
        listed = list_folder(self.root, split.images, self.ending, external=self.external)
        yield from listed.findings
        found = ChannelFiles.of(listed.files, ending_pattern(self.ending))
        yield from (self._unnumbered(split.images, name) for name in found.unnumbered)
        labels = list_folder(self.root, split.labels, self.ending, external=self.external)
        yield from labels.findings
        for case, channels in sorted(found.cases.items()):
            if wrong := misnumbered(channels):
                hint = "add or rename the file of the missing channel"
                yield Finding("SC084", wrong, file=f"{split.images}/{case}", hint=hint)
            else:
                images = [name for _, name in sorted(channels.items())]
                readable = all(map(listed.files.get, images))
                yield from self._case(split, case, images, labels.files.get(f"{case}{self.ending}"), readable)
        yield from (self._without_image(split, name) for name in labels.files if self._stem(name) not in found.cases)
        return len({name[: -len(self.ending) - len("_0000")] for name in listed.files})

    def _case(
        self, split: SplitFolders, case: str, images: list[str], has_label: bool | None, readable: bool
    ) -> Iterator[Finding]:
        """Take a case unless one of its files is unreadable, which the listing already reported.

        Parameters
        ----------
        images
            Names of its images, in order.
        has_label
            Whether its label can be read; None if it has none.
        readable
            Whether its images can be read.
        """
        paths = tuple(f"{split.images}/{name}" for name in images)
        label = f"{split.labels}/{case}{self.ending}"
        if has_label is None and split is TRAINING:
            message = f"has no label: {label} does not exist"
            yield Finding("SC080", message, file=paths[0], hint="add the label, or move the image to imagesTs")
        if readable and has_label is not False:
            self.cases.append(DatasetCase(case, split.split, paths, label if has_label else None))

    def _stem(self, label: str) -> str:
        return label[: -len(self.ending)]

    def _unnumbered(self, folder: str, name: str) -> Finding:
        stem = name[: -len(self.ending)]
        message = f"lacks the number of its channel; nnU-Net takes it for a file of the case {stem[:-5]!r}"
        return Finding("SC084", message, file=f"{folder}/{name}", hint=f"rename it to {stem}_0000{self.ending}")

    def _without_image(self, split: SplitFolders, name: str) -> Finding:
        return Finding(
            "SC081",
            "is a label without an image",
            file=f"{split.labels}/{name}",
            severity="error" if split is TRAINING else "warning",
            hint=f"add {split.images}/{name[: -len(self.ending)]}_0000{self.ending}, or remove the label",
        )

    def _external(self) -> Iterator[Finding]:
        """Take the cases in the key ``dataset``, sorted by name."""
        for case, entry in sorted((self.declared.external or {}).items()):
            files = DatasetCase(case, TRAIN, tuple(entry["images"]), str(entry["label"]))
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


def _judge_names(cases: list[DatasetCase]) -> Iterator[Finding]:
    """Yield findings on names that collide or that some tools cannot handle."""
    yield from twin_findings({files.case: files.images[0] for files in cases})
    for files in cases:
        if not CASE_IDENTIFIER.fullmatch(files.case):
            yield warning(
                "SC090",
                f"the name {files.case!r} has characters other than letters, digits, '.', '-' and '_'",
                file=files.images[0],
                cures=(Cure.of("rewrite"),),
            )


def same_names(cases: Iterable[DatasetCase]) -> Iterator[Finding]:
    """Yield a warning for each name of both a training case and a test case."""
    counts = Counter(files.case for files in cases)
    for case, number in counts.items():
        if number > 1:
            yield warning("SC085", f"{number} cases of different splits have the name {case!r}", file=case)
