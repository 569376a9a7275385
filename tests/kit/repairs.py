"""Repairs of ``convert`` and ``segconv repair``: sources refused without them, and sources that stay refused.

A repaired case has exactly the voxels and the geometry that the option names, is reported, and has
nothing that ``segconv check`` calls an error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from scipy.linalg import polar

from segconv.review.check.dataset_check import check_dataset
from segconv.work.run_options import Workers

from ..convert.oracles import ct
from . import damage as d
from .case import Case, Change, Convert, Reject, Words, nothing
from .files import INF, NAN, other, scaled, tiff
from .made import Made, all_same, expected_channels, expected_label, others_same, same
from .odd import big_endian, metres, two_affines
from .sets import entries
from .sources import DEGREES, TEST, Place, picture
from .tables import LABELLED, TASKS, VOLUMES, Names, many, to

Expected = Callable[[Made], np.ndarray]
PAIRS, MASKS, PNG = ("pairs",), ("masks",), ("png",)
HEADER, RESAMPLE = ("--repair", "header"), ("--repair", "resample")
ORTHONORMAL, CAST, ORIENTATION = ("--repair", "orthonormal"), ("--repair", "cast"), ("--repair", "orientation")
AIR = -1024.0
TIE = 1e-5


# --- what must have come of it


def reports(made: Made, text: str, name: str = "c1") -> None:
    """Assert that the repair of this case, and of no other, is recorded and reported."""
    for original, record in made.records.items():
        found = any(text in repair for repair in record["repairs"])
        assert found is (original == name), f"{original}: {record['repairs']}"
    assert text in made.out, made.out[-500:]


def clean(made: Made) -> None:
    """Assert that the check has nothing against the dataset."""
    errors = [
        finding for finding in check_dataset(made.dataset, Workers(jobs=1)).findings if finding.severity == "error"
    ]
    assert not errors, errors


def grids_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the affine (LPS) as SimpleITK and as nibabel read it."""
    image = sitk.ReadImage(str(path))
    matrix = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    seen = np.diag([-1.0, -1.0, 1.0, 1.0]) @ nib.load(path).affine if path.name.endswith((".nii", ".nii.gz")) else None
    affine = np.vstack([np.column_stack([matrix, image.GetOrigin()]), [0, 0, 0, 1]])
    return affine, affine if seen is None else seen


def one_grid(made: Made, name: str = "c1") -> None:
    """Assert that all files of a case are on one grid, whoever reads them."""
    first = grids_of(made.image_file(name))[0]
    files = [made.image_file(name, channel) for channel in range(len(made.description["channel_names"]))]
    for path in (*files, made.label_file(name)):
        for affine in grids_of(path):
            assert np.allclose(affine, first, atol=1e-4), path


def with_repair(text: str, label: Expected | None = None, image: Expected | None = None) -> Callable[[Made], None]:
    """Return the check of a case whose voxels are those of the good source, except where a function changes them."""

    def check(made: Made) -> None:
        others_same(made)
        for channel, expected in enumerate(expected_channels(made.place.kind, 1)):
            last = channel == len(expected_channels(made.place.kind, 1)) - 1
            expected = image(made) if image is not None and last else expected
            assert np.array_equal(made.image("c1", channel), expected), f"channel {channel}"
        expected = expected_label(made, 1) if label is None else label(made)
        assert np.array_equal(made.label("c1"), expected), "label"
        one_grid(made)
        reports(made, text)
        clean(made)

    return check


def moved(change: Callable[[np.ndarray], np.ndarray]) -> Expected:
    """Return the good label ``(z, y, x)`` after a change; of masks, only the liver moves."""

    def expected(made: Made) -> np.ndarray:
        if made.place.kind != "masks":
            return change(expected_label(made, 1))
        names = made.description["labels"]
        stored = ct(1).label.array
        liver, kidney = change(stored == DEGREES["liver"]), stored == DEGREES["kidney"]
        assert not (liver & kidney).any(), "a case of the kit that needs an overlap"
        return (liver * names["liver"] + kidney * names["kidney"]).astype(np.uint8)

    return expected


