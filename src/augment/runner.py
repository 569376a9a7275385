"""Augmentation of a whole dataset: a new dataset with the originals, their copies, and folds that do not leak."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import lineage
from ..dataset.description import DatasetDescription
from ..dataset.layout import DESCRIPTION, Dataset, image_path, label_path
from ..dataset.lineage import TEST, TRAIN, CaseRecord
from ..dataset.names import DatasetName
from ..dataset.splits import FILE as SPLITS_FILE
from ..dataset.splits import make_splits
from ..dataset.strictjson import dumps
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..image import nifti, picture
from ..image.geometry import NEAR_GRID_VOXELS, Geometry, Volume
from ..image.resample import LINEAR, NEAREST, rotate
from ..image.voxels import label_values, value_range
from ..version import VERSION
from ..work.caseio import CaseIO
from ..work.plan import Item, Plan, Target
from ..work.run import Outcome, Result, execute
from ..work.staging import Staged
from .intensity import shift_hu
from .sampling import copies
from .spec import AugmentSpec, Transform

PICTURE = ".png"
VOLUMES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class AugmentTask:
    """Payload of a work item: one case, and the copies to make of it.

    Parameters
    ----------
    record
        Its lineage in the source dataset.
    images
        Absolute path of each channel.
    label
        Absolute path, or None for test cases, which are carried over.
    copies
        Identifier of a copy → its parameters.
    ending
        Of all files.
    ct_channels
        Which channels are CT.
    values
        Label values that are declared.
    label_background
        Value of what a rotation brings in from outside: background, or ignore if there is one.
    """

    record: CaseRecord
    images: tuple[str, ...]
    label: str | None
    copies: Mapping[str, Transform]
    ending: str
    ct_channels: tuple[int, ...]
    values: tuple[int, ...]
    label_background: int


def plan_augmentation(source: Dataset, name: DatasetName, raw: Path, spec: AugmentSpec) -> Plan:
    """Plan the augmentation of a dataset into a new one.

    Parameters
    ----------
    source
        The dataset, which is not changed.
    name
        Of the new one.
    raw
        Folder that it is made in.
    spec
        What to make.

    Raises
    ------
    Refused
        If the dataset cannot be augmented so: no CT channel for a HU shift, planes that pictures do
        not have, a file that is missing, names that meet.
    """
    description = source.description
    _refuse_unfit(description, spec, source)
    if description.file_ending == PICTURE:
        spec = dataclasses.replace(spec, planes=("axial",))
    ct = tuple(i for i, channel in enumerate(description.channel_names) if channel.casefold() == "ct")
    records = {record.case: record for record in source.records()}
    findings: list[Finding] = []
    items: list[Item] = []
    taken = {*source.cases(TRAIN), *source.cases(TEST)}
    for split in (TRAIN, TEST):
        for case in source.cases(split):
            record = records.get(case) or _foreign(case, split, description)
            made = copies(spec, case) if split == TRAIN and record.parent is None else {}
            findings += [
                Finding("SC085", f"its copy {copy!r} would have the name of another case", file=case)
                for copy in made
                if copy in taken
            ]
            task = _task(source, record, made, ct, findings)
            if task is not None:
                items.append(_item(task))
    if not any(item.payload.copies for item in items):
        findings.append(Finding("SC011", "holds no training case", file=str(source.path)))
    refuse_if_any(findings)
    key = {"command": "augment", "source": source.path.name, **spec.as_json()}
    return Plan(Target(raw / name.folder, name.slot), source.path, tuple(items), key)


def run_augmentation(plan: Plan, source: Dataset, spec: AugmentSpec, **how: Any) -> Outcome:
    """Run a planned augmentation; keyword arguments are those of `execute`."""

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        return _finish(plan, source, spec, results, staged)

    return execute(plan, augment_case, finish, **how)


def augment_case(item: Item, io: CaseIO) -> dict[str, Any]:
    """Carry over one case and make its copies, in a worker."""
    task: AugmentTask = item.payload
    split = task.record.split
    is_picture = task.ending == PICTURE
    read = _read_picture if is_picture else _read_volume
    images = []
    for channel, path in enumerate(task.images):
        with naming(path):
            data = io.read(Path(path))
            io.write(image_path(item.case, channel, task.ending, split), data, sha256=io.sha256_of(Path(path)))
            if task.copies:
                images.append(read(data))
                value_range(images[-1].volume.array)
    label = None
    if task.label is not None:
        with naming(task.label):
            data = io.read(Path(task.label))
            io.write(label_path(item.case, task.ending, split), data, sha256=io.sha256_of(Path(task.label)))
            if task.copies:
                label = _read_label(data, read, task)
                _refuse_apart(label.volume.geometry, images[0].volume.geometry)
    made = [dataclasses.asdict(task.record)]
    for copy, transform in task.copies.items():
        for channel, image in enumerate(images):
            is_ct = channel in task.ct_channels
            array = transformed(image.volume, transform, is_ct=is_ct)
            io.write(image_path(copy, channel, task.ending), image.encoded(array, task.ending))
        if label is not None:
            # The label lies on the image's own grid, so that one transform moves both.
            on_grid = Volume(label.volume.array, images[0].volume.geometry)
            array = rotate(on_grid, transform.angle_deg, NEAREST, task.label_background)
            counts = label_values(array)
            unknown = set(counts) - set(task.values)
            if unknown:
                raise SegconvError(
                    f"the label of {copy} got the values {sorted(unknown)}", code="SC070", file=item.case
                )
            io.write(label_path(copy, task.ending), images[0].encoded(array, task.ending))
            made.append(dataclasses.asdict(_copy_record(task.record, copy, transform, counts)))
    return {"records": made}


def transformed(volume: Volume, transform: Transform, *, is_ct: bool) -> NDArray[Any]:
    """Return one channel of a copy.

    Parameters
    ----------
    volume
        The channel. What a rotation brings in from outside is its own smallest value, air in a CT.
    transform
        Parameters.
    is_ct
        Whether the HU shift applies.
    """
    array = volume.array
    spatial = tuple(range(volume.geometry.dimension))
    air = array.min(axis=spatial)
    moved = rotate(volume, transform.angle_deg, LINEAR, air)
    return shift_hu(moved, transform.shift_hu, float(air)) if is_ct and transform.shift_hu else moved


@dataclass(frozen=True)
class _Decoded:
    """A file that was read, and how to write another of its kind."""

    volume: Volume
    header: nifti.NiftiHeader | None

    def encoded(self, array: NDArray[Any], ending: str) -> bytes:
        if self.header is None:
            return picture.encode(array)
        if self.header.plain:
            return nifti.compress(nifti.encode_like(array, self.header), ending)
        return nifti.compress(nifti.encode(array, self.volume.geometry), ending)


def _read_volume(data: bytes) -> _Decoded:
    image = nifti.decode(data)
    if image.header.channels > 1:
        raise SegconvError(f"holds {image.header.channels} channels, expected one a file", code="SC084")
    return _Decoded(Volume(image.values, image.header.geometry), image.header)


def _read_picture(data: bytes) -> _Decoded:
    header, _ = picture.prove(data)
    samples = picture.decode(data, header)
    return _Decoded(Volume(samples, Geometry.plain((header.width, header.height))), None)


def _read_label(data: bytes, read: Any, task: AugmentTask) -> _Decoded:
    label: _Decoded = read(data)
    counts = label_values(label.volume.array)
    unknown = set(counts) - set(task.values)
    if unknown:
        raise SegconvError(f"holds the values {sorted(unknown)}, declared are {list(task.values)}", code="SC070")
    array = label.volume.array
    if array.dtype.kind == "f":
        array = array.astype(np.uint8 if max(task.values) < 256 else np.uint16)
    return _Decoded(Volume(array, label.volume.geometry), label.header)


def _refuse_apart(label: Geometry, image: Geometry) -> None:
    if label.size != image.size:
        raise SegconvError(f"has the size {label.size}, its image {image.size}", code="SC082")
    apart = label.displacement_voxels(image)
    if apart > NEAR_GRID_VOXELS:
        raise SegconvError(f"lies {apart:.3g} voxels off its image's grid", code="SC083")


def _copy_record(parent: CaseRecord, copy: str, transform: Transform, counts: Mapping[int, int]) -> CaseRecord:
    return dataclasses.replace(
        parent,
        case=copy,
        parent=parent.case,
        sources=[],
        targets=[],
        label_voxels={str(value): count for value, count in counts.items()},
        repairs=[],
        transform=transform.as_json(),
        warnings=[],
    )


def _task(
    source: Dataset,
    record: CaseRecord,
    made: Mapping[str, Transform],
    ct: tuple[int, ...],
    findings: list[Finding],
) -> AugmentTask | None:
    images = source.image_files(record.case, record.split)
    if source.description.file_ending == PICTURE:
        images = images[:1]  # a picture holds its channels in one file
    label = source.label_file(record.case, record.split)
    needed = [*images, label] if record.split == TRAIN else images
    missing = [path for path in needed if not path.is_file()]
    findings += [Finding("SC012", "is not there", file=str(path)) for path in missing]
    if missing:
        return None
    labels = source.description.labels
    return AugmentTask(
        dataclasses.replace(record, targets=[], sources=[]),
        tuple(str(path.resolve()) for path in images),
        str(label.resolve()) if label.is_file() else None,
        dict(made),
        source.description.file_ending,
        ct,
        labels.values,
        labels.ignore if labels.ignore is not None else 0,
    )


def _item(task: AugmentTask) -> Item:
    channels = range(len(task.images))
    split, ending = task.record.split, task.ending
    outputs = [image_path(task.record.case, channel, ending, split) for channel in channels]
    if task.label is not None:
        outputs.append(label_path(task.record.case, ending, split))
    for copy in task.copies:
        outputs += [*(image_path(copy, channel, ending) for channel in channels), label_path(copy, ending)]
    sources = (*task.images, task.label) if task.label is not None else task.images
    size = sum(Path(path).stat().st_size for path in sources) * (1 + len(task.copies))
    return Item(task.record.case, sources, tuple(outputs), task, size)


def _foreign(case: str, split: str, description: DatasetDescription) -> CaseRecord:
    """Return the record of a case that segconv did not convert."""
    return CaseRecord(
        case,
        split,
        original_name=case,
        label_map={str(value): value for value in description.labels.values},
        label_file={"ending": description.file_ending, "dtype": "uint8"},
    )


def _refuse_unfit(description: DatasetDescription, spec: AugmentSpec, source: Dataset) -> None:
    if description.file_ending not in (PICTURE, *VOLUMES):
        raise SegconvError(
            f"files that end in {description.file_ending} are not augmented", code="SC094", file=str(source.path)
        )
    channels = ", ".join(description.channel_names)
    if spec.hu_shift is not None and not any(c.casefold() == "ct" for c in description.channel_names):
        raise SegconvError(
            f"a HU shift needs a channel named CT, the dataset has {channels}",
            code="SC091",
            file=str(source.path / DESCRIPTION),
            hint="leave out --hu-shift; or convert again with --channels CT if the images are CT",
        )
    rotates = bool(spec.angles_deg) or spec.rotate_range_deg is not None
    if description.file_ending == PICTURE and rotates and "axial" not in spec.planes:
        raise SegconvError(
            "pictures turn in their own plane alone", hint="--planes axial", file=str(source.path), code="SC001"
        )


def _finish(plan: Plan, source: Dataset, spec: AugmentSpec, results: Iterable[Result], staged: Staged) -> list[Finding]:
    kept: list[CaseRecord] = []

    def lines() -> Iterable[bytes]:
        for result in results:
            targets = {target["path"]: target for target in result.targets}
            for found in result.record["records"]:
                record = CaseRecord.from_json(found)
                own = [targets[path] for path in _paths(record, plan, targets)]
                warnings = [finding.as_json() for finding in result.warnings]
                record = dataclasses.replace(
                    record, sources=result.sources, targets=own, warnings=[*record.warnings, *warnings]
                )
                kept.append(
                    CaseRecord(record.case, record.split, record.patient, record.parent, targets=record.targets)
                )
                yield record.to_line()

    staged.write_lines(lineage.CASES, lines())
    splits = make_splits(kept)
    if splits:
        staged.write(SPLITS_FILE, dumps(splits))
    run = source.run or {}
    staged.write(
        lineage.RUN,
        lineage.run_record(
            version=VERSION,
            command="augment",
            options=spec.as_json(),
            source={"kind": "dataset", "name": source.path.name},
            seed=spec.seed,
            label_map=run.get("label_map") or {str(v): v for v in source.description.labels.values},
            label_file=run.get("label_file") or {"ending": source.description.file_ending, "dtype": "uint8"},
        ),
    )
    number = sum(record.split == TRAIN for record in kept)
    name = DatasetName.of_folder(plan.target.path.name)
    texts = {**source.description.texts, "name": name.name if name else source.name.name}
    description = dataclasses.replace(source.description, num_training=number, texts=texts)
    staged.write(DESCRIPTION, description.to_bytes())
    return []


def _paths(record: CaseRecord, plan: Plan, written: Iterable[str]) -> list[str]:
    """Return which of the files of an item belong to one of its cases."""
    ending = plan.items[0].payload.ending
    channels = len(plan.items[0].payload.images)
    own = [image_path(record.case, channel, ending, record.split) for channel in range(channels)]
    label = label_path(record.case, ending, record.split)
    return [path for path in (*own, label) if path in written]
