"""Read and validate nnU-Net v2's dataset.json; write it from an allow-list, or in the form of v1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Cure, Finding, SegconvError, naming, warning
from ..typed import Misfit, brief, entries, many, mapping, optional, path_text
from .labels import IGNORE, Labels
from .strictjson import dumps, load_object, read_file

FREE_TEXT_KEYS = ("name", "description", "reference", "licence", "release", "citation")
"""Entries for people, which are kept; nnU-Net does not read them."""
REQUIRED_KEYS = ("channel_names", "labels", "numTraining", "file_ending")
OPTIONAL_KEYS = ("regions_class_order",)
_SPELLED = {"relase": "release", "license": "licence"}
V1_ENDING = ".nii.gz"
"""The only file ending that v1 supports."""


@dataclass(frozen=True)
class DatasetDescription:
    """Contents of dataset.json.

    Parameters
    ----------
    channel_names
        One name per channel, in order. The name decides nnU-Net's normalisation: ``CT`` is clipped
        and scaled by percentiles of the dataset, ``rgb_to_0_1`` and ``noNorm`` mean what they say,
        all others are z-scored.
    labels
        Names and values.
    file_ending
        File ending of images and labels, with its dot.
    num_training
        Number of training cases.
    texts
        Entries of `FREE_TEXT_KEYS`.

    Raises
    ------
    SegconvError
        ``SC086`` if one of these is invalid.
    """

    channel_names: tuple[str, ...]
    labels: Labels
    file_ending: str
    num_training: int
    texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.channel_names:
            raise SegconvError("channel_names is empty", code="SC086")
        if not re.fullmatch(r"(\.[A-Za-z0-9]+){1,2}", self.file_ending):
            raise SegconvError(
                f"file_ending is {brief(self.file_ending)}, expected something like '.nii.gz'", code="SC086"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the object, its keys in reading order."""
        found: dict[str, Any] = {key: self.texts[key] for key in FREE_TEXT_KEYS if key in self.texts}
        found["channel_names"] = {str(i): name for i, name in enumerate(self.channel_names)}
        found["labels"] = self.labels.as_json()
        if self.labels.regions_class_order is not None:
            found["regions_class_order"] = list(self.labels.regions_class_order)
        found["numTraining"] = self.num_training
        found["file_ending"] = self.file_ending
        return found

    def to_bytes(self) -> bytes:
        """Return the bytes of the file."""
        return dumps(self.as_json())

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> DatasetDescription:
        """Read the object of a v2 dataset.json."""
        missing = [key for key in REQUIRED_KEYS if key not in found]
        if missing:
            if missing == ["labels"]:
                raise SegconvError("has no entry 'labels'", code="SC074", hint="declare background as 0, and the rest")
            v1 = " (it looks like one of nnU-Net v1 or MSD)" if "modality" in found else ""
            raise SegconvError(f"lacks {', '.join(missing)}{v1}", code="SC086", cures=(Cure.of("convert_again"),))
        number = found["numTraining"]
        if isinstance(number, bool) or not isinstance(number, int):
            raise SegconvError(f"numTraining is {brief(number)}, expected a whole number", code="SC086")
        if not isinstance(found["file_ending"], str):
            raise SegconvError(f"file_ending is {brief(found['file_ending'])}, expected text", code="SC086")
        return cls(
            channel_names(found["channel_names"]),
            Labels.from_json(found["labels"], found.get("regions_class_order")),
            found["file_ending"],
            number,
            free_texts(found),
        )

    @classmethod
    def read(cls, path: Path) -> DatasetDescription:
        """Read a dataset.json; errors name the file."""
        data = read_file(path)
        with naming(str(path)):
            return cls.from_json(load_object(data))


def external_files(found: Any) -> dict[str, dict[str, Any]]:
    """Read the key ``dataset``: case → ``images``, one per channel, and an optional ``label``.

    Raises
    ------
    SegconvError
        ``SC086`` if it has another form.
    """
    try:
        return _external(found)
    except Misfit as misfit:
        raise SegconvError(f"the key 'dataset' is not made of images and label: {misfit}", code="SC086") from None


