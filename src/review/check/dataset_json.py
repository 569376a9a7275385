"""Read dataset.json entry by entry, so that an error in one does not hide errors in the others.

`DatasetDescription` represents a usable dataset.json; this module reads any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ...dataset.description import REQUIRED_KEYS, channel_names
from ...dataset.labels import IGNORE, Labels
from ...dataset.layout import DESCRIPTION
from ...dataset.regions import prove_order
from ...dataset.strictjson import load_object, read_file
from ...errors import Cure, Finding, SegconvError, naming, refuse_if_any
from .links import unusable
from .looked import judge_mark
from .readers import READERS, knows, readers_of

T = TypeVar("T")

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".bmp", ".tif", ".tiff")
"""Those that both nnU-Net and segconv read."""

_READER = "overwrite_image_reader_writer"
_ORDER = "regions_class_order"


@dataclass(frozen=True)
class DatasetJson:
    """The usable entries of a dataset.json; unusable ones are None.

    Parameters
    ----------
    channel_names
        In order.
    labels
        Names and values.
    ending
        Ending of all files, as written.
    num_training
        Number of training cases.
    external
        The key ``dataset``: case → images and label; None without that key.
    reader
        The named nnU-Net reader, if it exists and supports the ending.
    findings
        Errors and warnings.
    """

    channel_names: tuple[str, ...] | None
    labels: Labels | None
    ending: str | None
    num_training: int | None
    external: Mapping[str, Mapping[str, Any]] | None
    reader: str | None
    findings: tuple[Finding, ...] = ()

    @classmethod
    def read(cls, dataset: Path, *, external: bool) -> DatasetJson:
        """Read the dataset.json of a folder.

        Parameters
        ----------
        dataset
            The folder, resolved.
        external
            Follow a link that leaves the folder.

        Raises
        ------
        SegconvError
            ``SC010`` if it does not exist, ``SC030`` if it cannot be read, ``SC086`` if it is not a JSON
            object; ``SC060`` for a link that leaves the folder, ``SC012`` for a broken one.
        """
        path = dataset / DESCRIPTION
        if path.is_symlink():
            refuse_if_any(filter(None, [unusable(str(path), DESCRIPTION, dataset, external)]))
        data = read_file(path)
        with naming(DESCRIPTION):
            entries = _Entries(load_object(data), judge_mark(data, DESCRIPTION))
        return entries.read()

    @property
    def readers(self) -> tuple[str, ...]:
        """The readers that nnU-Net may choose, in the order that it tries them."""
        return (self.reader,) if self.reader is not None else readers_of(self.ending or "")


class _Entries:
    """Reads the entries of one file and adds their errors to `findings`."""

    def __init__(self, entries: Mapping[str, Any], findings: Iterable[Finding]) -> None:
        self.entries = entries
        self.findings = list(findings)
        self.file_ending: str | None = None

    def read(self) -> DatasetJson:
        if missing := [key for key in REQUIRED_KEYS if key not in self.entries]:
            v1 = " (it looks like one of nnU-Net v1 or MSD)" if "modality" in self.entries else ""
            message = f"lacks {', '.join(missing)}{v1}"
            self.findings.append(Finding("SC086", message, file=DESCRIPTION, cures=(Cure.of("convert_again"),)))
        labels = self._usable("labels", self._labels)
        self.file_ending = self._usable("file_ending", _ending)
        return DatasetJson(
            self._usable("channel_names", channel_names),
            labels,
            self.file_ending,
            self._usable("numTraining", _count),
            self._usable("dataset", self._external),
            self._usable(_READER, self._reader),
            tuple(self.findings),
        )

    def _add(self, code: str, message: str, hint: str, severity: str = "error") -> None:
        self.findings.append(Finding(code, message, hint=hint, file=DESCRIPTION, severity=severity))

    def _usable(self, key: str, read: Callable[[Any], T]) -> T | None:
        """Return the value of an entry; if it is unusable, add a finding and return None."""
        if key not in self.entries:
            return None
        try:
            return read(self.entries[key])
        except SegconvError as error:
            self.findings += (replace(finding, file=DESCRIPTION) for finding in error.findings)
            return None

    def _labels(self, value: Any) -> Labels:
        order = self.entries.get(_ORDER)
        labels = Labels.from_json(value, order)
        as_text = [name for name, numbers in (*value.items(), (_ORDER, order)) if _holds_text(numbers)]
        if as_text:
            # nnU-Net converts most of them to numbers, but compares regions and the ignore label unconverted.
            breaks = labels.has_regions or IGNORE in as_text
            self._add(
                "SC074",
                f"the values of {', '.join(as_text)} are text, nnU-Net expects numbers",
                "write them without quotes",
                "error" if breaks else "warning",
            )
        self.findings += (replace(finding, file=DESCRIPTION) for finding in prove_order(labels))
        return labels

    def _reader(self, value: Any) -> str | None:
        if value == "None":
            return None
        if not isinstance(value, str):
            raise SegconvError(f"{_READER} is {value!r}, expected a name", code="SC086", hint="remove the entry")
        if value not in READERS:
            unknown = f"{_READER} is {value!r}, which nnU-Net does not have and ignores"
            self._add("SC086", unknown, f"remove the entry, or name one of {', '.join(READERS)}", "warning")
            return None
        ending = self.file_ending
        if ending is None or knows(value, ending):
            return value
        raise SegconvError(
            f"{_READER} is {value}, which reads {', '.join(READERS[value])} and not {ending}: nnU-Net uses it"
            " nevertheless, and fails at files that it cannot read, or misreads them",
            code="SC086",
            hint=f"remove the entry: nnU-Net then chooses a reader that knows {ending}",
        )

    def _external(self, value: Any) -> Mapping[str, Mapping[str, Any]]:
        if not isinstance(value, dict) or not all(map(_names_files, value.values())):
            raise SegconvError("the key 'dataset' does not consist of cases with images and label", code="SC086")
        for case in value:
            if not _is_file_name(case):
                message = f"the key 'dataset' has the case {case!r}, expected the name of a file without a folder"
                cures = (Cure.of("repair_external"),)
                self.findings.append(Finding("SC060", message, "rename the case", DESCRIPTION, cures=cures))
        found: Mapping[str, Mapping[str, Any]] = value
        return found


def _holds_text(numbers: Any) -> bool:
    return any(isinstance(number, str) for number in (numbers if isinstance(numbers, list) else [numbers]))


def _ending(value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in ENDINGS:
        raise SegconvError(f"file_ending is {value!r}, expected one of {', '.join(ENDINGS)}", code="SC086")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SegconvError(f"numTraining is {value!r}, expected a whole number", code="SC086")
    return value


def _names_files(entry: Any) -> bool:
    """Return whether an entry of the key ``dataset`` names images and a label."""
    if not isinstance(entry, dict) or not isinstance(entry.get("label"), str):
        return False
    images = entry.get("images")
    return isinstance(images, list) and all(isinstance(path, str) for path in images)


def _is_file_name(case: str) -> bool:
    """Return whether the files that nnU-Net names after a case stay in the intended folder."""
    return case not in ("", ".", "..") and not any(character in case for character in "/\\\0")
