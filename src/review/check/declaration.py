"""What dataset.json declares, entry by entry: one that is wrong does not hide what is wrong with the others.

`DatasetDescription` is what a usable dataset.json says; this reads those that may not be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ...dataset.description import REQUIRED_KEYS, channel_names
from ...dataset.labels import IGNORE, Labels
from ...dataset.layout import DESCRIPTION
from ...dataset.regions import prove_order
from ...dataset.strictjson import load_object, read_file
from ...errors import Finding, SegconvError, naming, refuse_if_any, warning
from ..opened import judge_mark
from .links import unusable
from .readers import READERS, knows, readers_of

T = TypeVar("T")

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".bmp", ".tif", ".tiff")
"""Those that nnU-Net and segconv both read."""

_READER = "overwrite_image_reader_writer"
_ORDER = "regions_class_order"


@dataclass(frozen=True)
class Declaration:
    """The entries of a dataset.json that are usable; None for the others.

    Parameters
    ----------
    channel_names
        In order.
    labels
        Names and values.
    ending
        Of all files, as it is written.
    num_training
        Number of training cases.
    external
        The key ``dataset``: case → images and label, or None if it is not there.
    reader
        The one of nnU-Net's readers that is named, if it is there and knows the ending.
    findings
        What is wrong with the others.
    """

    channel_names: tuple[str, ...] | None
    labels: Labels | None
    ending: str | None
    num_training: int | None
    external: Mapping[str, Mapping[str, Any]] | None
    reader: str | None
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def read(cls, dataset: Path, *, external: bool) -> Declaration:
        """Read dataset.json of a folder.

        Parameters
        ----------
        dataset
            The folder, resolved.
        external
            Follow a link that leaves it.

        Raises
        ------
        SegconvError
            ``SC010`` if it is not there, ``SC030`` if it cannot be read, ``SC086`` if it is no JSON
            object; ``SC060`` for a link that leaves the folder, ``SC012`` for one that leads nowhere.
        """
        path = dataset / DESCRIPTION
        if path.is_symlink():
            refuse_if_any(filter(None, [unusable(str(path), DESCRIPTION, dataset, external)]))
        data = read_file(path)
        with naming(DESCRIPTION):
            found = load_object(data)
        findings = judge_mark(data, DESCRIPTION)
        missing = [key for key in REQUIRED_KEYS if key not in found]
        if missing:
            v1 = " (it looks like one of nnU-Net v1 or MSD)" if "modality" in found else ""
            findings.append(_error("SC086", f"lacks {', '.join(missing)}{v1}", "segconv convert makes a v2 dataset"))
        labels = _usable(found, "labels", lambda value: _labels(value, found, findings), findings)
        if labels is not None:
            findings += [replace(f, file=DESCRIPTION) for f in prove_order(labels)]
        ending = _usable(found, "file_ending", _ending, findings)
        return cls(
            _usable(found, "channel_names", channel_names, findings),
            labels,
            ending,
            _usable(found, "numTraining", _count, findings),
            _usable(found, "dataset", lambda value: _external(value, findings), findings),
            _usable(found, _READER, lambda value: _reader(value, ending, findings), findings),
            findings,
        )

    @property
    def readers(self) -> tuple[str, ...]:
        """Which of its readers nnU-Net may take, in the order in which it tries them."""
        return (self.reader,) if self.reader is not None else readers_of(self.ending or "")


def _usable(found: Mapping[str, Any], key: str, read: Callable[[Any], T], findings: list[Finding]) -> T | None:
    """Return what an entry says, or None and a finding if it cannot be read."""
    if key not in found:
        return None
    try:
        return read(found[key])
    except SegconvError as error:
        findings.extend(replace(f, file=DESCRIPTION) for f in error.findings)
        return None


def _labels(value: Any, found: Mapping[str, Any], findings: list[Finding]) -> Labels:
    order = found.get(_ORDER)
    labels = Labels.from_json(value, order)
    as_text = [name for name, numbers in (*value.items(), (_ORDER, order)) if _holds_text(numbers)]
    if as_text:
        # nnU-Net turns most into numbers, but compares regions and the ignore label as they stand.
        breaks = labels.has_regions or IGNORE in as_text
        findings.append(
            Finding(
                "SC074",
                f"the values of {', '.join(as_text)} are text, nnU-Net expects numbers",
                file=DESCRIPTION,
                hint="write them without quotes",
                severity="error" if breaks else "warning",
            )
        )
    return labels


def _holds_text(numbers: Any) -> bool:
    return any(isinstance(number, str) for number in (numbers if isinstance(numbers, list) else [numbers]))


def _ending(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in ENDINGS:
        raise SegconvError(f"file_ending is {value!r}, expected one of {', '.join(ENDINGS)}", code="SC086")
    return value


def _reader(value: Any, ending: str | None, findings: list[Finding]) -> str | None:
    if value == "None":
        return None
    if not isinstance(value, str):
        raise SegconvError(f"{_READER} is {value!r}, expected a name", code="SC086", hint="remove the entry")
    if value not in READERS:
        findings.append(
            warning(
                "SC086",
                f"{_READER} is {value!r}, which nnU-Net does not have and ignores",
                file=DESCRIPTION,
                hint=f"one of {', '.join(READERS)}, or None",
            )
        )
        return None
    if ending is None or knows(value, ending):
        return value
    raise SegconvError(
        f"{_READER} is {value}, which reads {', '.join(READERS[value])} and not {ending}: nnU-Net takes it all"
        " the same, and fails at files that it cannot read, or misreads them",
        code="SC086",
        hint=f"remove the entry: nnU-Net then takes a reader that knows {ending}",
    )


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SegconvError(f"numTraining is {value!r}, expected a whole number", code="SC086")
    return value


def _external(value: Any, findings: list[Finding]) -> Mapping[str, Mapping[str, Any]]:
    well_formed = isinstance(value, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("images"), list)
        and all(isinstance(path, str) for path in entry["images"])
        and isinstance(entry.get("label"), str)
        for entry in value.values()
    )
    if not well_formed:
        raise SegconvError("the key 'dataset' is not made of cases with images and label", code="SC086")
    findings += [
        _error(
            "SC060",
            f"the key 'dataset' holds a case called {case!r}, expected what a file may be called, without a folder",
            "rename the case; segconv repair DATASET --to 43_New --allow-external does so",
        )
        for case in value
        if not _names_a_file(case)
    ]
    found: Mapping[str, Mapping[str, Any]] = value
    return found


def _names_a_file(case: str) -> bool:
    """Return whether the files that nnU-Net calls after a case lie in the folder that it means."""
    return case not in ("", ".", "..") and not any(character in case for character in "/\\\0")


def _error(code: str, message: str, hint: str) -> Finding:
    return Finding(code, message, hint=hint, file=DESCRIPTION)