def nearest(made: Made) -> np.ndarray:
    """Return the damaged label on the grid of its image, point by point, as numpy computes it."""
    label, image = sitk.ReadImage(str(made.place.label)), sitk.ReadImage(str(made.place.image))
    stored = sitk.GetArrayFromImage(label)
    size = np.array(image.GetSize())
    points = np.stack([*np.indices(size[::-1])[::-1], np.ones(size[::-1])], -1) @ grids_of(made.place.image)[0].T
    index = (points @ np.linalg.inv(grids_of(made.place.label)[0]).T)[..., :3]
    # Points in the middle between two voxels, and on the edge, go up as ITK sends them, but for what 32 bits rounded.
    near = np.floor(index + 0.5 + TIE).astype(int)
    inside = ((index >= -0.5 - TIE) & (index < np.array(label.GetSize()) - 0.5 - TIE)).all(-1)
    x, y, z = np.moveaxis(np.clip(near, 0, np.array(label.GetSize()) - 1), -1, 0)
    found = np.where(inside, stored[z, y, x], 0)
    if made.place.kind != "masks":
        return found
    names = made.description["labels"]
    kidney = (ct(1).label.array == DEGREES["kidney"]) * names["kidney"]
    return np.where(found, names["liver"], kidney)


def put(value: float, *where: tuple[int, int, int]) -> Expected:
    """Return the good last channel with other voxels at some places ``(x, y, z)``."""

    def expected(made: Made) -> np.ndarray:
        array = expected_channels(made.place.kind, 1)[-1].astype(np.float64)
        for x, y, z in where:
            array[z, y, x] = value
        return array

    return expected


def without_first_slice(made: Made) -> np.ndarray:
    """Return the good last channel with its smallest value where its file had no slice."""
    array = expected_channels(made.place.kind, 1)[-1].copy()
    array[0] = array[1:].min()
    return array


def right_angles(made: Made) -> None:
    """The axes of the case are the rotation that is nearest to what they were, by another way than ours."""
    others_same(made)
    same(made, 1)
    own = nib.load(made.place.image).header.get_sform()[:3, :3]
    spacing = np.linalg.norm(own, axis=0)
    expected = np.diag([-1.0, -1.0, 1.0]) @ polar(own / spacing)[0]
    found = sitk.ReadImage(str(made.image_file("c1", len(made.description["channel_names"]) - 1)))
    assert np.allclose(np.array(found.GetDirection()).reshape(3, 3), expected, atol=1e-5)
    assert np.allclose(found.GetSpacing(), spacing, rtol=1e-5)
    one_grid(made)
    reports(made, "the nearest rotation moves corners by up to")
    clean(made)


def canonical(made: Made) -> None:
    """All cases are turned to RAS+ as nibabel turns them."""
    kind = made.place.kind
    for number in (0, 1, 2):
        files = (
            sorted(made.place.root.glob(f"*/c{number}_0*")) or sorted(made.place.root.glob(f"*/c{number}.nii.gz"))[:1]
        )
        for channel, path in enumerate(files):
            theirs, ours = nib.as_closest_canonical(nib.load(path)), nib.load(made.image_file(f"c{number}", channel))
            assert np.array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj)), path
            assert np.allclose(ours.affine, theirs.affine, atol=1e-4), path
        one_grid(made, f"c{number}")
        label = made.place.root / ("masks" if kind == "pairs" else "labelsTr") / f"c{number}.nii.gz"
        theirs = np.asarray(nib.as_closest_canonical(nib.load(label)).dataobj)
        assert np.array_equal(np.asarray(nib.load(made.label_file(f"c{number}")).dataobj), theirs)
    for record in made.records.values():
        assert any("turned from" in repair for repair in record["repairs"])
    clean(made)


