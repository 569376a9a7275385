"""Starts from every refusal of the kit of bad and odd sources."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk

from ..convert.oracles import ct
from ..kit.case import Case, Reject
from ..kit.cases import CASES
from ..kit.made import Made
from ..kit.scorer import command_line, placed
from ..kit.sources import DEGREES, KINDS, TRAINING, Place, mask, picture
from .ends import Ends
from .truth import Cases, Right, Said, found_file, inside_of, named, on_grid, pixels, same_image, same_labels
from .walk import Found, Start, walk

WARNED = [case for case in CASES if not isinstance(case.expect, Reject)]
"""Cases that are converted at once, and may print warnings with hints."""
REFUSALS = [case for case in CASES if isinstance(case.expect, Reject)]


def sampled(cases: Sequence[Case]) -> list[Case]:
    """Return one of the cases of each name, of all kinds of sources in turn."""
    alike: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        alike.setdefault((case.topic, case.name), []).append(case)
    return [group[number % len(group)] for number, group in enumerate(alike.values())]


def channels(found: Found, word: str) -> str:
    """Return as many names of channels as are asked for."""
    return ",".join(["CT", "PET", "MRI"][: word.count("NAME")])


ANSWERS = {"--nonfinite": "0", "--image": "ct", "--channels": channels}
ORGANS = ",".join(f"{name}={value}" for name, value in DEGREES.items())


def follow(case: Case, folder: Path, ends: Ends) -> None:
    """Walk from the refusal of a case."""
    with placed(case, folder) as place, circumstances(case, place):
        make, untrue = SPECIAL.get(case.name, (Now, ("is an image",)))
        line, right = command_line(case, place), make(place)
        right = right if isinstance(case.expect, Reject) else _scored(line, right)
        walk(Start(case.id, line, folder, right, answers(case, place), untrue), ends)


def _scored(first: list[str], right: Right) -> Right:
    """Return the check of a dataset that is made at once: the kit's scorer compares that one with the truth."""
    return lambda dataset, line: None if line == first else right(dataset, line)


def circumstances(case: Case, place: Place) -> Any:
    """Return what surrounds the runs of a case."""
    return contextlib.nullcontext() if case.around is None else case.around(place)


def labels_of(place: Place) -> list[Path]:
    """Return the label files of a source as it is now."""
    folders = ("masks", "labelsTr", "labelsTs")
    return [path for folder in folders for path in sorted((place.root / folder).glob("*.*")) if path.is_file()]


def voxels_of(path: Path) -> np.ndarray:
    """Return the values of a label."""
    return pixels(path) if path.suffix in (".png", ".tif", ".jpg", ".bmp") else read(path)


def answers(case: Case, place: Place) -> dict[str, Any]:
    """Return what a person knows of a case."""
    name, labels = ("road", "background=0,road=255") if case.kind == "png" else ("tumour", ORGANS)
    name = "liver" if case.kind == "masks" else name
    if "dataset of pictures" in case.name:
        name, labels = "road", "background=0,road=1"

    def declared(found: Found, word: str) -> str:
        """Return the declaration, with a class for each value that occurs and is not in it."""
        values = {
            int(value) for path in labels_of(place) for value in np.unique(voxels_of(path)) if value == int(value)
        }
        known = {int(one.rsplit("=")[1]) for one in labels.split(",")}
        return labels + "".join(f",odd{value}={value}" for value in sorted(values - known) if value >= 0)

    return {**ANSWERS, "NAME": name, "--labels": declared}


def read(path: Path) -> np.ndarray:
    """Return the voxels of a volume, also of one that SimpleITK refuses."""
    try:
        return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError:
        return np.asarray(nib.load(path).dataobj).T


