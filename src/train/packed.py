"""What an archive of trained models holds: which files, and a list of their checksums.

The layout is that of ``nnUNet_results``, which nnU-Net's own archives have, too::

    Dataset042_Liver/
      nnUNetTrainer__nnUNetPlans__2d/       plans.json, dataset.json, fold_0/checkpoint_final.pth, …
      ensembles/                            postprocessing of pairs of models
      inference_information.json            what nnU-Net found best
      segconv/models.json                   the checksums
      segconv/run.json                      how the dataset was made, for predictions in the user's own form
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..dataset.names import DatasetName
from ..dataset.strictjson import load_object, read_file
from ..errors import Finding, SegconvError, naming, refuse_if_any
from ..typed import Misfit, count, entries, many, sha256, text
from ..words import some_of
from .archive import Member

CHECKSUMS = "segconv/models.json"
"""In the folder of the dataset."""

_MODEL = r"\w[\w.-]*?__\w[\w.-]*?__\w[\w.-]*"
_OF_PREDICTIONS = r"(summary\.json|postprocessing\.(json|pkl)|plans\.json|dataset\.json|postprocessed/[^/]+|[^/]+)"
_FOLD = r"fold_(all|\d+)"
_KNOWN = re.compile(
    rf"{_MODEL}/(plans|dataset|dataset_fingerprint)\.json"
    rf"|{_MODEL}/{_FOLD}/(checkpoint_\w+\.pth|debug\.json|progress\.png|network_architecture[^/]*|training_log_[^/]*\.txt)"
    rf"|{_MODEL}/{_FOLD}/validation/[^/]+"
    rf"|{_MODEL}/crossval_results_folds_[\w]+/{_OF_PREDICTIONS}"
    rf"|ensembles/ensemble___{_MODEL}___{_MODEL}___\w+/{_OF_PREDICTIONS}"
    r"|inference_(information\.json|information\.txt|instructions\.txt)"
    r"|segconv/(models|run)\.json"
)
"""Files of a dataset's results, below its folder."""

_PLANS = re.compile(rf"[^/]+/{_MODEL}/plans\.json")

PICKLES = (".pkl", ".pickle")
"""Not unpacked: nnU-Net's commands run what is in them, and predicting needs none."""

_FOR_PEOPLE = re.compile(
    r"(.*/)?((readme|licen[cs]e|notice|citation)[^/]*|\.ds_store|\._[^/]*)|__macosx/.*", re.IGNORECASE | re.DOTALL
)
"""Texts for people, and what desktops leave in archives; not unpacked."""

_said = entries({"files": many(entries({"path": text, "size": count, "sha256": sha256}), least=1)})


def dataset_of(members: Iterable[Member], archive: Path) -> str:
    """Return the dataset whose models an archive holds; refuse an archive of anything else.

    Raises
    ------
    Refused
        ``SC125`` for files that no trained model has, or of several datasets.
    """
    names = [member.name for member in members if not _FOR_PEOPLE.fullmatch(member.name)]
    folders = sorted({name.partition("/")[0] for name in names})
    if len(folders) != 1 or DatasetName.of_folder(folders[0]) is None:
        raise SegconvError(
            f"holds {some_of(folders) or 'nothing'}, expected the folder of one dataset, such as Dataset042_Liver",
            code="SC125",
            file=str(archive),
        )
    refuse_if_any(_strange(names, archive))
    if not any(_PLANS.fullmatch(name) for name in names):
        raise SegconvError("holds no plans of a model", code="SC125", file=str(archive))
    return folders[0]


def needed(members: Iterable[Member]) -> list[Member]:
    """Return the files to unpack; the others run code when they are loaded, or are for people."""
    return [member for member in members if not (member.name.endswith(PICKLES) or _FOR_PEOPLE.fullmatch(member.name))]


def _strange(names: Iterable[str], archive: Path) -> list[Finding]:
    what = "which is no file of a trained model"
    strange = [name for name in names if not _KNOWN.fullmatch(name.partition("/")[2])]
    return [Finding("SC125", f"holds {name!r}, {what}", file=str(archive)) for name in strange]


def checksums(files: Mapping[str, tuple[int, str]], **said: Any) -> dict[str, Any]:
    """Return the content of the list of checksums.

    Parameters
    ----------
    files
        Path below the dataset's folder → size and SHA-256.
    said
        More about the archive, for people.
    """
    listed = [{"path": path, "size": size, "sha256": digest} for path, (size, digest) in sorted(files.items())]
    return {**said, "files": listed}


def differing(folder: Path, found: Mapping[str, str]) -> list[str] | None:
    """Return the files that are not those of the list of checksums; None if there is no such list.

    Parameters
    ----------
    folder
        Folder of the dataset, unpacked.
    found
        Path below it → SHA-256 of what was unpacked.

    Raises
    ------
    SegconvError
        ``SC086`` if the list cannot be used.
    """
    path = folder / CHECKSUMS
    if CHECKSUMS not in found:
        return None
    with naming(str(path)):
        try:
            said = _said(load_object(read_file(path)))
        except Misfit as misfit:
            raise SegconvError(f"is not a list of checksums: {misfit}", code="SC086") from None
    listed = {entry["path"]: entry["sha256"] for entry in said["files"]}
    return sorted(name for name in {*listed, *found} - {CHECKSUMS} if listed.get(name) != found.get(name))
