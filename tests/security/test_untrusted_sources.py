"""Malicious sources: paths, links, bombs, names and pickles; nothing gets out or in."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
from PIL import Image

from fixtures.make_fixtures import msd_ct, png_shapes
from segconv.errors import SegconvError
from segconv.image import raster, volumes
from segconv.image.formats import nifti

from ..command import Command, tree_hash

LABELS = "background=0,disc=128,ring=255"
SECRET = b"what nobody asked for"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "outside" / "secret.nii.gz"
    path.parent.mkdir()
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return msd_ct(tmp_path / "src", cases=2, tests=1, size=(10, 9, 8))


def refused(segconv: Command, *words: object, codes: set[str]) -> str:
    before = sorted(segconv.folder.rglob("*"))
    done = segconv(*words, "-j", "1")
    assert done.code in (65, 66), done.err
    assert set(done.codes()) <= codes, done.err
    assert SECRET.decode() not in done.err + done.out
    after = [path for path in sorted(segconv.folder.rglob("*")) if not path.name.startswith(".segconv-")]
    assert [path for path in after if path not in before and ".segconv-" not in str(path)] == []
    return done.err


@pytest.mark.parametrize(
    "path",
    [
        "../../outside/secret.nii.gz",
        "./imagesTr/../../../outside/secret.nii.gz",
        "{outside}/secret.nii.gz",
        "file://{outside}/secret.nii.gz",
        "http://localhost:1/secret.nii.gz",
        "..\\..\\outside\\secret.nii.gz",
        "imagesTr/ct_000.nii.gz\0/../../x",
        "$HOME/secret.nii.gz",
        "~/secret.nii.gz",
        "/dev/stdin",
        "",
        ".",
        "..",
    ],
)
@pytest.mark.parametrize("part", ["image", "label"])
def test_paths_in_a_json_stay_in_the_source(part: str, path: str, task: Path, secret: Path, segconv: Command) -> None:
    listed = json.loads((task / "dataset.json").read_text())
    listed["training"][0][part] = path.format(outside=secret.parent)
    (task / "dataset.json").write_text(json.dumps(listed))
    before = tree_hash(task)
    refused(
        segconv,
        "convert",
        task,
        "--to",
        "7",
        codes={"SC060", "SC012", "SC086", "SC087", "SC061", "SC051", "SC081", "SC080"},
    )
    assert tree_hash(task) == before


def test_a_variable_in_a_path_is_not_expanded(task: Path, segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "imagesTr")
    listed = json.loads((task / "dataset.json").read_text())
    listed["training"][0]["image"] = "./$PLACE/ct_000.nii.gz"
    (task / "dataset.json").write_text(json.dumps(listed))
    refused(segconv, "convert", task, "--to", "7", codes={"SC012", "SC087", "SC060", "SC080", "SC081"})


@pytest.mark.parametrize("where", ["imagesTr/ct_000.nii.gz", "labelsTr/ct_000.nii.gz", "imagesTr", "dataset.json"])
def test_links_that_leave_the_source_are_refused(where: str, task: Path, secret: Path, segconv: Command) -> None:
    path = task / where
    target = secret.parent / "moved"
    path.rename(target)
    path.symlink_to(target)
    refused(segconv, "convert", task, "--to", "7", codes={"SC060"})


@pytest.mark.parametrize("where", ["imagesTr/ct_000_0000.nii.gz", "labelsTr/ct_000.nii.gz", "imagesTr"])
def test_links_that_leave_a_dataset_are_not_augmented(where: str, task: Path, secret: Path, segconv: Command) -> None:
    assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
    made = segconv.raw / "Dataset007_A"
    path, target = made / where, secret.parent / "moved"
    path.rename(target)
    path.symlink_to(target)
    refused(segconv, "augment", "7", "--to", "8_B", "--rotate", "90", codes={"SC060"})
    path.unlink()
    target.rename(made / "kept")
    path.symlink_to(made / "kept")
    assert segconv("augment", "7", "--to", "8_B", "--rotate", "90", "-j", "1").code == 0


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "a/../../escaped", "../..", "a\0b"])
@pytest.mark.parametrize("key", ["original_name", "label_file"])
def test_names_in_a_lineage_stay_in_the_output(key: str, name: str, tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "src", cases=2, tests=1)
    assert segconv("convert", source, "--to", "9_A", "--labels", LABELS, "-j", "1").code == 0
    made = segconv.raw / "Dataset009_A"
    lines = [json.loads(line) for line in (made / "segconv" / "cases.jsonl").read_text().splitlines()]
    for line in lines:
        if key == "label_file":
            line["label_file"]["name"] = name
        else:
            line["original_name"] = name
            line["label_file"].pop("name", None)
    (made / "segconv" / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    err = refused(
        segconv, "restore", made / "labelsTr", "--like", "9", "-o", tmp_path / "mine", codes={"SC060", "SC085"}
    )
    assert "SC060" in err
    assert not (tmp_path / "mine").exists()


def test_external_files_of_a_foreign_dataset_are_not_followed(
    task: Path, secret: Path, segconv: Command, tmp_path: Path
) -> None:
    assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
    foreign = tmp_path / "foreign" / "Dataset008_B"
    foreign.parent.mkdir()
    (segconv.raw / "Dataset007_A").rename(foreign)
    for path in (foreign / "segconv").iterdir():
        path.unlink()
    (foreign / "segconv").rmdir()
    found = json.loads((foreign / "dataset.json").read_text())
    found["dataset"] = {"ct_000": {"images": [str(secret)], "label": "$HOME/x.nii.gz"}}
    (foreign / "dataset.json").write_text(json.dumps(found))
    done = segconv("convert", foreign, "--to", "9", "-j", "1")
    assert SECRET.decode() not in done.err
    if done.code == 0:  # the files in its folders are converted, and what it names outside is not read
        made = next(segconv.raw.glob("Dataset009*"))
        assert all(SECRET not in path.read_bytes() for path in made.rglob("*") if path.is_file())
        assert "dataset" not in json.loads((made / "dataset.json").read_text())
    else:
        assert done.code == 65, done.err


@pytest.mark.parametrize("kind", ["msd", "nnunet-v2"])
def test_a_json_is_written_from_known_entries_and_the_rest_is_reported(kind: str, task: Path, segconv: Command) -> None:
    if kind == "nnunet-v2":
        assert segconv("convert", task, "--to", "6_Before", "-j", "1").code == 0
        task = segconv.raw / "Dataset006_Before"
    listed = json.loads((task / "dataset.json").read_text())
    listed |= {"overwrite_image_reader_writer": "evil.IO", "mine": 5}
    if kind == "msd":  # of a v2 dataset it is refused
        listed["dataset"] = {"ct_000": {"images": ["/etc/passwd"]}}
    (task / "dataset.json").write_text(json.dumps(listed))
    done = segconv("convert", task, "--to", "7_A", "--from", kind, "-j", "1")
    assert done.code == 0, done.err
    for key in {"overwrite_image_reader_writer", "mine", "dataset"} & set(listed):
        assert any("Warning" in line and key in line for line in done.err.splitlines()), done.err
    made = json.loads((segconv.raw / "Dataset007_A" / "dataset.json").read_text())
    texts = {"name", "description", "reference", "licence", "release"}
    assert set(made) - texts == {"channel_names", "labels", "numTraining", "file_ending"}


# Bombs: a small file that says, or turns out, to be a large one.


def nifti_header(*shape: int) -> bytes:
    data = bytearray(b"".join(bytes(p) for p in nifti.buffers_of(np.zeros((2, 2, 2), np.uint8), _grid())))
    struct.pack_into("<8h", data, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    return bytes(data[:352])


def _grid() -> Any:
    from segconv.image.geometry import Geometry

    return Geometry.plain((2, 2, 2))


def gz_of_zeros(head: bytes, nbytes: int) -> bytes:
    packed = zlib.compressobj(9, wbits=31)
    parts = [packed.compress(head)]
    parts += [packed.compress(bytes(1 << 20)) for _ in range(nbytes >> 20)]
    return b"".join([*parts, packed.flush()])


def png_of(width: int, height: int, rows: bytes, *beside: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *beside, (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def nrrd_of(sizes: str, data: bytes) -> bytes:
    head = f"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\n"
    head += "space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nencoding: gzip\nspace origin: (0,0,0)\n\n"
    return head.encode() + data


def mha_of(sizes: str, data: bytes) -> bytes:
    head = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = True\n"
    head += f"CompressedDataSize = {len(data)}\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
    head += f"ElementSpacing = 1 1 1\nDimSize = {sizes}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    return head.encode() + data


def tiff_of(folder: Path) -> bytes:
    path = folder / "x.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression="zlib")
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        for tag in tiff.pages[0].tags.values():
            if tag.name in ("ImageWidth", "ImageLength"):
                struct.pack_into("<I" if tag.dtype == 4 else "<H", data, tag.valueoffset, 60000)
    return bytes(data)


BOMBS: dict[str, Callable[[Path], tuple[str, bytes]]] = {
    "gzip that goes on": lambda _: (".nii.gz", gz_of_zeros(nifti_header(4, 4, 4), 300 << 20)),
    "gzip of gzip": lambda _: (".nii.gz", gzip.compress(gz_of_zeros(nifti_header(4, 4, 4), 64 << 20))),
    "NIfTI of 27 TB": lambda _: (".nii.gz", gzip.compress(nifti_header(30000, 30000, 30000))),
    "PNG of 4 billion": lambda _: (".png", png_of(65000, 65000, zlib.compress(bytes(1000)))),
    "PNG that goes on": lambda _: (".png", png_of(4, 4, zlib.compress(bytes(200 << 20)))),
    "NRRD that goes on": lambda _: (".nrrd", nrrd_of("4 4 4", gz_of_zeros(b"", 200 << 20))),
    "NRRD of 27 TB": lambda _: (".nrrd", nrrd_of("30000 30000 30000", gzip.compress(b"x"))),
    "MHA that goes on": lambda _: (".mha", mha_of("4 4 4", zlib.compress(bytes(200 << 20)))),
    "MHA of 27 TB": lambda _: (".mha", mha_of("30000 30000 30000", zlib.compress(b"x"))),
    "TIFF of 3.6 billion": lambda folder: (".tif", tiff_of(folder)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_small_file_does_not_become_a_large_one(bomb: str, tmp_path: Path) -> None:
    ending, data = BOMBS[bomb](tmp_path)
    assert len(data) < 1 << 20
    path = tmp_path / f"bomb{ending}"
    path.write_bytes(data)
    assert decoded_in_little_memory(path, ending) in {"SC050", "SC051", "SC052", "SC053", "SC054", "SC058"}


def decoded_in_little_memory(path: Path, ending: str) -> str:
    """Return what a picture's pixels add up to, or the code of its refusal, where 160 MiB are all there is."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from segconv.image import raster, volumes; from segconv.errors import SegconvError\n"
        "import SimpleITK, tifffile, imagecodecs, PIL.Image, numpy\n"
        "raster.encode(numpy.zeros((2, 2), numpy.uint8), '.tif')\n"
        "now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (160 << 20),) * 2)\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "try:\n"
        "    if sys.argv[2] in ('.png', '.tif'):\n"
        "        print(raster.decode(data).stored.sum())\n"
        "    else:\n"
        "        volumes.decode(data, sys.argv[2])\n"
        "except SegconvError as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), ending], capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("kind", "before"), [(b"zTXt", b"Comment\0\0"), (b"iCCP", b"profile\0\0"), (b"iTXt", b"Comment\0\1\0\0\0")]
)
def test_other_chunks_of_a_png_are_not_inflated(kind: bytes, before: bytes, tmp_path: Path) -> None:
    large = zlib.compress(bytes(300 << 20), 9)
    path = tmp_path / "picture.png"
    path.write_bytes(png_of(2, 2, zlib.compress(b"\0\1\2\0\3\4"), (kind, before + large)))
    assert decoded_in_little_memory(path, ".png") == "10"


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".png", ".tif", ".bmp", ".jpg"])
@pytest.mark.parametrize("part", ["images", "labels"])
def test_a_file_far_longer_than_its_header_says_is_refused_before_it_is_read(
    part: str, ending: str, tmp_path: Path, segconv: Command
) -> None:
    source = tmp_path / "src"
    picture = ending in (".png", ".tif", ".bmp", ".jpg")
    for folder in ("images", "labels"):
        (source / folder).mkdir(parents=True)
        for number in range(2):
            values = np.zeros((12, 10) if picture else (6, 12, 10), np.uint8)
            values[..., number : number + 4] = 100 if folder == "images" else 1
            written = ".png" if ending == ".jpg" and folder == "labels" else ending
            sitk.WriteImage(sitk.GetImageFromArray(values), str(source / folder / f"c{number}{written}"))
    words = ["convert", source, "--to", "7_A", "--labels", "background=0,a=1", "-j", "1", "-n"]
    if part == "labels" and ending == ".jpg":
        ending = ".png"
    assert segconv(*words).code == 0
    long = source / part / f"c0{'.raw' if ending == '.mhd' else ending}"
    os.truncate(long, 100 << 20)
    done = segconv(*words)
    assert (done.code, done.codes()) == (65, ["SC054"]), done.err
    assert long.name in done.err
    assert f"is {100 << 20} bytes long" in done.err