_external = mapping(entries({"images": many(path_text, least=1)}, {"label": optional(path_text)}))


def _refuse_unknown_to_v1(description: DatasetDescription) -> None:
    labels = description.labels
    if labels.has_regions or labels.ignore is not None:
        what = "regions" if labels.has_regions else f"an {IGNORE} label"
        raise SegconvError(f"has {what}, which nnU-Net v1 does not know", code="SC074", hint="stay with nnU-Net v2")
    if description.file_ending != V1_ENDING:
        raise SegconvError(
            f"file_ending is {description.file_ending!r}, nnU-Net v1 reads only {V1_ENDING!r}", code="SC086"
        )


def v1_object(description: DatasetDescription, training: Iterable[str], test: Iterable[str] = ()) -> dict[str, Any]:
    """Return the object of a dataset.json for nnU-Net v1, which Decathlon tools read as well.

    Parameters
    ----------
    description
        Description of the dataset; training cases are counted again.
    training, test
        Case identifiers, in the order to list them.

    Raises
    ------
    SegconvError
        ``SC074`` for regions and an ignore label, ``SC086`` for an ending other than ``.nii.gz``: v1
        supports none of these, and would treat the ignore label as a class.
    """
    _refuse_unknown_to_v1(description)
    labels = description.labels
    by_value = {value: name for name, value in labels.names.items()}
    training = list(training)
    test = list(test)
    channels = description.channel_names
    return {
        **{key: description.texts[key] for key in FREE_TEXT_KEYS if key in description.texts},
        "tensorImageSize": "3D" if len(channels) == 1 else "4D",
        "modality": {str(i): name for i, name in enumerate(channels)},
        "labels": {str(value): by_value[value] for value in labels.values},
        "numTraining": len(training),
        "numTest": len(test),
        # Without a channel: v1 finds the files of a case itself.
        "training": [
            {"image": f"./imagesTr/{case}{V1_ENDING}", "label": f"./labelsTr/{case}{V1_ENDING}"} for case in training
        ],
        "test": [f"./imagesTs/{case}{V1_ENDING}" for case in test],
    }


def unknown_entries(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return v2 dataset.json entries that `DatasetDescription` does not hold: kept in the lineage, not written."""
    held = {*REQUIRED_KEYS, *OPTIONAL_KEYS}
    return {
        key: value
        for key, value in found.items()
        if not (key in held or (_is_for_people(key) and isinstance(value, (str, type(None)))))
    }


def left_out(extra: Mapping[str, Any]) -> list[Finding]:
    """Return a warning for entries of a dataset.json that nnU-Net does not know, from `unknown_entries`."""
    no_texts = [key for key in extra if _is_for_people(key)]
    unknown = [key for key in extra if key not in no_texts]
    return [
        warning(
            "SC089",
            f"holds {', '.join(map(repr, keys))}, {why}: left out, and kept in segconv/run.json",
            file="dataset.json",
        )
        for keys, why in ((unknown, "which nnU-Net does not know"), (no_texts, "expected text there"))
        if keys
    ]


def _is_for_people(key: str) -> bool:
    return key in FREE_TEXT_KEYS or key in _SPELLED


def channel_names(found: Any) -> tuple[str, ...]:
    """Read ``channel_names`` or ``modality``: ``{"0": "CT", …}``, numbered from 0 without a gap."""
    if not isinstance(found, dict) or not found:
        raise SegconvError(f"channel names are {brief(found)}, expected {{'0': name, …}}", code="SC086")
    if not all(isinstance(name, str) for name in found.values()):
        raise SegconvError(f"channel names are {brief(found)}: number first, then name", code="SC086")
    names = [found.get(str(i)) for i in range(len(found))]
    if None in names:
        raise SegconvError(f"channels are numbered {', '.join(found)}, expected 0 to {len(found) - 1}", code="SC086")
    return tuple(str(name) for name in names)


def free_texts(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries for people, correcting the two usual misspellings."""
    texts = {_SPELLED.get(key, key): value for key, value in found.items() if isinstance(value, str)}
    return {key: value.strip() for key, value in texts.items() if key in FREE_TEXT_KEYS}