def label_cast(made: Made) -> None:
    """All is as it was, and the label in the smallest type."""
    all_same(made)
    assert nib.load(made.label_file("c1")).get_data_dtype() == np.uint8
    clean(made)


def test_image_repaired(made: Made) -> None:
    """The last channel of the test image has a number where it had none."""
    for number in (0, 1, 2):
        same(made, number)
    expected = expected_channels(made.place.kind, TEST)[-1].astype(np.float32)
    expected[3, 4, 5] = 7
    assert np.array_equal(made.image("c8", len(made.description["channel_names"]) - 1), expected)
    reports(made, "1 voxel was NaN or infinite and became 7", "c8")
    clean(made)


def all_clean(made: Made) -> None:
    """Nothing had to be repaired but what conversion always does."""
    all_same(made)
    clean(made)


# --- what is wrong


def all_of_c1(change: d.Damage) -> Change:
    """Return what changes every file of the case c1 alike."""

    def changed(place: Place) -> None:
        for path in sorted({*place.root.glob("*/c1*.nii*"), *place.root.glob("c1/*.nii*")}):
            change(path)

    return changed


def slanted(much: float, *, pixdim: bool = True) -> d.Damage:
    """Return what takes the axes of a file off right angles, with the spacing of its axes in pixdim or another one."""

    def damage(path: Path) -> None:
        image = nib.load(path)
        shear = np.eye(4)
        shear[0, 1] = much
        other = nib.Nifti1Image(np.asarray(image.dataobj), image.affine @ shear if pixdim else None)
        other.set_sform(image.affine @ shear, 2)
        other.set_qform(None, 0)
        other.header.set_xyzt_units("mm")
        nib.save(other, path)

    return damage


def by_whole_voxels(path: Path) -> None:
    """Move a volume by one voxel along its first axis."""

    def change(image: sitk.Image) -> None:
        image.SetOrigin(image.TransformIndexToPhysicalPoint((1, 0, 0)))

    d.grid(change)(path)


def larger(image: sitk.Image) -> sitk.Image:
    return sitk.ConstantPad(image, [2, 1, 0], [3, 1, 2], 0)


def finer(image: sitk.Image) -> sitk.Image:
    return sitk.Expand(image, [2, 2, 1], sitk.sitkNearestNeighbor)


def coarser(image: sitk.Image) -> sitk.Image:
    return sitk.Shrink(image, [3, 2, 1])


def several(*where: tuple[int, int, int], values: tuple[float, ...], dtype: type = np.float32) -> d.Damage:
    def change(array: np.ndarray) -> np.ndarray:
        array = array.astype(dtype)
        for place, value in zip(where, values, strict=True):
            array[place] = value
        return array

    return d.voxels(change)


def with_nan(image: sitk.Image) -> sitk.Image:
    found = sitk.Cast(image, sitk.sitkFloat32)
    found[5, 4, 3] = NAN
    return found


def every_way(place: Place) -> None:
    """Each case is in another orientation, its files alike."""
    for number, order in ((0, "LPS"), (1, "SAR"), (2, "IRP"), (TEST, "PLI")):
        for path in sorted(place.root.glob(f"*/c{number}*.nii.gz")):
            image = nib.load(path)
            turn = nib.orientations.ornt_transform(
                nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(order)
            )
            turned = image.as_reoriented(turn)
            data = nib.Nifti1Image(np.asarray(turned.dataobj).copy(), turned.affine)
            data.header.set_xyzt_units("mm")
            nib.save(data, path)


def far_off(path: Path) -> None:
    d.shifted(5000)(path)


# --- lines of the table