@pytest.mark.parametrize("name", ["dataset.json", "splits_final.json", "segconv/cases.jsonl", "segconv/run.json"])
@pytest.mark.parametrize("words", [["check", "7"], ["labels", "show", "7"], ["augment", "7", "--to", "8", "-n"]])
@pytest.mark.timeout(60)
def test_a_pipe_in_a_dataset_is_not_waited_for(name: str, words: list[str], task: Path, segconv: Command) -> None:
    assert segconv("convert", task, "--to", "7_A", "-j", "1").code == 0
    path = segconv.raw / "Dataset007_A" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    if words[0] == "augment":
        words = [*words, "--rotate", "30"]
    done = segconv(*words)
    if name == "dataset.json" or (name, words[0]) == ("splits_final.json", "check"):
        assert done.code in (1, 65), done.err
        assert "SC061" in done.err + done.out


@pytest.mark.parametrize("depth", [70, 100_000])
def test_a_json_that_is_too_deep_is_refused(depth: int, task: Path, segconv: Command) -> None:
    (task / "dataset.json").write_text('{"a":' + "[" * depth + "]" * depth + "}")
    refused(segconv, "convert", task, "--to", "7", codes={"SC086"})


# Names that would act on a terminal.

ACTING = ["a\x1b[2J\x1b[1;1Hb", "a\x1b]0;title\x07b", "a\nError SC000: b", "a\rb", "a\x9b31mb", "a\u202eb", "a\x7fb"]