@dataclass(frozen=True)
class Now:
    """Whether a dataset holds what its source holds now, but for what the options say."""

    place: Place

    def __call__(self, dataset: Path, line: list[str]) -> None:
        made, said = Made(dataset, self.place), Said(line)
        assert made.records, "no cases"
        for name, record in made.records.items():
            source = name.rsplit("/", 1)[-1]
            images = self._images(source, len(made.description["channel_names"]))
            for channel, path in enumerate(images):
                self._image(made, name, channel, path, images[0], said)
            if record["label_map"] is not None and made.label_file(name).exists():
                self._label(made, name, source, images[0], said)

    def _images(self, name: str, channels: int) -> list[Path]:
        kind = KINDS[self.place.kind].image
        if self.place.kind in ("v1", "v2"):
            stems = [f"{name}_{channel:04d}" for channel in range(channels)]
            return [_in_folders(self.place.root, ("imagesTr", "imagesTs"), stem) for stem in stems]
        if self.place.kind == "msd":
            return [_in_folders(self.place.root, ("imagesTr", "imagesTs"), name)] * channels
        stem = self.place.root / re.sub(r"\.(nii\.gz|png)$", "", kind.replace("c1", name, 1))
        return [found_file(stem)] * (channels if self.place.kind != "png" else 1)

    def _image(self, made: Made, name: str, channel: int, path: Path, first: Path, said: Said) -> None:
        found = made.image(name, channel)
        if path.suffix in (".png", ".tif", ".jpg"):
            same_image(found[0] if said.last("--format") == "nii.gz" else found, _as_written(path, found, said), name)
        elif path != first and said.resampled:
            image, grid = sitk.ReadImage(str(path)), sitk.ReadImage(str(first))
            within = inside_of(image, grid)
            outside = found if found.shape == within.shape else 0
            expected = np.where(within, on_grid(image, grid, sitk.sitkLinear), outside)
            same_image(found, _turned(expected, found), name, exact=False)
        else:
            expected = _channel(read(path), channel)
            expected = np.where(np.isfinite(expected), expected, float(said.last("--nonfinite") or 0))
            same_image(found, _turned(expected, found), name)

    def _label(self, made: Made, name: str, source: str, image: Path, said: Said) -> None:
        names = made.description["labels"]
        found = made.label(name)
        if self.place.kind == "masks":
            self._masks(made, name, source, image, said)
            return
        folders = {"msd": ("labelsTr", "labelsTs"), "v1": ("labelsTr", "labelsTs"), "v2": ("labelsTr", "labelsTs")}
        path = _in_folders(self.place.root, folders.get(self.place.kind, ("masks",)), source)
        snap = float(said.last("--snap") or 0)
        if path.suffix in (".png", ".tif", ".jpg"):
            usual = {"0": "background", "255": "road"} if self.place.kind == "png" else {"0": "background", "1": "road"}
            found = found[0] if said.last("--format") == "nii.gz" else found
            same_labels(found, named(pixels(path), said.codes(usual), names, snap), name)
            return
        codes = said.codes({str(value): organ for organ, value in DEGREES.items()})
        values, exact = self._volume(path, image, said)
        same_labels(found, _turned(named(values, codes, names, snap), found), name, exact=exact)

    def _volume(self, path: Path, image: Path, said: Said) -> tuple[np.ndarray, bool]:
        if said.resampled:
            label, grid = sitk.ReadImage(str(path)), sitk.ReadImage(str(image))
            if not _same_grid(label, grid):
                return on_grid(label, grid, sitk.sitkNearestNeighbor), False
        return read(path), True

    def _masks(self, made: Made, name: str, source: str, image: Path, said: Said) -> None:
        names = made.description["labels"]
        for organ in ("liver", "kidney"):
            path = next((self.place.root / source).glob(f"{organ}.*"), None)
            if path is None:
                continue
            values, exact = self._volume(path, image, said)
            if organ in names:
                found = np.isin(made.label(name), names[organ])
                same_labels(found, _turned(values > 0, found), f"{name}, {organ}", exact=exact)


def _as_written(path: Path, found: np.ndarray, said: Said) -> np.ndarray:
    """Return a picture as options make it grey or RGB."""
    expected = pixels(path)
    if "--grey-to-rgb" in said.line and expected.ndim == 2:
        expected = np.stack([expected] * 3, -1)
    return expected[..., :3] if found.ndim == 3 and found.shape[-1] == 3 else expected


def _channel(voxels: np.ndarray, channel: int) -> np.ndarray:
    """Return a channel of a volume, whichever axis counts them."""
    if voxels.ndim < 4:
        return voxels
    return voxels[channel] if len(voxels) < voxels.shape[-1] else voxels[..., channel]


def _in_folders(root: Path, folders: tuple[str, ...], stem: str) -> Path:
    for folder in folders:
        for under in (root / folder, *(path for path in (root / folder).glob("*/") if path.is_dir())):
            with contextlib.suppress(StopIteration):
                return found_file(under / stem)
    raise FileNotFoundError(stem)