def repaired(
    topic: str,
    name: str,
    change: Change,
    words: Words,
    check: Callable[[Made], None],
    kinds: Names = VOLUMES,
    *,
    codes: Names = (),
    more: tuple[Words, ...] = (),
    detect: bool = False,
) -> list[Case]:
    """Return cases that are refused as they are (with one of the codes, if any is given) and converted with an option.

    Parameters
    ----------
    more
        Further options with which it must come to the same.
    """
    cases = []
    for kind in many(kinds):
        base = f"{name} and {' '.join(words)}".replace("--", "")
        if codes:
            cases.append(
                Case(topic, kind, f"{base} left out", change, Reject(many(codes), None), detect=False, again=False)
            )
        for extra in ((), *more):
            both = f"{base} {' '.join(extra)}".replace("--", "").strip()
            cases.append(Case(topic, kind, both, change, Convert(check), words=(*words, *extra), detect=detect))
        if kind == "v2":
            if codes and words not in (CAST, ORTHONORMAL):
                refused = Reject(many(codes), None)
                without = f"{base} left out of repair"
                cases.append(Case(topic, kind, without, change, refused, detect=False, again=False, command="repair"))
            given = () if words in (CAST, ORTHONORMAL) else words
            cases.append(
                Case(
                    topic,
                    kind,
                    f"{base} by repair",
                    change,
                    Convert(check),
                    words=given,
                    detect=False,
                    command="repair",
                )
            )
    return cases


def hopeless(
    topic: str,
    name: str,
    change: Change,
    words: Words,
    codes: Names,
    file: str | None,
    kinds: Names = VOLUMES,
    *,
    exits: tuple[int, ...] = (65,),
) -> list[Case]:
    """Return cases that stay refused with every option, since repairing them needs a guess."""
    return [
        Case(
            topic, kind, f"{name} although {' '.join(words)} {command}".replace("--", ""), change,
            Reject(many(codes), file, exits), words=words, detect=False, again=False, command=command,
        )
        for kind in many(kinds)
        for command in (("convert", "repair") if kind == "v2" else ("convert",))
    ]  # fmt: skip


def by_repair(topic: int, name: str, change: Change, check: Callable[[Made], None]) -> list[Case]:
    """Return the case of a dataset that ``segconv repair`` repairs without an option."""
    return [Case(topic, "v2", f"{name} by repair", change, Convert(check), detect=False, command="repair")]


def without_warnings(*codes: str) -> Callable[[Made], None]:
    """Return the check that all is as it was, and that the check of the dataset reports none of these codes."""

    def check(made: Made) -> None:
        all_same(made)
        one_grid(made)
        reported = {finding.code for finding in check_dataset(made.dataset, Workers(jobs=1)).findings}
        assert not reported & set(codes), reported
        clean(made)

    return check


def in_mm(made: Made) -> None:
    without_warnings("SC092", "SC093")(made)
    spacing = [sitk.ReadImage(str(made.image_file(name))).GetSpacing() for name in ("c0", "c1")]
    assert np.allclose(*spacing, rtol=1e-4)