@pytest.mark.parametrize("name", ACTING)
def test_names_do_not_act_on_a_terminal(name: str, tmp_path: Path, segconv: Command) -> None:
    source = png_shapes(tmp_path / "src", cases=2, tests=0)
    for part in ("input", "output"):
        (source / "training" / part / "shape-0.png").rename(source / "training" / part / f"{name}.png")
    (source / "training" / "output" / f"{name}.png").write_bytes(b"no picture")
    for words in ([], ["-v", "-n"], ["--json"], ["--keep-going"]):
        done = segconv("convert", source, "--to", "9", "--labels", LABELS, "-j", "1", *words)
        for said in (done.out, done.err):
            for line in said.splitlines():
                assert all(c.isprintable() or c == "\t" for c in line), repr(line)
            assert "\nError SC000" not in said
    kept = segconv("convert", source, "--to", "10", "--labels", LABELS, "-j", "1", "--json")
    assert json.loads(kept.out)["ok"] is False


def test_labels_and_descriptions_do_not_act_on_a_terminal(task: Path, segconv: Command) -> None:
    listed = json.loads((task / "dataset.json").read_text())
    listed["labels"]["1"] = "li\x1b[31mver"
    listed["name"] = listed["description"] = "x\x1b[2J"
    (task / "dataset.json").write_text(json.dumps(listed))
    done = segconv("convert", task, "--to", "7_A", "-j", "1", "-v")
    shown = segconv("labels", "show", "7") if done.code == 0 else done
    for said in (done.out, done.err, shown.out, shown.err):
        assert "\x1b" not in said


