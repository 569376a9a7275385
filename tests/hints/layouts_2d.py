"""Pictures as people and tools leave them: which masks are whose, and what their values mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from ..convert.drawn import save, save_palette
from .laid_out import NUMBERS, Layout, boxes, photo, pictures
from .truth import Cases

Draw = Callable[[int], np.ndarray]
BLACK, RED, GREEN, BLUE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)
ONE: Draw = lambda n: boxes(255 * (n != 1), 255)  # noqa: E731 - one object in one picture, two in the others
RIGHT = pictures({"foreground": lambda n: ONE(n) > 0}, anyhow=True)


def drawn(mask: Draw, image: str = "images/p{n}.png", label: str = "masks/p{n}.png") -> Callable[[Path], None]:
    """Return what writes grey pictures and their masks."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            save(root / image.format(n=n), photo(n))
            save(root / label.format(n=n), mask(n))

    return make


def swapped(photograph: Draw, image: str, label: str) -> Callable[[Path], None]:
    """Return what writes photographs to where masks belong, and masks to where images belong."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            save(root / image.format(n=n), boxes(255))
            save(root / label.format(n=n), photograph(n))

    return make


def palettes(root: Path) -> None:
    """Store only the colours that a mask needs, so that an index is another colour in each."""
    for n in NUMBERS:
        save(root / f"images/p{n}.png", photo(n))
        save_palette(
            root / f"masks/p{n}.png",
            boxes(1, 2) if n == 0 else boxes(1),
            [BLACK, RED, GREEN] if n == 0 else [BLACK, GREEN],
        )


def in_colours(n: int) -> np.ndarray:
    return np.array([BLACK, RED, GREEN], np.uint8)[boxes(1, 2)]


def edited(mask: np.ndarray, value: object) -> np.ndarray:
    """Change a pixel of the first box."""
    mask[5, 3] = value
    return mask


def listed(root: Path) -> None:
    """Write pictures, masks and a list whose columns have other names."""
    two_folders("x/i{n}.png", "y/m{n}.png")(root)
    rows = ["img;mask", *(f"x/i{n}.png;y/m{n}.png" for n in NUMBERS)]
    (root / "list.csv").write_text("\n".join(rows))


def see_through(n: int) -> np.ndarray:
    """Return a black and a red box on transparent ground."""
    return np.array([(0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 255)], np.uint8)[boxes(1, 2)]


def names_beside_each(root: Path) -> None:
    """Number the classes of each picture in a list of its own."""
    for n, names in zip(NUMBERS, (["cat", "dog"], ["dog"], ["dog", "cat"]), strict=True):
        save(root / f"p{n}_json/img.png", photo(n))
        save_palette(root / f"p{n}_json/label.png", boxes(*range(1, 1 + len(names))), [BLACK, RED, GREEN])
        (root / f"p{n}_json/label_names.txt").write_text("\n".join(["_background_", *names]))


WHITE = pictures({"foreground": lambda n: boxes(255) > 0}, anyhow=True)


def white_is_zero(*folders: str) -> Callable[[Path], None]:
    """Return what stores one file of these folders with white as 0."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            for folder, pixels in (("images", photo(n)), ("masks", boxes(255))):
                odd = n == 1 and folder in folders
                path = root / folder / f"p{n}.tif"
                path.parent.mkdir(exist_ok=True)
                tifffile.imwrite(
                    path, 255 - pixels if odd else pixels, photometric="miniswhite" if odd else "minisblack"
                )

    return make


def outlines(image: str, file: str, content: object) -> Callable[[Path], None]:
    """Return what writes a picture and its outlines as a tool exports them."""

    def make(root: Path) -> None:
        save(root / image, photo(1))
        (root / file).parent.mkdir(exist_ok=True, parents=True)
        (root / file).write_text(content if isinstance(content, str) else json.dumps(content))

    return make


def splits_of_pictures(values: Draw) -> Callable[[Path], None]:
    """Return what writes pictures of one name for training and validation, whose labels are outlines."""

    def make(root: Path) -> None:
        for at, split in enumerate(("train", "val")):
            save(root / f"images/{split}/a.png", values(at))
            outlines("images/train/a.png", f"annotations/instances_{split}.json", {"annotations": []})(root)
            save(root / f"images/{split}/a.png", values(at))

    return make


