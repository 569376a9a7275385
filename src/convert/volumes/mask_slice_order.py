"""Put the mask pictures of a volume in the order of its slices: by file name if files correspond, else as declared.

A DICOM series is in the order of its positions, which may run against that of its file names; a volume
in one file has no slice names at all. So the order of mask pictures alone proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import Cure, Finding, SegconvError
from ...image import raster, stack
from ...words import count_of
from ..accepted import INSTANCE, NAME, POSITION, REVERSE
from ..model import SERIES, STACK, ConvertOptions, Parts, SourceCase
from ..source_files import shown
from ..survey import Survey


@dataclass(frozen=True)
class _Slices:
    """The slices of an image, in their order in the volume; for a volume in one file, only their number.

    Parameters
    ----------
    stems
        Names of the files, without their ending.
    instances
        InstanceNumber of each.
    """

    count: int
    stems: tuple[str, ...] = ()
    instances: tuple[int | None, ...] = ()

    @property
    def numbered(self) -> bool:
        """Whether each slice has a distinct InstanceNumber."""
        return None not in self.instances and len(set(self.instances)) >= max(1, self.count)


def in_slice_order(survey: Survey, cases: Sequence[SourceCase]) -> list[SourceCase]:
    """Return the cases with their mask pictures in the order of the slices of their images.

    Cases whose order is neither proved nor stated become one finding; each kind of proof becomes one note.
    """
    ordered = []
    ways: Counter[str] = Counter()
    open_cases: list[tuple[SourceCase, _Slices]] = []
    for case in cases:
        if case.label is None or case.form(case.label) != STACK or case.form(case.images[0]) == STACK:
            ordered.append(case)
            continue
        try:
            slices = _slices_of(case)
            found = _order(case, slices, survey.options)
        except SegconvError as error:
            survey.collect(error, survey.shown(case.label))
            continue
        if found is None:
            open_cases.append((case, slices))
            continue
        way, files = found
        ways[way] += 1
        ordered.append(case._replace(parts={**case.parts, case.label: files}))
    for way, number in ways.items():
        survey.note(f"mask pictures of {count_of(number, 'case')} belong to slices {way}")
    if open_cases:
        survey.findings.append(_not_stated(open_cases, survey.root))
    return ordered


def _order(case: SourceCase, slices: _Slices, options: ConvertOptions) -> tuple[str, Parts] | None:
    """Return what settles the order, and the pictures in it; None if nothing does."""
    parts = case.parts[str(case.label)]
    if len(parts.files) == 1:
        return _order_of_pages(parts, slices, options.slice_order)
    if slices.stems and len(slices.stems) != len(parts.files):
        raise SegconvError(
            f"is {count_of(len(parts.files), 'picture')}, its image has {count_of(len(slices.stems), 'slice')}",
            code="SC082",
            hint="a picture for each slice was expected, empty ones too",
        )
    if options.slice_order is not None:
        _refuse_unfit(options.slice_order, slices, pages=False)
        way, order = _as_asked(options.slice_order), _stated(options.slice_order, slices, len(parts.files))
    elif (proved := _proved([Path(file).stem for file in parts.files], slices)) is not None:
        way, order = proved
    else:
        return None
    return way, replace(parts, files=tuple(parts.files[at] for at in order))


def _order_of_pages(parts: Parts, slices: _Slices, order: str | None) -> tuple[str, Parts] | None:
    if raster.probe_file(parts.files[0]).pages == 1:
        return "of which each has one", parts
    if order is None:
        return None
    _refuse_unfit(order, slices, pages=True)
    return _as_asked(order), replace(parts, names=(REVERSE,) if order == REVERSE else ())


def _as_asked(order: str) -> str:
    return f"in the order that was asked for, {order}"


def _slices_of(case: SourceCase) -> _Slices:
    image = case.images[0]
    if case.form(image) != SERIES:
        return _Slices(0)
    from ...image.formats import dicom  # loads SimpleITK

    files = dicom.ordered(case.files_of(image))
    stems = tuple(_without_ending(Path(file).name) for file in files)
    return _Slices(len(files), stems, dicom.instances_of(files))


def _without_ending(name: str) -> str:
    lower = name.lower()
    return next((name[: -len(ending)] for ending in (".dcm", ".ima", ".dicom") if lower.endswith(ending)), name)


def _proved(pictures: Sequence[str], slices: _Slices) -> tuple[str, list[int]] | None:
    """Return how names of pictures and slices correspond, and each slice's picture by index; None if they do not.

    Equal names prove it. So does an equal number, in the file names or as InstanceNumber; if both are
    possible, they must agree.
    """
    if (order := _by_key(pictures, slices.stems)) is not None:
        return "of the same names", order
    numbers = stack.numbers_of(pictures)
    if numbers is None:
        return None
    by_file = _by_key(numbers, stack.numbers_of(slices.stems))
    by_instance = _by_key(numbers, slices.instances)
    if by_file is not None and by_instance is not None and by_file != by_instance:
        return None
    if by_file is not None:
        return "by the numbers in their names", by_file
    return None if by_instance is None else ("by the InstanceNumber, which is that in their names", by_instance)


def _by_key(
    pictures: Sequence[str] | Sequence[int], slices: Sequence[str] | Sequence[int | None] | None
) -> list[int] | None:
    """Return the index of each slice's picture, matched by key; None unless keys are unique and match exactly."""
    if slices is None or len(set(slices)) < len(slices) or set(slices) != set(pictures):
        return None
    place = {key: at for at, key in enumerate(pictures)}
    return [place[key] for key in slices if key is not None]