def _turned(voxels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return voxels with their axes in the order and directions in which they agree best with others."""
    if voxels.ndim != 3 or np.array_equal(voxels, like):
        return voxels
    turned = [voxels.transpose(axes) for axes in itertools.permutations(range(3))]
    flipped = [
        one[tuple(slice(None, None, step) for step in steps)]
        for one in turned
        if one.shape == like.shape
        for steps in itertools.product((1, -1), repeat=3)
    ]
    return max(flipped, key=lambda one: np.mean(np.isclose(one, like)), default=voxels)


def _same_grid(one: sitk.Image, other: sitk.Image) -> bool:
    return one.GetSize() == other.GetSize() and bool(
        np.allclose(
            [*one.GetSpacing(), *one.GetOrigin(), *one.GetDirection()],
            [*other.GetSpacing(), *other.GetOrigin(), *other.GetDirection()],
            atol=1e-3,
        )
    )


def _lesions(place: Place) -> Right:
    images = {f"c{n}": [ct(n).images[0].array] * 2 for n in TRAINING}
    return Cases(images, {f"c{n}": _organs(n) for n in TRAINING}, anyhow=True)


def _organs(number: int) -> dict[str, np.ndarray]:
    """Return name → place of the classes of a phantom."""
    return {name: ct(number).label.array == value for name, value in DEGREES.items() if value}


def _volumes(place: Place) -> Right:
    return Cases({f"c{n}": [ct(n).images[0].array] for n in TRAINING}, {f"c{n}": _organs(n) for n in TRAINING})


def _united(place: Place) -> Right:
    labels = {f"c{n}": {"foreground": ct(n).label.array > 0} for n in TRAINING}
    return Cases({f"c{n}": [ct(n).images[0].array] for n in TRAINING}, labels)


def _frames(place: Place) -> Right:
    names = [(f"c{n}_frame{frame:02d}", n) for n in TRAINING for frame in (1, 2)]
    return Cases({name: [ct(n).images[0].array] for name, n in names}, {name: _organs(n) for name, n in names})


def _coloured(place: Place) -> Right:
    """Index 1 is red in the first mask, green in the others; 2 is green."""
    green = [mask_of(place, n) == (2 if n == 0 else 1) for n in TRAINING]
    red = [(mask_of(place, n) == 1) & (n == 0) for n in TRAINING]
    labels = {f"c{n}": {"class_1": green[n], "class_2": red[n]} for n in TRAINING}
    return Cases({f"c{n}": [picture(n)] for n in TRAINING}, labels)


def mask_of(place: Place, number: int) -> np.ndarray:
    return pixels(place.root / f"masks/c{number}.png")


def _training(place: Place) -> Right:
    """The pictures of the training folder that have a mask, and what is to be predicted."""
    return Cases({"c0": [picture(0)]}, {"c0": {"road": mask(0) > 0}}, others=True)


def _doubled(place: Place) -> Right:
    names = {"training/c0": 0, "training/c1": 1, "testing/c1": 1, "testing/c2": 2}
    return Cases(
        {name: [picture(n)] for name, n in names.items()}, {name: {"road": mask(n) > 0} for name, n in names.items()}
    )


def _roads(*names: str, skipped: tuple[int, ...] = ()) -> Callable[[Place], Right]:
    """Return the truth of the pictures of the good source, by other names."""

    def right(place: Place) -> Right:
        kept = [number for number in TRAINING if number not in skipped]
        titles = names or tuple(f"c{number}" for number in kept)
        images = {name: [picture(number)] for name, number in zip(titles, kept, strict=True)}
        return Cases(images, {name: {"road": mask(n) > 0} for name, n in zip(titles, kept, strict=True)})

    return right


SPECIAL: dict[str, tuple[Callable[[Place], Right], tuple[str, ...]]] = {
    "a mask of the body next to the label": (_lesions, ("brain_mask",)),
    "a mask of the body in the place of the image": (Now, ("is the image",)),
    "frames in image and label": (_frames, ()),
    "sheared of a detached header": (Now, ("where their headers say",)),
    "numbered masks of one volume": (_united, ()),
    "pictures of slices in no order that is known": (_volumes, ("--slice-order position",)),
    "names that do not meet": (_roads("0", "1", "2"), ()),
    "palettes that differ": (_coloured, ()),
    "two numbered masks of one picture": (_roads(), ()),
    "mask less for training": (_training, ()),
    "one name in training and testing": (_doubled, ()),
    "segments of other values in each case": (_volumes, ()),
    "no background anywhere": (Now, ("background=",)),
    "soft edges undeclared": (Now, ("--accept-labels",)),
    "numbers of objects": (Now, ("--accept-labels",)),
    "as many objects in each mask": (Now, ("--accept-labels",)),
}
"""Name of a case → its truth, and what hints say that is not true of it."""
