"""NRRD: headers give the grid that SimpleITK reads, or are refused; encodings and skips are respected."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import nrrd as pynrrd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from segconv.errors import SegconvError
from segconv.image import volumes
from segconv.image.formats import nrrd

from ..test_geometry import angles, rotation
from ..test_volumes import GRID, same_grid

VOXELS = np.arange(24, dtype=np.int16).reshape(2, 3, 4)


def nrrd_file(*lines: str, data: bytes | None = None, **fields: str) -> bytes:
    """A file of these lines; fields given by name replace the usual ones, or drop them if empty."""
    usual = {
        "type": "short",
        "dimension": "3",
        "sizes": "4 3 2",
        "endian": "little",
        "encoding": "raw",
        "space dimension": "",
        "space": "left-posterior-superior",
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "space origin": "(5,6,7)",
    }
    usual.update({key.replace("_", " "): value for key, value in fields.items()})
    head = ["NRRD0004", *(f"{key}: {value}" for key, value in usual.items() if value), *lines]
    return ("\n".join(head) + "\n\n").encode() + (VOXELS.tobytes() if data is None else data)


def by_simpleitk(data: bytes, folder: Path) -> sitk.Image:
    (folder / "x.nrrd").write_bytes(data)
    return sitk.ReadImage(str(folder / "x.nrrd"))


UNPLACED = {"space": "", "space_directions": "", "space_origin": ""}


@pytest.mark.parametrize(
    ("data", "odd"),
    [
        *[
            (nrrd_file(space=space), [])
            for space in ("LPS", "left-posterior-superior", "RAS", "right-anterior-superior", "LAS")
        ],
        (nrrd_file(space="left-anterior-superior", space_directions="(0,2,0) (1,0,0) (0,0,-3)"), []),
        (nrrd_file(space_origin=""), []),
        (nrrd_file('space units: "mm" "mm" "mm"', "thicknesses: 1 2 3", "centerings: cell cell cell"), []),
        (
            nrrd_file(
                "# a comment", "content: brain", "key:=value: with colon", "measurement frame: (1,0,0) (0,1,0) (0,0,1)"
            ),
            [],
        ),
        (nrrd_file(space="scanner-xyz"), ["SC092"]),
        (nrrd_file(space="3D-right-handed"), ["SC092"]),
        (nrrd_file(space="", space_dimension="3"), ["SC092"]),
        (nrrd_file("spacings: 2 3 4", **UNPLACED), ["SC092"]),
        (nrrd_file(**UNPLACED), ["SC092"]),
    ],
)
def test_a_header_gives_the_grid_that_simpleitk_reads(data: bytes, odd: list[str], tmp_path: Path) -> None:
    image = by_simpleitk(data, tmp_path)
    found = nrrd.decode(data)
    assert same_grid(found.header.geometry, image)
    assert np.array_equal(found.stored, sitk.GetArrayFromImage(image))
    assert [code for code, _ in found.header.oddities] == odd
    assert found.plain is not bool(odd)


@given(turn=st.tuples(angles, angles, angles), space=st.sampled_from(["LPS", "RAS", "LAS"]))
@settings(max_examples=20)
def test_oblique_grids_of_every_space(
    tmp_path_factory: pytest.TempPathFactory, turn: tuple[float, float, float], space: str
) -> None:
    steps = rotation(turn) * (0.5, 1.5, 3)
    directions = " ".join("(" + ",".join(repr(float(v)) for v in steps[:, axis]) + ")" for axis in range(3))
    data = nrrd_file(space=space, space_directions=directions)
    assert same_grid(nrrd.decode(data).header.geometry, by_simpleitk(data, tmp_path_factory.mktemp("x")))


@pytest.mark.parametrize("axis", ["first", "last"])
@pytest.mark.parametrize("kind", ["list", "vector", "2-vector"])
def test_channels_are_the_first_or_the_last_axis(axis: str, kind: str, tmp_path: Path) -> None:
    steps = ["(1,0,0)", "(0,2,0)", "(0,0,3)"]
    sizes, kinds = ["4", "3", "2"], ["domain"] * 3
    for values, extra in ((steps, "none"), (sizes, "2"), (kinds, kind)):
        values.insert(0 if axis == "first" else 3, extra)
    channels = np.stack([VOXELS, VOXELS + 100])
    data = nrrd_file(
        dimension="4",
        sizes=" ".join(sizes),
        space_directions=" ".join(steps),
        kinds=" ".join(kinds),
        data=(np.moveaxis(channels, 0, -1) if axis == "first" else channels).tobytes(),
    )
    found = nrrd.decode(data)
    assert np.array_equal(found.stored, channels)
    image = by_simpleitk(data, tmp_path)
    assert image.GetNumberOfComponentsPerPixel() == 2
    assert np.array_equal(sitk.GetArrayFromImage(image), np.moveaxis(channels, 0, -1))
    assert same_grid(found.header.geometry, image)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("raw", bytes), ("gzip", gzip.compress), ("gz", gzip.compress), ("bzip2", bz2.compress)]
)
@pytest.mark.parametrize(("lines", "skipped"), [(0, 0), (2, 0), (0, 7), (1, 5)])
def test_encodings_and_skips(encoding: str, pack: object, lines: int, skipped: int, tmp_path: Path) -> None:
    data = nrrd_file(
        f"line skip: {lines}",
        f"byte skip: {skipped}",
        encoding=encoding,
        data=b"line\n" * lines + pack(b"x" * skipped + VOXELS.tobytes()),  # type: ignore[operator]
    )
    found = nrrd.decode(data)
    assert np.array_equal(found.stored, VOXELS)
    assert not found.trailing
    if encoding != "bzip2":  # which SimpleITK is built without
        assert np.array_equal(sitk.GetArrayFromImage(by_simpleitk(data, tmp_path)), VOXELS)
    if encoding == "raw" or not skipped:  # pynrrd skips compressed bytes as well
        (tmp_path / "x.nrrd").write_bytes(data)
        assert np.array_equal(pynrrd.read(str(tmp_path / "x.nrrd"), index_order="C")[0], VOXELS)


def test_a_byte_skip_below_zero_counts_from_the_end() -> None:
    assert np.array_equal(nrrd.decode(nrrd_file("byte skip: -1", data=b"junk" + VOXELS.tobytes())).stored, VOXELS)


def test_damage_in_bzip2_is_noticed() -> None:
    packed = bz2.compress(VOXELS.tobytes())
    for at in range(4, len(packed)):
        damaged = bytearray(packed)
        damaged[at] ^= 4
        try:
            found = nrrd.decode(nrrd_file(encoding="bzip2", data=bytes(damaged)))
        except SegconvError as error:
            assert error.code in ("SC050", "SC054")
        else:
            assert np.array_equal(found.stored, VOXELS)
    for cut in range(len(packed)):
        with pytest.raises(SegconvError):
            nrrd.decode(nrrd_file(encoding="bzip2", data=packed[:cut]))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (nrrd_file(type="block"), "SC056"),
        (nrrd_file(type="long double"), "SC056"),
        (nrrd_file(endian=""), "SC053"),
        (nrrd_file(encoding="hex"), "SC056"),
        (nrrd_file(encoding="ascii"), "SC056"),
        (nrrd_file(dimension="2"), "SC053"),
        (nrrd_file(dimension="5", sizes="1 1 1 1 24", space_directions="", space="", space_origin=""), "SC053"),
        (nrrd_file(sizes="4 3 0"), "SC053"),
        (nrrd_file(sizes="4 3 3"), "SC052"),
        (nrrd_file(space_directions="(1,0,0) (0.5,2,0) (0,0,3)"), "SC057"),
        (nrrd_file(space_directions="(1,0,0) (0,0,0) (0,0,3)"), "SC057"),
        (nrrd_file(space_directions="(1,0,0) (0,nan,2) (0,0,3)"), "SC057"),
        (nrrd_file(space_directions="(1,0,0) (0,inf,2) (0,0,3)"), "SC057"),
        (nrrd_file(space_origin="(nan,0,0)"), "SC057"),
        (nrrd_file(space_origin="(0,0)"), "SC053"),
        (nrrd_file(space="right-anterior-superior-time"), "SC057"),
        (nrrd_file('space units: "inch" "inch" "inch"'), "SC057"),
        (nrrd_file('space units: "m" "mm" "mm"'), "SC057"),
        (nrrd_file("spacings: 0 1 1", **UNPLACED), "SC057"),
        (nrrd_file("spacings: nan 1 1", **UNPLACED), "SC057"),
        (nrrd_file("spacings: -1 1 1", **UNPLACED), "SC057"),
        (nrrd_file("spacings: 1 1 1", "axis mins: 1 2 3", **UNPLACED), "SC057"),
        (nrrd_file(kinds="RGB-color domain domain", sizes="3 4 2", space_directions="none (1,0,0) (0,1,0)"), "SC056"),
        (nrrd_file(kinds="3D-matrix domain domain", sizes="3 4 2", space_directions="none (1,0,0) (0,1,0)"), "SC056"),
        (nrrd_file(data=VOXELS.tobytes()[:-1]), "SC052"),
        (nrrd_file(data=VOXELS.tobytes() + bytes((1 << 20) + 1)), "SC054"),
        (nrrd_file(encoding="gzip", data=gzip.compress(VOXELS.tobytes()[:-1])), "SC052"),
        (nrrd_file(encoding="gzip", data=gzip.compress(VOXELS.tobytes() + bytes((1 << 20) + 1))), "SC054"),
        (nrrd_file(encoding="bzip2", data=bz2.compress(VOXELS.tobytes() + bytes((1 << 20) + 1))), "SC054"),
        (nrrd_file("byte skip: -1", data=VOXELS.tobytes()[:-1]), "SC052"),
        (nrrd_file("byte skip: -2"), "SC053"),
        (nrrd_file("line skip: -1"), "SC053"),
        (nrrd_file("line skip: 1", data=b"x" * 20), "SC052"),
        (nrrd_file(dimension="4", sizes="1 4 3 2"), "SC053"),
        (nrrd_file(dimension="4", sizes="2 4 3 1", space_directions="none (1,0,0) (0,1,0) none"), "SC053"),
        (nrrd_file(kinds="list list domain", **UNPLACED), "SC053"),
        (nrrd_file(kinds="list domain", dimension="2", sizes="4 6", **UNPLACED), "SC053"),
        (
            nrrd_file(dimension="4", sizes="4 1 3 2", space_directions="(1,0,0) none (0,1,0) (0,0,1)"),
            "SC053",
        ),
        (nrrd_file(space="", space_dimension="2", space_directions="(1,0) (0,1) (1,1)", space_origin="(0,0)"), "SC053"),
        (
            nrrd_file(
                space="",
                space_dimension="4",
                space_directions="(1,0,0,0) (0,1,0,0) (0,0,1,0)",
                space_origin="(0,0,0,0)",
            ),
            "SC053",
        ),
        (nrrd_file("spacings: 1 1", **UNPLACED), "SC053"),
        (nrrd_file("byte skip: -1", encoding="gzip", data=gzip.compress(VOXELS.tobytes())), "SC053"),
        (nrrd_file("data file: x.raw"), "SC052"),
        (nrrd_file("data file: /etc/x.raw"), "SC060"),
        (nrrd_file("sizes: 4 3 2"), "SC053"),
        (b"NRRD0009\n" + nrrd_file()[9:], "SC053"),
        (b"NRRD0004\ntype: short\n\n", "SC053"),
    ],
)
def test_what_cannot_be_used_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(SegconvError) as raised:
        nrrd.decode(data)
    assert raised.value.code == code, raised.value.message


@pytest.mark.parametrize(
    ("data", "wording"),
    [
        (nrrd_file(sizes="4 3 0"), "each must be at least 1"),
        (nrrd_file(sizes="4 3"), "declares 3 dimensions and the sizes"),
        (nrrd_file("data file: x.raw"), "holds no voxels: they are in 'x.raw'"),
        (nrrd_file("a:=1", "a:=2"), "says 'a' twice"),
        (nrrd_file(endian="middle"), "has the byte order 'middle'"),
        (nrrd_file(dimension="5", sizes="1 1 1 1 24", **UNPLACED), "declares 5 dimensions, expected 2 to 4"),
        (nrrd_file(kinds="list domain domain"), "gives axis 0, a list, a direction in space"),
        (nrrd_file(kinds="domain domain"), "declares 3 dimensions and 2 kinds"),
        (nrrd_file(kinds="RGB-color domain domain", sizes="3 4 2"), "has colour voxels"),
        (nrrd_file('space units: "inch" "mm" "mm"'), "measures lengths in inch, expected mm"),
        (nrrd_file('space units: "m" "mm" "mm"'), "measures lengths in m and mm, expected mm"),
        (nrrd_file(space_origin="(0,0)"), "differ in length"),
        (nrrd_file(space_directions="(1,0,0) (0,1) (0,0,1)"), "cannot be read"),
        (nrrd_file("spacings: 0 1 1", **UNPLACED), "has the spacings"),
        (nrrd_file("spacings: inf 1 1", **UNPLACED), "has the spacings"),
        (nrrd_file(space_directions="(1,0,0) (0,1,0)"), "declares 3 dimensions and 2 space directions"),
        (
            nrrd_file(
                dimension="2",
                sizes="4 6",
                space="",
                space_dimension="4",
                space_origin="(0,0,0,0)",
                space_directions="(1,0,0,0) (0,1,0,0)",
            ),
            "is in a space of 4 dimensions",
        ),
        (
            nrrd_file(encoding="bzip2", data=bz2.compress(VOXELS.tobytes() + bytes((1 << 20) + 1))),
            "inflates to more than the",
        ),
        (nrrd_file("line skip: 1", data=b"x" * 20), "before the 1 lines"),
        (nrrd_file("line skip: 3", data=b"x\ny\n" + bytes(99)), "before the 3 lines"),
    ],
)
def test_errors_name_the_rule_that_is_broken(data: bytes, wording: str) -> None:
    with pytest.raises(SegconvError, match=wording):
        nrrd.decode(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"space origin:", b"space orgin:"),
        (b"space origin:", b"space  origin:"),
        (b"space origin:", b"space origin:="),
        (b"kinds: ", b"kinds:"),
        (b"(5,", b"(1_5,"),
        (b"4 3 2", "4 3 ٢".encode()),
        (b"NRRD0004", b"NRRD004"),
    ],
)
def test_a_misspelt_field_does_not_pass_for_one_that_is_absent(old: bytes, new: bytes, tmp_path: Path) -> None:
    good = nrrd_file(kinds="domain domain domain")
    assert old in good
    data = good.replace(old, new, 1)
    if new.endswith(b":="):  # a pair that looks like a field is not a field
        assert nrrd.read_header(data).geometry.origin_mm == by_simpleitk(data, tmp_path).GetOrigin() == (0, 0, 0)
        return
    with pytest.raises(SegconvError) as raised:
        nrrd.decode(data)
    assert raised.value.code == "SC053"


def test_spellings_without_blanks_are_the_formats_own(tmp_path: Path) -> None:
    data = nrrd_file().replace(b"space origin", b"SpaceOrigin").replace(b"space directions", b"spacedirections")
    assert same_grid(nrrd.decode(data).header.geometry, by_simpleitk(data, tmp_path))


def test_files_that_other_readers_refuse_are_written_again() -> None:
    for data in (
        nrrd_file("dimension: 3", dimension=""),
        nrrd_file("space: LPS", space=""),
        nrrd_file().replace(b"raw\n", b"raw \n"),
    ):
        found = nrrd.decode(data)
        assert [code for code, _ in found.header.oddities] == ["SC093"]
        assert not found.plain


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_a_mebibyte_may_follow_the_voxels_whatever_the_encoding(encoding: str) -> None:
    pack = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    found = nrrd.decode(nrrd_file(encoding=encoding, data=pack(VOXELS.tobytes() + bytes(1 << 20))))
    assert found.trailing
    assert np.array_equal(found.stored, VOXELS)


def test_a_line_that_is_skipped_may_be_empty() -> None:
    assert np.array_equal(nrrd.decode(nrrd_file("line skip: 1", data=b"\n" + VOXELS.tobytes())).stored, VOXELS)


def test_a_header_may_fill_its_limit() -> None:
    whole = nrrd_file(data=b"")[:-1]  # its lines, without the empty one that ends them
    filled = whole + b"#" + b"x" * (nrrd.HEAD_LIMIT - len(whole) - 2) + b"\n"
    assert len(filled) == nrrd.HEAD_LIMIT
    assert nrrd.read_header(filled).text_bytes == nrrd.HEAD_LIMIT
    with pytest.raises(SegconvError) as raised:
        nrrd.read_header(filled + b"\n")
    assert raised.value.code == "SC054"


def test_a_long_header_is_read_from_the_head_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.nrrd"
    path.write_bytes(nrrd_file(*(f"key{n}:={'v' * 1000}" for n in range(500))))
    assert same_grid(volumes.probe_file(str(path)).geometry, sitk.ReadImage(str(path)))
    path.write_bytes(nrrd_file(*(f"key{n}:={'v' * 1000}" for n in range(5000))))
    with pytest.raises(SegconvError) as raised:
        volumes.probe_file(str(path))
    assert raised.value.code == "SC054"


def test_lines_may_end_as_on_windows() -> None:
    head, voxels = nrrd_file().split(b"\n\n", 1)
    data = head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + voxels
    assert np.array_equal(nrrd.decode(data).stored, VOXELS)


def test_the_same_voxels_give_the_same_bytes_in_any_layout() -> None:
    swapped = np.asfortranarray(VOXELS.astype(">i2"))
    assert b"".join(nrrd.encode(swapped, GRID)) == b"".join(nrrd.encode(VOXELS, GRID))


@pytest.mark.parametrize(
    ("unit", "factor"), [("m", 1000), ("Meter", 1000), ("cm", 10), ("um", 0.001), ("\N{MICRO SIGN}m", 0.001), ("mm", 1)]
)
def test_lengths_in_other_units_become_mm(unit: str, factor: float) -> None:
    usual = nrrd.read_header(nrrd_file()).geometry
    units = " ".join([f'"{unit}"'] * 3)
    header = nrrd.read_header(nrrd_file(f"space units: {units}"))
    assert np.allclose(header.geometry.spacing_mm, np.array(usual.spacing_mm) * factor, rtol=1e-12)
    assert np.allclose(header.geometry.origin_mm, np.array(usual.origin_mm) * factor, rtol=1e-12)
    assert header.geometry.direction == usual.direction
    wording = [("SC092", f"lengths are in {unit.lower()}; converted to mm")]
    assert list(header.oddities) == (wording if factor != 1 else [])
    header = nrrd.read_header(nrrd_file("spacings: 1 2 3", f"units: {units}", **UNPLACED))
    assert np.allclose(header.geometry.spacing_mm, np.array([1, 2, 3]) * factor, rtol=1e-12)
    assert header.oddities[:-1] == tuple(wording if factor != 1 else [])