# Pickles.


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_folds_of_a_task_cannot_run_anything(task: Path, segconv: Command, tmp_path: Path) -> None:
    for part in ("imagesTr", "imagesTs"):
        for path in (task / part).iterdir():
            path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    root = task.rename(task.with_name("Task509_A"))
    marker = tmp_path / "marker"
    (root / "splits_final.pkl").write_bytes(pickle.dumps([{"train": Payload(marker), "val": []}]))
    done = segconv("convert", root, "--to", "509", "--from", "nnunet-v1", "-j", "1")
    assert not marker.exists()
    assert "mkdir" in done.err
    assert done.code == 65 or "Warning SC095" in done.err


def test_simpleitk_and_pillow_would_have_read_the_bombs_headers(tmp_path: Path) -> None:
    """The bombs are files that other readers take for what they say they are."""
    (tmp_path / "x.mha").write_bytes(BOMBS["MHA of 27 TB"](tmp_path)[1])
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(tmp_path / "x.mha"))
    reader.ReadImageInformation()
    assert reader.GetSize() == (30000, 30000, 30000)
    (tmp_path / "x.png").write_bytes(BOMBS["PNG that goes on"](tmp_path)[1])
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (4, 4)
    for read, name in ((volumes.decode, "x.mha"), (raster.decode, "x.png")):
        with pytest.raises(SegconvError):
            read((tmp_path / name).read_bytes(), Path(name).suffix)