def _stated(order: str, slices: _Slices, count: int) -> list[int]:
    """Return the index of each slice's picture; pictures are in the order of their names."""
    if order == REVERSE:
        return list(range(count))[::-1]
    if order == POSITION or not slices.stems:
        return list(range(count))
    keys = [stack.natural_key(stem) for stem in slices.stems] if order == NAME else list(slices.instances)
    ranked = sorted(range(count), key=lambda at: keys[at])  # type: ignore[arg-type, return-value]
    found = [0] * count
    for picture, at in enumerate(ranked):
        found[at] = picture
    return found


def _refuse_unfit(order: str, slices: _Slices, *, pages: bool) -> None:
    cures = (Cure.of("state_slice_order", order=POSITION), Cure.of("state_slice_order", order=REVERSE))
    if order == INSTANCE and (pages or not slices.numbered):
        raise SegconvError("the slices of the image have no InstanceNumber of their own each", cures=cures)
    if pages and order == NAME:
        raise SegconvError("pages of one picture have no names", cures=cures)


def _not_stated(cases: Sequence[tuple[SourceCase, _Slices]], root: Path) -> Finding:
    case, slices = cases[0]
    files = case.files_of(str(case.label))
    first = Path(files[0]).name
    more = f"; and so {count_of(len(cases) - 1, 'case')} more" if cases[1:] else ""
    own = "a volume in one file"
    choices = {POSITION: f"{first} is the first slice of the volume", REVERSE: "it is the last"}
    if slices.stems:
        ends = f"{slices.stems[0]} is first (lowest along the normal), {slices.stems[-1]} last"
        own = f"a DICOM series, in which {ends}"
        by_name = min(slices.stems, key=stack.natural_key)
        choices = {NAME: f"the first picture, {first}, is of the first file by name, {by_name}"}
        if slices.numbered:
            by_instance = slices.stems[min(range(slices.count), key=lambda at: slices.instances[at] or 0)]
            choices[INSTANCE] = f"it is of the lowest InstanceNumber, {by_instance}"
        choices |= {POSITION: f"it is of {slices.stems[0]}", REVERSE: f"it is of {slices.stems[-1]}"}
    what = f"has {count_of(len(files), 'mask picture')}, from {first} on" if files[1:] else "is a picture with pages"
    return Finding(
        "SC003",
        f"{what}, and its image is {own}: no name tells which is of which slice{more}",
        file=shown(str(case.label), root),
        cures=tuple(Cure.of("state_slice_order_if", order=order, condition=when) for order, when in choices.items()),
    )
