"""One flipped bit, or a cut: whatever would change a result is refused.

What cannot be noticed: a bit of an uncompressed file (``.nii``, ``.mha`` and ``.nrrd`` without
compression, ``.bmp``, plain TIFF) that is a voxel or a number of the header; a letter of a text
header or of a name in a JSON; there is no checksum over them. Everything compressed has one.

``SEGCONV_FUZZ`` is the number of flips (300).
"""

from __future__ import annotations

import contextlib
import io
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from fixtures.make_fixtures import write_nifti
from fixtures.phantoms import shapes
from segconv.dataset import phantoms
from segconv.errors import SegconvError
from segconv.image import raster, volumes
from segconv.image.formats import nifti, nrrd
from segconv.image.geometry import Geometry

from .forker import Forker
from .worlds import World

FLIPS = int(os.environ.get("SEGCONV_FUZZ", "300"))
DAMAGED = {"SC050", "SC051", "SC052", "SC053", "SC054", "SC058"}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def volume() -> phantoms.Phantom:
    return phantoms.ct(0, size=(72, 64, 44))  # 400 kB: in small files readers hide what they overlook


def nifti_gz(folder: Path) -> bytes:
    write_nifti(folder / "x.nii.gz", list(volume().images))
    return (folder / "x.nii.gz").read_bytes()


def meta_image(folder: Path) -> bytes:
    sitk.WriteImage(sitk.GetImageFromArray(volume().images[0].array), str(folder / "x.mha"), useCompression=True)
    return (folder / "x.mha").read_bytes()


def nrrd_gz(folder: Path) -> bytes:
    sitk.WriteImage(sitk.GetImageFromArray(volume().images[0].array), str(folder / "x.nrrd"), useCompression=True)
    return (folder / "x.nrrd").read_bytes()


def picture(folder: Path) -> bytes:
    data = io.BytesIO()
    Image.fromarray(shapes(1, size=(160, 120)).images[0].array).save(data, "png")
    return data.getvalue()


def mask(folder: Path) -> bytes:
    data = io.BytesIO()
    Image.fromarray(shapes(1, size=(160, 120)).label.array).save(data, "png")
    return data.getvalue()


def palette_mask(folder: Path) -> bytes:
    data = io.BytesIO()
    image = Image.new("P", (160, 120))
    image.putdata(shapes(1, size=(160, 120)).label.array.ravel().tolist())
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(data, "png")
    return data.getvalue()