UNASKED: list[tuple[str, str, Change, Callable[[Made], None]]] = [
    ("byte-order-mark", "nothing", nothing, all_clean),
    ("loose-json", "no counts", entries(numTraining=None), without_warnings("SC089")),
    ("wrong-list", "wrong numTraining", entries(numTraining=7), without_warnings("SC089")),
    ("wrong-list", "numTraining is text", entries(numTraining="three"), without_warnings("SC089")),
    ("nifti-variant", "big-endian", to("image", big_endian), without_warnings()),
    ("two-affines", "forms apart", two_affines(srow_x=[1.5, 0, 0, 50], srow_y=[0, 1.5, 0, 60], srow_z=[0, 0, 4, 70], sform_code=1, qform_code=1), without_warnings("SC092")),
    ("two-affines", "codes 0", two_affines(sform_code=0, qform_code=0), without_warnings("SC092")),
    ("two-affines", "metres", metres, in_mm),
    ("trailing-bytes", "image", to("image", d.appended(b"tail" * 200)), without_warnings("SC059")),
    ("trailing-bytes", "label", to("label", d.appended(b"tail" * 200)), without_warnings("SC059")),
    ("label-position", "a twentieth of a voxel", to("label", d.shifted(0.075)), with_repair("it took that header")),
    ("label-position", "label upside down", to("label", d.grid(d.upside_down)), with_repair("they were put into that order")),
    ("channel-grid", "channel upside down", to("image", d.grid(d.upside_down)), with_repair("they were put into that order")),
    ("bad-affine", "sheared", all_of_c1(slanted(0.02)), right_angles),
]  # fmt: skip
HEADERS: list[tuple[str, str, d.Damage]] = [
    ("label-spacing", "spacing", d.stretched(1.2)),
    ("label-spacing", "no header", d.header(pixdim=[1, 1, 1, 1, 0, 0, 0, 0], sform_code=0, qform_code=0)),
    ("label-position", "origin", d.shifted(5)),
    ("label-position", "a fifth of a voxel", d.shifted(0.3)),
    ("label-position", "mirrored", d.grid(d.mirrored)),
    ("label-position", "turned", d.turned(3)),
    ("label-position", "far away", far_off),
]
UNCHECKED = (("--no-verify-source",), ("--link", "symlink"), ("--link", "hard"))