def pages(**of_masks: object) -> Callable[[Path], None]:
    """Return what stores two channels and a mask page for each class, as ImageJ does."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            channels = {"images": [photo(n), photo(n + 9)], "masks": [boxes(255), boxes(0, 255)]}
            for folder, pages in channels.items():
                said = {"axes": "CYX", **(of_masks if folder == "masks" else {})}
                (root / folder).mkdir(exist_ok=True)
                tifffile.imwrite(root / f"{folder}/p{n}.tif", np.stack(pages), imagej=True, metadata=said)

    return make


def numbered_masks(root: Path) -> None:
    for n in NUMBERS:
        save(root / f"benign/p ({n}).png", photo(n))
        save(root / f"benign/p ({n})_mask.png", boxes(255))
    save(root / "benign/p (2)_mask_1.png", boxes(0, 255))


def two_folders(image: str, *masks: str) -> Callable[[Path], None]:
    """Return what writes a mask of the first box into the first folder, and of the second into the second."""

    def make(root: Path) -> None:
        for n in NUMBERS:
            save(root / image.format(n=n), photo(n))
            for at, mask in enumerate(masks):
                save(root / mask.format(n=n), boxes(*[0] * at, 255))

    return make


MANY = 300


def many_pairs(image: str, mask: str) -> tuple[Callable[[Path], None], Cases]:
    """Return what writes hundreds of small pictures and masks whose names differ, and the truth by their numbers."""

    def make(root: Path) -> None:
        for n in range(MANY):
            save(root / image.format(n=n), dot(n))
            save(root / mask.format(n=n), dot(n) * np.uint8(255))

    images = {f"{n:03d}": [dot(n)] for n in range(MANY)}
    return make, Cases(images, {name: {"foreground": own[0] > 0} for name, own in images.items()}, anyhow=True)


def dot(n: int) -> np.ndarray:
    """Return a picture whose place of a dot says its number."""
    pixels = np.zeros((20, 20), np.uint8)
    pixels.flat[n + 30] = 1
    return pixels


def without(make: Callable[[Path], object], *names: str) -> Callable[[Path], None]:
    """Return what makes a source that lacks some files."""

    def lacking(root: Path) -> None:
        make(root)
        for name in names:
            (root / name).unlink()

    return lacking


def kinds_mixed(root: Path) -> None:
    for n in NUMBERS:
        save(root / f"images/p{n}.png", photo(n, 1 if n == 1 else 3))
        save(root / f"masks/p{n}.png", boxes(255))


def transparent(root: Path) -> None:
    for n in NUMBERS:
        save(root / f"images/p{n}.png", photo(n, 4))
        save(root / f"masks/p{n}.png", boxes(255))


def _of(make: Draw, label: Draw = lambda n: boxes(255) > 0, names: str = "p{n}") -> Cases:
    return Cases(
        {names.format(n=n): [make(n)] for n in NUMBERS}, {names.format(n=n): {"foreground": label(n)} for n in NUMBERS}
    )


def smooth(n: int) -> np.ndarray:
    """Return a mask with a soft edge, of a few values."""
    mask = boxes(255)
    mask[4:14, 2], mask[4:14, 7] = 90, 170
    return mask


def stray(value: int) -> Draw:
    """Return masks of 0 and 255 of which one holds a pixel of another value."""

    def mask(n: int) -> np.ndarray:
        found = boxes(255)
        found[20, 20] = value if n == 1 else 0
        return found

    return mask


SQUARE = [[5, 5], [15, 5], [15, 15], [5, 15]]
TOOLS = {
    "COCO": ("images/a.jpg", "annotations/instances.json", {"images": [], "annotations": [], "categories": []}),
    "Roboflow": ("train/a.jpg", "train/_annotations.coco.json", {"images": [], "annotations": [], "categories": []}),
    "LabelMe": (
        "a.jpg",
        "a.json",
        {"version": "5", "shapes": [{"label": "cell", "points": SQUARE}], "imagePath": "a.jpg"},
    ),
    "VIA": ("a.jpg", "via.json", {"a.jpg1": {"filename": "a.jpg", "regions": []}}),
    "Label Studio": ("images/a.jpg", "result.json", [{"id": 1, "data": {}, "annotations": []}]),
    "QuPath": ("images/a.jpg", "annotations/a.geojson", {"type": "FeatureCollection", "features": []}),
    "CVAT": ("images/a.jpg", "annotations.xml", "<annotations><image/></annotations>"),
    "Pascal VOC": ("images/a.jpg", "xml/a.xml", "<annotation><object></object></annotation>"),
    "YOLO": ("images/train/a.jpg", "labels/train/a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n"),
    "run lengths": ("train_images/a.jpg", "train.csv", "ImageId,EncodedPixels\na,1 3\n"),
}
NO_LABELS = Cases({}, {}, others=True)
UNLABELLED = {"NAME=1": "cell=1", "NAME": "cell"}
COUNT = {"foreground": lambda n: boxes(*range(1, 3 + n)) > 0}
LEFT_RIGHT = pictures({"left": lambda n: boxes(255) > 0, "right": lambda n: boxes(0, 255) > 0})
TWO_CELLS = Cases(
    {f"p{n}": [photo(n), photo(n + 9)] for n in NUMBERS},
    {f"p{n}": {"nucleus": boxes(255) > 0, "cell": boxes(0, 255) > 0} for n in NUMBERS},
)
BY_NUMBER = pictures({"foreground": lambda n: boxes(255) > 0}, names="{n}", anyhow=True)
AS_LEFT = pictures({"foreground": lambda n: boxes(255) > 0}, anyhow=True)

LAYOUTS = [
    Layout("palettes that differ", palettes, pictures({
        "class_1": lambda n: boxes(0, 2) > 0 if n == 0 else boxes(1) > 0,
        "class_2": lambda n: (boxes(1) > 0) & (n == 0),
    })),
    Layout("lists of names that differ", names_beside_each),
    Layout("one mask with white as 0", white_is_zero("masks"), WHITE),
    Layout("one picture with white as 0", white_is_zero("images"), WHITE),
    Layout("masks in colours", drawn(in_colours), pictures({"a": lambda n: boxes(0, 1) > 0, "b": lambda n: boxes(1) > 0}, anyhow=True)),
    Layout("masks on transparent ground", drawn(see_through), pictures({"a": lambda n: boxes(1) > 0, "b": lambda n: boxes(0, 1) > 0}, anyhow=True)),
    Layout("pictures of two splits", splits_of_pictures(photo), NO_LABELS, answers=UNLABELLED),
    Layout("line art of two splits", splits_of_pictures(lambda n: boxes(255 * n, 255)), NO_LABELS, answers=UNLABELLED),
    Layout("numbers of cells", drawn(lambda n: boxes(*range(1, 3 + n), dtype=np.uint16)), pictures({"object": COUNT["foreground"]}),
           untrue=("--accept-labels",)),
    Layout("a ring on white ground", drawn(lambda n: boxes(0, 128, ground=255)), pictures({"a": lambda n: boxes(1) > 0, "b": lambda n: boxes(0, 1) > 0}, anyhow=True),
           untrue=("if 0 is background",)),
    Layout("ink on white ground", drawn(lambda n: boxes(0, ground=255)), AS_LEFT, untrue=("if 0 is background",)),
    Layout("grey pictures and masks that changed places", swapped(photo, "images/p{n}.png", "masks/p{n}.png"),
           BY_NUMBER, untrue=("if each value is a class",)),
    Layout("colour pictures and masks that changed places", swapped(lambda n: photo(n, 3), "train/image/p{n}.png", "train/label/p{n}.png"),
           _of(lambda n: photo(n, 3), names="{n}"), untrue=("takes the nearest",)),
    Layout("pages of masks", pages(), TWO_CELLS, answers={"--mask-channels": "nucleus,cell"}),
    Layout("pages of masks with names", pages(Labels=["nucleus", "cell"]), TWO_CELLS),
    Layout("numbered masks of one picture", numbered_masks,
           Cases({f"p ({n})": [photo(n)] for n in NUMBERS}, {f"p ({n})": {"foreground": (boxes(255) > 0) | ((n == 2) & (boxes(0, 255) > 0))} for n in NUMBERS})),
    Layout("a folder for each lung", two_folders("CXR/p{n}.png", "ManualMask/leftMask/p{n}.png", "ManualMask/rightMask/p{n}.png"), LEFT_RIGHT,
           untrue=("takes one of them",)),
    Layout("a folder for each lesion", without(
               two_folders("1. Images/a. Training Set/p{n}.jpg", "2. All Segmentation Groundtruths/a. Training Set/1. Left/p{n}_MA.png", "2. All Segmentation Groundtruths/a. Training Set/2. Right/p{n}_HE.png"),
               "2. All Segmentation Groundtruths/a. Training Set/2. Right/p1_HE.png"), NO_LABELS, untrue=("takes one of them",)),
    Layout("one grey picture", kinds_mixed, _of(lambda n: np.stack([photo(n)] * 3, -1) if n == 1 else photo(n, 3))),
    Layout("transparent borders", transparent, _of(lambda n: photo(n, 4)[..., :3])),
    *(Layout(f"outlines of {tool}", outlines(*files), NO_LABELS, answers=UNLABELLED) for tool, files in TOOLS.items()),
    # masks and pictures that names do not pair
    Layout("names without a word", two_folders("x/p{n}.png", "y/p{n}.png"), AS_LEFT),
    Layout("two folders, two names", two_folders("x/p{n}.png", "y/p{n}_L.png"), BY_NUMBER),
    Layout("a folder with spaces", two_folders("my x/p{n}.png", "my y/p{n}.png"), AS_LEFT),
    Layout("a folder for a case", two_folders("p{n}/a.png", "p{n}/b.png"), AS_LEFT),
    Layout("two endings", two_folders("t/p{n}-in.png", "t/p{n}-out.bmp"), AS_LEFT),
    Layout("another word", two_folders("train/img/p{n}.png", "train/ann/p{n}.png"), AS_LEFT),
    Layout("prefixes that differ", two_folders("images/p{n}.png", "masks/q{n}.png"), BY_NUMBER),
    Layout("zeros before numbers", two_folders("i_00{n}.png", "l_{n}.png"), None, ("--images", "i_{case}.png", "--masks", "l_{case}.png")),
    Layout("a list of other columns", listed, None, ("--pairs", "{root}/list.csv")),
    Layout("hundreds of names that differ", *many_pairs("images/IMG{n:03d}.png", "masks/{n:03d}seg.png"), untrue=("is the image",)),
    Layout("images only", two_folders("p{n}.png"), NO_LABELS, answers=UNLABELLED),
    Layout("three folders", two_folders("images/p{n}.png", "masks/ex/p{n}.png", "masks/he/p{n}.png"), pictures({"ex": lambda n: boxes(255) > 0, "he": lambda n: boxes(0, 255) > 0}),
           untrue=("--images",)),
    Layout("a mask of no picture", without(two_folders("images/p{n}.png", "masks/p{n}.png"), "images/p1.png")),
    Layout("a picture of no mask", without(two_folders("images/p{n}.png", "masks/p{n}.png"), "masks/p1.png"),
           Cases({"p0": [photo(0)]}, {"p0": {"foreground": boxes(255) > 0}}, others=True)),
    # values
    Layout("a stray value", drawn(stray(250)), pictures({"road": lambda n: stray(250)(n) > 0}),
           ("--labels", "background=0,road=255"), {"NAME": "road", "--labels": "background=0,road=255,odd=250"}, ("--labels",)),
    Layout("a stray label", drawn(stray(9)), pictures({"road": lambda n: boxes(255) > 0}), ("--labels", "background=0,road=255"),
           {"NAME": "background", "--labels": "background=0,road=255,odd=9"}),
    Layout("soft edges", drawn(smooth), pictures({"foreground": lambda n: smooth(n) > 127}), ("--labels", "background=0,foreground=255"),
           {"NAME": "foreground"}, ("--map",)),
    Layout("classes and 255", drawn(lambda n: boxes(1, 2) if n else boxes(255)), pictures({"a": lambda n: boxes(1, 0) > 0}, anyhow=True),
           untrue=("if 255 is the same", "if it is another class")),
    Layout("values with gaps", drawn(lambda n: boxes(3, 10)), pictures({"a": lambda n: boxes(1) > 0, "b": lambda n: boxes(0, 1) > 0}, anyhow=True)),
    Layout("an image for a mask", drawn(lambda n: photo(n + 50)), None, untrue=("if each value is a class",)),
    Layout("a third colour", drawn(lambda n: np.array([BLACK, RED, GREEN, BLUE], np.uint8)[boxes(1, 2, 3)]),
           pictures({"red": lambda n: boxes(1, 0, 1) > 0, "green": lambda n: boxes(0, 1) > 0}),
           ("--labels", "background=#000000,red=#ff0000,green=#00ff00"), {"NAME": "red"}),
    Layout("colours that an editor changed", drawn(lambda n: edited(in_colours(n), (253, 1, 0))),
           pictures({"a": lambda n: boxes(0, 1) > 0, "b": lambda n: boxes(1) > 0}, anyhow=True), untrue=("if each is a class",)),
    Layout("greys that an editor changed", drawn(lambda n: edited(boxes(128, 255), 129)),
           pictures({"a": lambda n: boxes(1) > 0, "b": lambda n: boxes(0, 1) > 0}, anyhow=True), untrue=("if each is a class",)),
    Layout("a colour that is not declared", drawn(in_colours), pictures({"red": lambda n: boxes(1) > 0, "green": lambda n: boxes(0, 1) > 0}),
           ("--labels", "background=#000000,red=#ff0000,green=#00ff01"), {"NAME": "green", "--labels": "background=#000000,red=#ff0000,green=#00ff00"}),
]  # fmt: skip