def read_volume(ending: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        found = volumes.decode(data, ending)
        return found.header.geometry, found.header.scaled, found.values.dtype, found.values.tobytes()

    return read


def read_picture(data: bytes) -> object:
    found = raster.decode(data)
    header, samples = found.header, found.stored
    colours = found.palette[:, :3].tobytes() if header.kind == "palette" else b""
    return samples.shape, samples.dtype, samples.tobytes(), colours


FORMATS: dict[str, tuple[Callable[[Path], bytes], Callable[[bytes], object], float]] = {
    # how it is written, how it is read, and its share of the flips
    "nii.gz": (nifti_gz, read_volume(".nii.gz"), 0.3),
    "png": (picture, read_picture, 0.2),
    "png mask": (mask, read_picture, 0.2),
    "png palette": (palette_mask, read_picture, 0.1),
    "mha": (meta_image, read_volume(".mha"), 0.1),
    "nrrd": (nrrd_gz, read_volume(".nrrd"), 0.1),
}


def text_header(kind: str, data: bytes) -> int:
    """How many bytes are a text header, which has no checksum."""
    if kind == "mha":
        return data.index(b"ElementDataFile = LOCAL\n") + len(b"ElementDataFile = LOCAL\n")
    return data.index(b"\n\n") + 2 if kind == "nrrd" else 0


@pytest.mark.parametrize("kind", FORMATS)
def test_every_flip_that_would_change_what_is_read_is_refused(kind: str, tmp_path: Path) -> None:
    make, read, share = FORMATS[kind]
    data = make(tmp_path)
    expected = read(data)
    chance = random.Random(kind)
    figures: Counter[str] = Counter()
    for _ in range(max(10, int(FLIPS * share))):
        bit = chance.randrange(8 * text_header(kind, data), 8 * len(data))
        try:
            found = read(flipped(data, bit))
        except SegconvError as error:
            assert error.code in DAMAGED, (bit, error)
            figures["refused"] += 1
        else:
            assert found == expected, f"bit {bit} was flipped and not noticed"
            figures["harmless"] += 1
    print(kind, dict(figures))
    assert figures["refused"] >= 0.9 * sum(figures.values())


@pytest.mark.parametrize("kind", FORMATS)
def test_every_cut_is_refused(kind: str, tmp_path: Path) -> None:
    make, read, share = FORMATS[kind]
    data = make(tmp_path)
    chance = random.Random(kind)
    lengths = {len(data) - 1, len(data) - 4, len(data) - 8, len(data) - 9, len(data) // 2, 1, 0}
    lengths |= {chance.randrange(len(data)) for _ in range(max(10, int(FLIPS * share / 5)))}
    for length in sorted(lengths):
        with pytest.raises(SegconvError) as caught:
            read(data[:length])
        assert caught.value.code in DAMAGED, length


@pytest.mark.parametrize("kind", ["mha", "nrrd"])
def test_a_text_header_is_never_more_than_a_refusal_or_another_text(kind: str, tmp_path: Path) -> None:
    make, read, _ = FORMATS[kind]
    data = make(tmp_path)
    for byte in range(text_header(kind, data)):
        try:
            read(flipped(data, 8 * byte + byte % 8))
        except SegconvError as error:
            assert error.code in DAMAGED | {"SC056", "SC057", "SC060", "SC084"}, (byte, error)


def test_a_volume_that_is_not_compressed_is_proved_in_its_length(tmp_path: Path) -> None:
    data = b"".join(bytes(part) for part in nifti.buffers_of(volume().images[0].array, volume().images[0].geometry))
    for length in (len(data) - 1, len(data) // 2, 352, 351, 348, 347, 0):
        with pytest.raises(SegconvError):
            nifti.decode(data[:length])


def test_what_the_usual_readers_overlook_is_refused(tmp_path: Path) -> None:
    """Why every file is read to its end here."""
    data = nifti_gz(tmp_path)
    expected = volume().images[0].array
    chance = random.Random(3)
    path = tmp_path / "flipped.nii.gz"
    wrong: Counter[str] = Counter()
    for _ in range(20):
        rotten = flipped(data, chance.randrange(8 * 1000, 8 * (len(data) - 8)))
        path.write_bytes(rotten)
        for name, read in (
            ("SimpleITK", lambda: sitk.GetArrayFromImage(sitk.ReadImage(str(path)))),
            ("nibabel", lambda: np.asarray(nib.load(path).dataobj).T),
        ):
            with contextlib.suppress(Exception):  # one that notices is what one wants
                wrong[name] += not np.array_equal(read(), expected)
        with pytest.raises(SegconvError):
            nifti.decode(rotten)
    print("wrong voxels without an error, of 20:", dict(wrong))


@pytest.mark.parametrize(("name", "ending"), [("msd", ".nii.gz"), ("png", ".png"), ("unproved", ".nii.gz")])
def test_the_command_refuses_files_with_a_flipped_bit_and_writes_nothing(
    name: str, ending: str, fresh: Callable[[str], World], forker: Forker
) -> None:
    world = fresh(name)
    assert forker.run([*world.words, "-j", "1"], world.env).code == 0
    expected = world.found() or {}
    world.reset()
    chance = random.Random(name)
    files = sorted((world.folder / "source").rglob(f"*{ending}"))
    if name == "unproved":  # images are taken at their word then, labels never
        files = [path for path in files if path.parent.name == "labelsTr"]
    for number in range(max(8, FLIPS // 25)):
        path = chance.choice(files)
        data = path.read_bytes()
        path.write_bytes(flipped(data, chance.randrange(8 * len(data))))
        done = forker.run([*world.words, "-j", "1"], world.env)
        if done.code == 0:  # a bit of a file's date, name or origin
            same = {k: v for k, v in expected.items() if not k.startswith("segconv/") and k != f"labelsTr/{path.name}"}
            found = world.found() or {}
            carried = next((k for k, v in same.items() if v == data), None)
            assert {k: found[k] for k in same if k != carried} == {k: v for k, v in same.items() if k != carried}
        else:
            assert done.code == 65, done.err
            assert path.name in done.err
            assert world.found() is None
        path.write_bytes(data)
        again = forker.run([*world.words, "-j", "1", *(["--restart"] if done.code == 0 else [])], world.env)
        assert again.code in ((0,) if done.code else (73,)), (number, again.err)
        world.reset()


def test_a_flipped_bit_in_a_json_changes_no_voxel_and_no_case(fresh: Callable[[str], World], forker: Forker) -> None:
    world = fresh("msd")
    assert forker.run([*world.words, "-j", "1"], world.env).code == 0
    expected = world.found() or {}
    world.reset()
    path = world.folder / "source" / "Task07_Phantom" / "dataset.json"
    data = path.read_bytes()
    chance = random.Random(5)
    figures: Counter[str] = Counter()
    for _ in range(max(60, FLIPS // 5)):
        bit = chance.randrange(8 * len(data))
        path.write_bytes(flipped(data, bit))
        done = forker.run([*world.words, "-j", "1"], world.env)
        assert "SC104" not in done.err, (bit, done.err)
        assert done.code in (0, 65, 66, 73, 2), (bit, done.err)
        made = [found for found in world.made.parent.iterdir() if found.name.startswith("Dataset")]
        if done.code != 0:
            figures["refused"] += 1
            assert made == []
        else:
            figures["a letter"] += 1
            for name, voxels in expected.items():
                if name.startswith(("images", "labels")):
                    assert (made[0] / name).read_bytes() == voxels, (bit, name)
        for folder in made:
            folder.rename(world.made)
        world.reset()
    print(dict(figures))
    assert figures["refused"] > 10


def test_a_flipped_bit_in_what_a_dataset_says_of_itself_is_refused_or_a_letter(
    fresh: Callable[[str], World], forker: Forker
) -> None:
    """Restoring reads cases.jsonl and run.json: whatever they hold, it ends with a result or one of our errors."""
    world = fresh("restored")
    chance = random.Random(6)
    for name in ("segconv/cases.jsonl", "segconv/run.json", "dataset.json"):
        path = world.folder / "nnUNet_raw" / "Dataset009_A" / name
        data = path.read_bytes()
        for _ in range(max(20, FLIPS // 15)):
            bit = chance.randrange(8 * len(data))
            path.write_bytes(flipped(data, bit))
            done = forker.run([*world.words, "-j", "1"], world.env)
            assert "SC104" not in done.err, (name, bit, done.err)
            assert done.code in (0, 65, 66, 2), (name, bit, done.err)
            assert not [left for left in world.folder.iterdir() if left.name == "escaped"]
            world.reset()
        path.write_bytes(data)


def test_formats_are_written_with_a_checksum() -> None:
    """What is written compressed is proved as what is read."""
    grid = Geometry.plain((8, 7, 6))
    array = np.arange(8 * 7 * 6, dtype=np.int16).reshape(6, 7, 8)
    for data, ending in (
        (b"".join(nifti.compress(nifti.buffers_of(array, grid), ".nii.gz")), ".nii.gz"),
        (b"".join(nrrd.encode(array, grid)), ".nrrd"),
    ):
        for bit in range(8 * (len(data) - 60), 8 * len(data), 7):
            try:
                assert np.array_equal(volumes.decode(flipped(data, bit), ending).values, array)
            except SegconvError as error:
                assert error.code in DAMAGED