CASES: list[Case] = [
    # a label takes the header of its image
    *(case for topic, name, damage in HEADERS for case in repaired(topic, name, to("label", damage), HEADER, with_repair("it took that header"), codes="SC083")),
    *repaired("label-position", "origin twice", to("label", d.shifted(5)), (*HEADER, "--repair", "orthonormal"), with_repair("it took that header"), ("msd", "pairs"), more=UNCHECKED),
    *repaired("label-position", "origin in a list", to("label", d.shifted(5)), ("--repair", "header,cast"), with_repair("it took that header"), ("v1", "masks")),
    *hopeless("label-shape", "a slice less", to("label", d.grid(lambda i: i[:, :, 1:])), HEADER, "SC082", "label"),
    *hopeless("label-shape", "transposed", to("label", d.relabelled_axes), HEADER, "SC082", "label"),
    *hopeless("channel-grid", "origin of a channel", to("image", d.shifted(5)), HEADER, "SC083", None, ("v1", "v2")),
    *hopeless("channel-grid", "far away", to("image", far_off), RESAMPLE, "SC083", None, ("v1", "v2")),
    *hopeless("channel-grid", "shape of a channel", to("image", d.grid(lambda i: i[:, :, 1:])), HEADER, "SC082", None, ("v1", "v2")),
    # a channel is taken to the grid of the first
    *repaired("channel-grid", "a slice less", to("image", d.grid(lambda i: i[:, :, 1:])), RESAMPLE, with_repair("by linear interpolation; 168 voxels of the first channel that it did not cover became", image=without_first_slice), ("v1", "v2"), codes="SC082"),
    *repaired("channel-grid", "a slice more", to("image", d.grid(larger)), RESAMPLE, with_repair("by linear interpolation"), ("v1", "v2"), codes="SC082"),
    # a label is taken to the grid of its image
    *repaired("label-shape", "a slice less", to("label", d.grid(lambda i: i[:, :, 1:])), RESAMPLE, with_repair("resampled from a grid", moved(lambda a: np.concatenate([a[:1] * 0, a[1:]]))), codes="SC082"),
    *repaired("label-shape", "larger", to("label", d.grid(larger)), RESAMPLE, with_repair("resampled from a grid"), codes="SC082"),
    *repaired("label-shape", "transposed with its header", to("label", d.grid(d.axes_swapped)), RESAMPLE, with_repair("they were put into that order")),
    *repaired("label-shape", "transposed with its header", to("label", d.grid(d.axes_swapped)), HEADER, with_repair("they were put into that order")),
    *repaired("label-shape", "finer", to("label", d.grid(finer)), RESAMPLE, with_repair("resampled from a grid", nearest), codes="SC082"),
    *repaired("label-shape", "coarser", to("label", d.grid(coarser)), RESAMPLE, with_repair("resampled from a grid", nearest), LABELLED, codes="SC082"),
    *repaired("label-spacing", "spacing", to("label", d.stretched(1.23)), RESAMPLE, with_repair("resampled from a grid", nearest), LABELLED, codes="SC083"),
    *repaired("label-position", "a whole voxel", to("label", by_whole_voxels), RESAMPLE, with_repair("resampled from a grid", moved(lambda a: np.concatenate([a[..., :1] * 0, a[..., :-1]], -1))), LABELLED, codes="SC083", more=UNCHECKED),
    *repaired("label-position", "upside down", to("label", d.grid(d.upside_down)), RESAMPLE, with_repair("they were put into that order")),
    *repaired("label-position", "upside down", to("label", d.grid(d.upside_down)), HEADER, with_repair("they were put into that order"), more=UNCHECKED),
    *repaired("label-position", "turned", to("label", d.turned(3)), RESAMPLE, with_repair("resampled from a grid", nearest), LABELLED, codes="SC083"),
    *hopeless("label-position", "far away", to("label", far_off), RESAMPLE, "SC083", "label"),
    *hopeless("label-channels", "one-hot", to("label", d.one_hot), RESAMPLE, "SC073", "label"),
    *hopeless("label-position", "two ways at once", to("label", d.shifted(5)), (*HEADER, *RESAMPLE), "SC001", None, exits=(2,)),
    *hopeless("label-position", "unknown way", to("label", d.shifted(5)), ("--repair", "everything"), "SC001", None, exits=(2,)),
    *hopeless("label-position", "another way", to("label", d.shifted(5)), ORTHONORMAL, "SC083", "label"),
    # axes become the nearest rotation
    *repaired("bad-affine", "slightly sheared", all_of_c1(slanted(0.02)), ORTHONORMAL, right_angles, codes="SC057", more=UNCHECKED),
    *repaired("bad-affine", "well sheared", all_of_c1(slanted(0.4)), ORTHONORMAL, right_angles, codes="SC057"),
    *(case for name, damage in (("all 0", d.no_rows(0)), ("NaN", d.no_rows(NAN)), ("infinite", d.no_rows(INF)), ("one line", d.header(srow_x=[1, 1, 0, 0], srow_y=[0, 0, 1, 0], srow_z=[0, 0, 1, 0], sform_code=2, qform_code=0)), ("a corner of 20 degrees", slanted(2.7)), ("sheared with another spacing", slanted(0.02, pixdim=False))) for case in hopeless("bad-affine", name, to("image", damage), ORTHONORMAL, "SC057", "image")),
    *hopeless("bad-affine", "sheared", to("image", slanted(0.1)), HEADER, ("SC057", "SC083"), None, PAIRS),
    # NaN and infinity in images
    *(case for bad, topic in ((NAN, "nan-in-image"), (INF, "infinity-in-image"), (-INF, "infinity-in-image")) for case in repaired(topic, f"{bad}", to("image", several((5, 4, 3), values=(bad,))), ("--nonfinite", f"{AIR:g}"), with_repair("1 voxel was NaN or infinite and became -1024", image=put(AIR, (5, 4, 3))), codes="SC055", more=UNCHECKED if bad == INF else ())),
    *repaired("nan-in-image", "both kinds in 64 bits", to("image", several((0, 0, 0), (-1, -1, -1), (3, 2, 1), values=(NAN, INF, -INF), dtype=np.float64)), ("--nonfinite", "0"), with_repair("3 voxels were NaN or infinite and became 0", image=put(0, (0, 0, 0), (-1, -1, -1), (3, 2, 1))), codes="SC055"),
    *repaired("nan-in-image", "big-endian", to("image", lambda path: (d.put(NAN)(path), big_endian(path))), ("--nonfinite", "0"), with_repair("1 voxel was NaN", image=put(0, (5, 4, 3))), ("msd", "pairs", "v2"), codes="SC055"),
    *(case for format_ in ("nii", "nrrd", "mha") for case in repaired("nan-in-image", f"NaN to {format_}", to("image", d.put(NAN)), ("--nonfinite", "7"), with_repair("1 voxel was NaN", image=put(7, (5, 4, 3))), PAIRS, more=(("--format", format_),))),
    *(case for ending in (".nrrd", ".mha", ".nii") for case in repaired("nan-in-image", f"NaN in {ending}", other(ending, "image", d.grid(with_nan)), ("--nonfinite", "7"), with_repair("1 voxel was NaN", image=put(7, (5, 4, 3))), PAIRS, codes="SC055")),
    *repaired("nan-in-image", "NaN in a test image", lambda p: d.put(NAN)(max((p.root / "imagesTs").iterdir())), ("--nonfinite", "7"), test_image_repaired, TASKS, codes="SC055"),
    *hopeless("non-finite-label", "NaN", to("label", d.put(NAN)), ("--nonfinite", "0"), "SC055", "label"),
    *hopeless("non-finite-label", "infinite", to("label", d.put(INF)), ("--nonfinite", "1"), "SC055", "label"),
    *hopeless("infinity-in-image", "infinite by its slope", to("image", scaled(3e38)), ("--nonfinite", "0"), "SC055", "image"),
    *(case for value in ("nan", "inf", "-inf", "1e39", "air") for case in hopeless("nan-in-image", f"{value} for it", to("image", d.put(NAN)), ("--nonfinite", value), "SC001", None, ("msd", "v2", "pairs"), exits=(2,))),
    *hopeless("nan-in-image", "NaN in TIFF", to("image", tiff(np.where(picture(1) > 9, picture(1), np.float32(NAN)))), ("--nonfinite", "0"), ("SC056", "SC084"), "images/c1.tif", PNG),
    # types that hold every value
    *(case for name in ("float32", "float64", "int64", "uint64", "int32") for case in repaired("fractional-label", f"whole numbers in {name}", to("label", d.voxels(lambda a, name=name: a.astype(name))), CAST, label_cast, ("msd", "v2", "pairs", "masks"))),
    *(case for name in ("int64", "float64") for case in repaired("fractional-label", f"image in {name}", to("image", d.voxels(lambda a, name=name: a.astype(name))), CAST, all_clean, ("msd", "v2", "pairs"))),
    *hopeless("fractional-label", "half", to("label", d.put(0.5)), CAST, ("SC071", "SC078"), "label"),
    *hopeless("negative-label", "negative", to("label", d.put(-1, np.int16)), CAST, ("SC072", "SC078"), "label"),
    *hopeless("label-beyond-8-bits", "257", to("label", d.where_one(257, np.uint16)), CAST, ("SC070",), "label", LABELLED),
    *hopeless("unsupported-type", "complex", to("image", d.voxels(lambda a: a.astype(np.complex64))), CAST, "SC056", "image"),
    # all volumes have one orientation
    *repaired("nifti-variant", "every way", every_way, ORIENTATION, canonical, ("msd", "v1", "v2", "pairs"), more=(*UNCHECKED, ("--format", "nii"))),
    *repaired("label-position", "other axes on the same points", to("label", d.grid(lambda i: sitk.Flip(i, [True, False, False]))), ORIENTATION, canonical, ("msd", "pairs", "v2")),
    *hopeless("label-position", "origin", to("label", d.shifted(5)), ORIENTATION, "SC083", "label"),
    # what `repair` does unasked, and leaves nothing of for the check
    *(case for topic, name, change, check in UNASKED for case in by_repair(topic, name, change, check)),
    *hopeless("nan-in-image", "NaN", to("image", d.put(NAN)), ORIENTATION, "SC055", "image"),
]  # fmt: skip
