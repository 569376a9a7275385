"""Two files that could be the label are refused with both choices, each of which works as printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from segconv.convert.find.raters import raters_in
from segconv.image.geometry import Volume

from ...command import Command, Done
from ..oracles import ct, description, records, voxels, write

CASES = 3


def source(root: Path, files: dict[str, str]) -> Path:
    """Write cases whose files are an image, an organ's ``label``, or the ``body`` around it."""
    for number in range(CASES):
        phantom = ct(number)
        body = (phantom.images[0].array > -900).astype(np.uint8)
        volumes = {
            "image": phantom.images[0],
            "label": phantom.label,
            "body": Volume(body, phantom.label.geometry),
            "float": Volume((phantom.label.array > 0).astype(np.float32), phantom.label.geometry),
        }
        for name, what in files.items():
            write(root / f"{name.format(n=number)}.nii.gz", volumes[what])
    return root


def choices(done: Done) -> list[list[str]]:
    """Return the options that a refusal offers."""
    (hint,) = re.findall("^Error .*\nHint: (.*)$", done.err, re.MULTILINE)
    found = re.split(r"; (?:or )?| or (?=--)", hint)
    return [shlex.split(re.split(r" (?:if|takes|keeps) ", one)[0]) for one in found]


REFUSED = {
    "a brain mask and lesions": ({"p{n}/flair": "image", "p{n}/t1": "image", "p{n}/brain_mask": "body",
                                  "p{n}/lesions": "label"}, "lesions"),
    "a prostate mask and lesions": ({"p{n}/t2": "image", "p{n}/prostate_mask": "body", "p{n}/VOI_lesion": "float"},
                                    "VOI_lesion"),
    "a brain mask among channels": ({"p{n}/flair": "image", "p{n}/t1": "image", "p{n}/brainmask": "body",
                                     "p{n}/lesion_seg": "label"}, "lesion_seg"),
    "names that begin with the case": ({"p{n}/p{n}_flair": "image", "p{n}/p{n}_t1": "image",
                                        "p{n}/p{n}_brain_mask": "body", "p{n}/p{n}_lesions": "label"}, "lesions"),
    "a numbered channel": ({"images/c{n}_0000": "image", "images/c{n}_0001": "body", "labels/c{n}": "label"}, "labels/"),
    "two raters": ({"p{n}/ct": "image", "p{n}/seg_r1": "label", "p{n}/seg_r2": "label"}, "seg_r2"),
    "two raters beside two channels": ({"p{n}/flair": "image", "p{n}/t1": "image", "p{n}/seg_RJ": "label",
                                        "p{n}/seg_SM": "label"}, "seg_SM"),
    "raters without a word for masks": ({"p{n}/ct": "image", "p{n}/rater1": "label", "p{n}/rater2": "label"}, "rater1"),
    "two raters in a folder of labels": ({"images/c{n}": "image", "labels/c{n}_RJ": "label", "labels/c{n}_SM": "label"},
                                         "_SM"),
    "a body mask and a label": ({"p{n}/ct": "image", "p{n}/body_mask": "body", "p{n}/label": "label"}, "label.nii"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_two_candidates_are_refused_and_each_choice_works_as_printed(
    name: str, segconv: Command, tmp_path: Path
) -> None:
    files, wanted = REFUSED[name]
    root = source(tmp_path / "set", files)
    done = segconv("convert", root, "--to", "5_A")
    assert done.codes() in (["SC003"], ["SC081"])
    assert not list(segconv.raw.glob("Dataset*"))
    offered = choices(done)
    masks = [words[words.index("--masks") + 1] for words in offered if "--images" in words]
    assert len(masks) >= 2
    (right,) = (words for words in offered if "--images" in words and wanted in words[words.index("--masks") + 1])
    done = segconv("convert", root, "--to", "5_A", *right)
    assert done.code == 0, done.err
    dataset = segconv.raw / "Dataset005_A"
    label = next(what for file, what in files.items() if wanted.removesuffix(".nii") in file)
    for number, record in enumerate(sorted(records(dataset).values(), key=lambda record: record["case"])):
        expected = ct(number).label.array
        expected = expected > 0 if label == "float" else expected
        assert np.array_equal(voxels(dataset / "labelsTr" / f"{record['case']}.nii.gz"), expected)
    assert len(description(dataset)["channel_names"]) == sum(what == "image" for what in files.values())


def test_declared_channels_are_not_questioned(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set", REFUSED["a brain mask among channels"][0])
    assert segconv("convert", root, "--to", "5_A", "--channels", "brainmask,flair,t1").code == 0
    root = source(tmp_path / "masks", {"p{n}/ct": "image", "p{n}/seg_r1": "body", "p{n}/seg_r2": "float"})
    assert segconv("convert", root, "--to", "6_A", "--masks", "seg_r1,seg_r2").code == 0


def test_one_case_that_holds_grey_values_settles_it(segconv: Command, tmp_path: Path) -> None:
    root = source(tmp_path / "set", {"p{n}/flair": "image", "p{n}/map": "body", "p{n}/lesion_seg": "label"})
    write(root / "p2/map.nii.gz", ct(2).images[0])
    assert segconv("convert", root, "--to", "5_A").code == 0


@pytest.mark.parametrize(
    ("names", "raters"),
    [
        (["seg_rater1", "seg_rater2"], 2),
        (["annotator-a", "annotator-b"], 2),
        (["lesion_reader_1", "lesion_reader_2"], 2),
        (["consensus", "rater1", "rater2"], 3),
        (["r1_mask", "r2_mask", "r3_mask"], 3),
        (["liver_r1", "liver_r2", "spleen_r1", "spleen_r2"], 4),
        (["mask_AB", "mask_CD"], 2),
        (["mask1", "mask2"], 2),
        (["Consensus", "ManualSegmentation_1", "ManualSegmentation_2"], 3),
        (["manual_1", "manual_2"], 2),
        (["mask_1", "mask_2"], 0),
        (["liver", "spleen"], 0),
        (["rib_left_1", "rib_left_2"], 0),
        (["vertebrae_L1", "vertebrae_L2"], 0),
        (["seg_ET", "seg_WT", "seg_TC"], 0),
        (["lung_L", "lung_R"], 0),
        (["rib_r1", "rib_r2", "heart"], 0),
        (["GTV1", "GTV2"], 0),
    ],
)
def test_raters_are_known_by_their_names(names: list[str], raters: int) -> None:
    assert len(raters_in(names)) == raters
