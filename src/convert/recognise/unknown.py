"""The refusal of a source of no known kind: what it holds, and what might fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from pathlib import Path

from ... import reading
from ...errors import Cure, Finding, Refused, SegconvError
from ...image import raster, volumes
from ...image.segment import is_segmentation
from ...words import count_of
from ..find.globs import glob_of, globs_of
from ..find.lists import pair_by_list
from ..find.named_labels import LOSSY
from ..find.pairing import pair_units
from ..find.roles import MASK, MASK_WORDS, SEPARATORS, place_of, tokens_of
from ..judge.looks import labels_among
from ..model import CASE, SERIES
from ..survey import Survey
from ..tree import Unit, units_in, walk
from ..volumes.volume_units import strip_ending, volume_units
from .outlines import outlines_in

MOST_SIDES = 12
"""Maximum number of files per case for which patterns are proposed."""

SHOWN = 3
"""Maximum number of endings and folders to name."""
_PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz")
_DRAWN = (".json", ".xml", ".txt")
"""Endings of files that often hold outlines instead of masks, if there is one for each picture."""


def of_unknown(survey: Survey) -> SegconvError:
    """Return the refusal of a source in which nothing distinguishes images and labels."""
    root = survey.root
    files = {folder: names for folder, names in walk(survey.again()) if names}
    endings = Counter(_ending(name) for names in files.values() for name in names)
    if not endings:
        return _refusal(root, "holds no file", "give the folder that holds the images and labels")
    pictures, volume_files = units_in(survey.again(), raster.ending_of)[0], volume_units(survey)[0]
    _refuse_labels_of_dicom(survey, volume_files)
    if survey.findings:
        return Refused(reasons=survey.findings)  # findings explain why nothing was recognised
    units = max(pictures, volume_files, key=len)
    found = _listed(endings, files)
    if not units:
        return _refusal(root, f"holds {found}, of no format that is read", _of_other_formats(root, files))
    if (cure := _of_slices(pictures, volume_files)) is not None:
        what = "series, and as many folders of pictures, which may be masks of their slices"
        return _refusal(root, f"holds {found}: {what}", cures=[cure])
    if reasons := _of_lonely_labels(units):
        return Refused(reasons=reasons)
    outlines, hint = _outlines(root, files, endings, len(units))
    cures, advice = _proposals(survey, units)
    return _refusal(
        root,
        f"holds {found}{outlines}, and no name of a file or folder tells which of them are labels",
        "; ".join(filter(None, (hint, advice))),
        cures,
    )


def _of_other_formats(root: Path, files: Mapping[str, Sequence[str]]) -> str:
    """Return what to do with a source that holds neither pictures nor volumes."""
    if reading.is_file(root / "dataset.json"):
        return "a dataset.json is read beside imagesTr and labelsTr: give the folder that holds all three"
    packed = next((name for names in files.values() for name in names if _ending(name) in _PACKED), None)
    if packed is not None:
        return f"unpack {packed}"
    readable = f"pictures are read as {', '.join(raster.ENDINGS)}, volumes as {', '.join(volumes.ENDINGS)} or DICOM"
    return f"save them in another format: {readable}"


def _of_lonely_labels(units: Sequence[Unit]) -> list[Finding]:
    """Return the findings on labels known by their place, or on several possible labels."""
    found = pair_units(units).findings
    if any(place_of(unit.folder).role == MASK for unit in units):
        return found
    return [finding for finding in found if finding.code == "SC003"]


def _outlines(root: Path, files: Mapping[str, Sequence[str]], endings: Counter[str], count: int) -> tuple[str, str]:
    """Return which outlines are next to the files, and what to do with them; empty texts if there are none."""
    paths = [f"{folder}/{name}".lstrip("/") for folder, own in files.items() for name in own]
    if (outlines := outlines_in(root, paths)) is not None:
        what, how = outlines
        return f", {what}", f"outlines are not read: draw them as masks first{f' ({how})' if how else ''}"
    if any(endings[ending] >= count for ending in _DRAWN):
        return "", "outlines in text files are not read: draw them as masks first"
    return "", ""


def _refuse_labels_of_dicom(survey: Survey, units: Sequence[Unit]) -> None:
    """Add a finding for each series next to labels stored as objects that are not read."""
    for unit in units:
        if unit.parts is not None and unit.parts.form == SERIES:
            from ...image.formats import dicom_folder  # loads SimpleITK

            with survey.judging():
                dicom_folder.refuse_labels(str(survey.root / unit.path))


def _of_slices(pictures: Sequence[Unit], volume_files: Sequence[Unit]) -> Cure | None:
    """Return the cure that takes folders of pictures as masks of series, if each series has one; otherwise None."""
    series = [unit.path for unit in volume_files if unit.parts is not None and unit.parts.form == SERIES]
    folders = sorted({unit.folder for unit in pictures})
    images, masks = _pattern_of(series), _pattern_of(folders)
    if not images or not masks or images[1] != masks[1]:
        return None
    return Cure.of("take_slices_as_masks", images=images[0], masks=masks[0])


def _pattern_of(folders: Sequence[str]) -> tuple[str, set[str]] | None:
    """Return the pattern of folders whose paths differ in one part, and these parts; None for others."""
    parts = [folder.split("/") for folder in folders]
    if len(folders) < 2 or len({len(one) for one in parts}) > 1:
        return None
    differing = [at for at, same in enumerate(zip(*parts, strict=True)) if len(set(same)) > 1]
    if len(differing) != 1:
        return None
    at = differing[0]
    return "/".join([*parts[0][:at], CASE, *parts[0][at + 1 :]]), {one[at] for one in parts}


def _proposals(survey: Survey, units: Sequence[Unit]) -> tuple[tuple[Cure, ...], str]:
    """Return what might fit: cures, and advice in words."""
    if cures := _readings(survey.root, units):
        return cures, ""
    theirs = units[0].ending
    ending = ".png" if theirs.lower() in LOSSY else theirs
    named = f"name labels NAME_mask{ending}, or put them" if ending else "put volumes of labels"
    advice = f"{named} into a folder masks beside one called images"
    if any(MASK_WORDS & {*tokens_of(unit.stem)} for unit in units):
        return (Cure("name_images_and_masks"),), advice  # some are labels, although not by their first or last word
    return (Cure.of("take_all_as_images", images=f"**/*{theirs}"),), advice


def _readings(root: Path, units: Sequence[Unit]) -> tuple[Cure, ...]:
    """Return cures that read images and labels by a list, from folders, or by their values; none without a sign."""
    if (listing := _list_in(root)) is not None:
        return (Cure.of("read_list", list=listing),)
    folders = _grouped(units, lambda unit: unit.folder)
    images = [folder for folder, own in folders.items() if not any(is_segmentation(unit.path) for unit in own)]
    if len(images) == 1 and len(folders) > 1:
        return (Cure.of("read_image_folder", folder=images[0]),)
    return next(filter(None, (_by_values(root, sides) for sides in _sides(folders))), ())


def _by_values(root: Path, sides: Sequence[tuple[str, list[Unit]]]) -> tuple[Cure, ...]:
    """Return a cure for each side whose files hold few values, as labels do; none if all sides look alike."""
    patterns = [pattern for pattern, _ in sides]
    masks = list(compress(patterns, labels_among([own for _, own in sides], root)))
    images = [pattern for pattern in patterns if pattern not in masks]
    return tuple(Cure.of("take_few_values_as_masks", images=images, masks=mask) for mask in masks)


def _grouped(units: Iterable[Unit], key: Callable[[Unit], str]) -> dict[str, list[Unit]]:
    groups: dict[str, list[Unit]] = {}
    for unit in units:
        groups.setdefault(key(unit), []).append(unit)
    return groups


def _sides(folders: Mapping[str, list[Unit]]) -> Iterator[list[tuple[str, list[Unit]]]]:
    """Yield sides that may be images and labels, each with its pattern.

    Sides are the files of one name in every folder, or complete folders, or files whose names share the last word.
    """
    owns = list(folders.values())
    if len(folders) == 1:
        yield from _by_last_word(owns[0])
        return
    for_name = _grouped(chain.from_iterable(owns), lambda unit: unit.name)
    alike = {len(own) for own in for_name.values()} == {len(folders)}
    if alike and 1 < len(for_name) <= MOST_SIDES:
        depth = "/".join("*" * (1 + next(iter(folders)).count("/")))
        yield [(glob_of(depth, name), for_name[name]) for name in sorted(for_name)]
    if len(folders) == 2:
        yield list(zip(globs_of(*owns), owns, strict=True))
    elif alike and len(folders) <= MOST_SIDES:
        yield [(glob_of(folder, f"{{case}}{own[0].ending}"), own) for folder, own in folders.items()]


def _by_last_word(units: list[Unit]) -> Iterator[list[tuple[str, list[Unit]]]]:
    """Yield the pattern and files of each side of one folder, if each case has a file with each last word."""
    cases: dict[str, set[str]] = {}
    files: dict[str, list[Unit]] = {}
    for unit in units:
        word = SEPARATORS.split(unit.stem)[-1]
        case = unit.stem[: len(unit.stem) - len(word)]
        cases.setdefault(word + unit.ending, set()).add(case)
        files.setdefault(word + unit.ending, []).append(unit)
    if (
        not 1 < len(cases) <= MOST_SIDES
        or len({frozenset(own) for own in cases.values()}) > 1
        or any("" in own for own in cases.values())
    ):
        return
    separator = next(iter(next(iter(cases.values()))))[-1:]
    yield [(glob_of(units[0].folder, f"{{case}}{separator}{word}"), files[word]) for word in sorted(cases)]


def _list_in(root: Path) -> Path | None:
    """Return a list of images and labels in the source, or None."""
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in (".csv", ".tsv", ".json") and reading.is_file(path):
            try:
                pairing = pair_by_list(path, root, strip_ending)
            except SegconvError:
                continue
            if pairing.paired and not pairing.findings:
                return path
    return None


def _ending(name: str) -> str:
    return volumes.ending_of(name) or Path(name).suffix.lower()


def _listed(endings: Counter[str], files: Mapping[str, Sequence[str]]) -> str:
    """Return ``6 .png and 1 .txt files in 2 folders (a, b)``."""
    usual = endings.most_common(SHOWN)
    counted = [f"{count} {ending or 'nameless'}" for ending, count in usual]
    more = endings.total() - sum(dict(usual).values())
    counted += [f"{more} more"] if more else []
    last = counted.pop()
    what = f"{', '.join(counted)} and {last} files" if counted else f"{last} file{'' if endings.total() == 1 else 's'}"
    if list(files) == [""]:
        return what
    folders = [folder or "." for folder in files]
    named = ", ".join(folders[:SHOWN]) + (" …" if len(folders) > SHOWN else "")
    return f"{what} in {count_of(len(folders), 'folder')} ({named})"


def _refusal(root: Path, what: str, hint: str = "", cures: Iterable[Cure] = ()) -> SegconvError:
    return SegconvError(what, code="SC011", file=str(root), hint=hint, cures=cures)
