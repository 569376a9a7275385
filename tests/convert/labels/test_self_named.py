"""Label maps that name their own values, and label maps numbered as a tool numbers everything it knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segconv.convert.conversion import plan_conversion
from segconv.convert.labels.mask_facts import MaskFacts
from segconv.convert.labels.self_named import in_order_of, names_in_files, proved
from segconv.convert.model import ConvertOptions
from segconv.dataset.numbering import Numbering
from segconv.errors import SegconvError

from ...command import Command
from ..oracles import description, records, voxels
from .named_files import NAMES, VALUES, source, write_named

TOOL = Numbering("task total of Tool 2.18.0", {name: value for value, name in NAMES.items()})
HELD = {"background": 0, "kidney_right": 1, "liver": 2, "costal_cartilages": 3}


def facts(file: str, values: list[int], names: dict[int, str]) -> MaskFacts:
    return MaskFacts(file, dict.fromkeys(values, 9), names=names)


def test_the_values_that_occur_become_labels_by_the_names_in_the_headers(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES, NAMES)
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.code == 0, done.err
    assert "labels are declared by the label tables in the files' headers, of which the values count" in done.err
    made = segconv.raw / "Dataset005_A"
    assert description(made)["labels"] == HELD
    assert records(made)["c0"]["label_map"] == {"0": 0, "2": 1, "5": 2, "117": 3}
    assert segconv("check", "5").code == 0
    done = segconv("restore", made / "labelsTr", "--like", "5", "-o", tmp_path / "back")
    assert done.code == 0, done.err
    for case in ("c0", "c1"):
        assert np.array_equal(voxels(tmp_path / f"back/{case}.nii.gz"), voxels(root / f"labels/{case}.nii.gz"))


def test_names_declared_by_the_user_count_before_those_in_the_headers(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES)
    said = ("--labels", "background=0,a=5,b=2,c=117")
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT", *said, "-n", "--json")
    assert done.json["labels"] == {"background": 0, "b": 1, "a": 2, "c": 3}


def test_files_of_which_only_some_name_their_values_are_refused(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES, {})
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.codes() == ["SC074"]
    assert "labels/c1.nii.gz: names none of its values, labels/c0.nii.gz does in its header" in done.err
    assert "--labels totalseg:TASK" in done.err
    assert not segconv.raw.exists() or not list(segconv.raw.iterdir())


def test_files_that_name_a_value_differently_are_refused(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", NAMES, NAMES | {5: "stomach"})
    done = segconv("convert", root, "--to", "5_A", "--channels", "CT")
    assert done.codes() == ["SC074"]
    assert "labels/c1.nii.gz: calls the value 5 'stomach' in its header, labels/c0.nii.gz calls it 'liver'" in done.err


def test_names_of_values_that_no_file_holds_may_differ() -> None:
    masks = [facts("a", [0, 5], {5: "liver", 7: "aorta"}), facts("b", [0, 5], {5: "liver", 7: "pancreas"})]
    assert names_in_files(masks) == {"background": 0, "liver": 5, "aorta": 7}


def test_one_name_for_other_values_in_another_file_is_refused() -> None:
    with pytest.raises(SegconvError, match="calls the value 2 'liver' in its header, a gives 1 that name") as refused:
        names_in_files([facts("a", [0, 1], {1: "liver"}), facts("b", [0, 2], {2: "liver"})])
    assert refused.value.code == "SC074"
    masks = [facts("a", [0, 5, 6], {5: "rib", 6: "rib"}), facts("b", [0, 6], {6: "rib"}), facts("c", [0], {7: "rib"})]
    assert names_in_files(masks) == {"background": 0, "rib": 5, "rib_6": 6, "rib_7": 7}


def test_a_value_that_only_another_file_names_is_refused() -> None:
    with pytest.raises(SegconvError, match="holds the value 1 without a name in its header, a calls it 'spleen'"):
        names_in_files([facts("a", [0, 1], {1: "spleen", 5: "liver"}), facts("b", [0, 1, 5], {5: "liver"})])


def test_an_empty_label_map_needs_no_names() -> None:
    assert names_in_files([facts("a", [0], {}), facts("b", [0, 5], {5: "liver"})]) == {"background": 0, "liver": 5}
    assert names_in_files([facts("a", [0, 5], {})]) is None


def test_a_name_that_two_values_share_becomes_two_labels() -> None:
    found = names_in_files([facts("a", [0, 5, 6], {0: "nothing", 5: "rib", 6: "rib"})])
    assert found == {"background": 0, "rib": 5, "rib_6": 6}


def test_a_value_without_a_name_is_refused_unless_found_values_are_accepted(tmp_path: Path, segconv: Command) -> None:
    root = source(tmp_path / "src", {key: NAMES[key] for key in (2, 117)})
    said = ("convert", root, "--to", "5_A", "--channels", "CT", "-n", "--json")
    done = segconv(*said)
    assert [finding["code"] for finding in done.json["findings"]] == ["SC070"]
    assert (
        "the value 5, without a name in the label tables in the files' headers" in done.json["findings"][0]["message"]
    )
    expected = {"background": 0, "kidney_right": 1, "class_5": 2, "costal_cartilages": 3}
    assert segconv(*said, "--accept-labels").json["labels"] == expected
    merged = segconv(*said, "--map", "5=kidney_right").json["label_values"]
    assert merged == {"0": 0, "2": 1, "117": 2, "5": 1}


@pytest.mark.parametrize(
    ("names", "says"),
    [(NAMES, "the headers of 1 of 1 label file agree"), ({}, "no label file names them itself")],
)
def test_a_numbering_names_what_occurs_and_says_how_far_it_is_proved(
    names: dict[int, str], says: str, tmp_path: Path
) -> None:
    root = source(tmp_path / "src", names)
    options = ConvertOptions(numbering=TOOL, channels=("CT",))
    conversion = plan_conversion(root, "5_A", raw=tmp_path / "raw", options=options)
    assert conversion.scan.label_map.labels.names == HELD
    assert conversion.scan.label_map.absent == ("spleen",)
    assert f"{TOOL.of} names the values, of which those count that occur; {says}" in conversion.scan.notes
    assert options.key()["numbering"] == TOOL.of
    assert "numbering" not in ConvertOptions().key()


def test_headers_that_contradict_a_numbering_are_refused() -> None:
    with pytest.raises(SegconvError, match=r"value 5 'stomach' in its header, task total of Tool .* calls it 'liver'"):
        proved([facts("a", [0, 5], {5: "stomach"})], TOOL)
    with pytest.raises(SegconvError, match=r"value 6 'rib' in its header, task total of Tool .* has no such value"):
        proved([facts("a", [0, 6], {6: "rib"})], TOOL)
    assert "1 of 2 label files agree" in proved([facts("a", [0], {5: "x"}), facts("b", [0], {})], TOOL)


def test_a_value_that_a_numbering_lacks_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "src"
    source(root, NAMES)
    write_named(root / "labels/c0.nii.gz", 0, {}, VALUES + 1)
    options = ConvertOptions(numbering=TOOL, channels=("CT",))
    with pytest.raises(SegconvError) as caught:
        plan_conversion(root, "5_A", raw=tmp_path / "raw", options=options)
    assert caught.value.findings[0].message == f"holds the values 3, 6, 118, without a name in {TOOL.of}"


def test_names_of_masks_follow_a_numbering() -> None:
    names, note = in_order_of(TOOL, ["lesion", "costal_cartilages", "liver", "spleen"])
    assert names == ["spleen", "liver", "costal_cartilages", "lesion"]
    assert note == f"the classes are in the order of {TOOL.of}; lesion, which are none of its classes, come last"
    with pytest.raises(SegconvError, match="no class 'heart', 'lesion'"):
        in_order_of(TOOL, ["heart", "lesion"])
