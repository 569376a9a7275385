"""dataset.json: read strictly, and written so that nnU-Net v2 and v1 read what is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.convert.tasks.task_json import declared_labels
from segconv.dataset.description import DatasetDescription, unknown_entries, v1_object
from segconv.dataset.labels import Labels
from segconv.dataset.strictjson import loads
from segconv.errors import SegconvError

PLAIN = Labels({"background": 0, "liver": 1, "tumour": 2})
TEXTS = {"name": "Liver", "release": "1.0", "licence": "CC-BY-SA 4.0", "citation": "Somebody et al.", "reference": "x"}
V2: dict[str, Any] = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "liver": [1, 2], "tumour": 2},
    "regions_class_order": [1, 2],
    "numTraining": 3,
    "file_ending": ".nii.gz",
}

texts = st.dictionaries(
    st.sampled_from(["name", "description", "reference", "licence", "release", "citation"]), st.text()
)


@given(st.lists(st.text(), min_size=1, max_size=4), texts, st.sampled_from([".nii.gz", ".png"]), st.integers(0, 10**6))
def test_written_files_are_read_alike(channels: list[str], said: dict[str, str], ending: str, number: int) -> None:
    said = {key: text.strip() for key, text in said.items()}
    description = DatasetDescription(tuple(channels), PLAIN, ending, number, said)
    assert DatasetDescription.from_json(loads(description.to_bytes())) == description


def test_every_text_stays_in_its_own_entry() -> None:
    """nnU-Net's own writer puts the release into the citation."""
    written = DatasetDescription(("CT",), PLAIN, ".nii.gz", 3, TEXTS).as_json()
    assert {key: written[key] for key in TEXTS} == TEXTS


def test_regions_and_their_order_are_written_in_the_order_of_the_heads(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps(V2))
    description = DatasetDescription.read(tmp_path / "dataset.json")
    assert list(description.as_json()["labels"]) == ["background", "liver", "tumour"]
    assert json.loads(description.to_bytes()) == V2


@pytest.mark.train
def test_nnunet_reads_what_is_written() -> None:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    found = json.loads(DatasetDescription.from_json(V2).to_bytes())
    manager = LabelManager(found["labels"], found["regions_class_order"])
    assert manager.foreground_regions == [(1, 2), 2]


@pytest.mark.parametrize("order", [None, [1], [1, 2, 2], "1,2", [1, 2.5]])
def test_an_order_of_the_wrong_length_is_refused(order: Any) -> None:
    """nnU-Net's own writer takes it, and its training stumbles."""
    with pytest.raises(SegconvError) as caught:
        DatasetDescription.from_json(V2 | {"regions_class_order": order})
    assert caught.value.code == "SC074"


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel_names": {}},
        {"channel_names": ["CT"]},
        {"channel_names": {"CT": "0"}},
        {"channel_names": {"0": "CT", "2": "MR"}},
        {"channel_names": {"CT": 0}},
        {"numTraining": "3"},
        {"numTraining": True},
        {"file_ending": "nii.gz"},
        {"file_ending": 3},
    ],
)
def test_an_entry_that_nnunet_would_stumble_over_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SegconvError) as caught:
        DatasetDescription.from_json(V2 | wrong)
    assert caught.value.code == "SC086"


def test_a_dataset_without_channels_cannot_be_described() -> None:
    with pytest.raises(SegconvError, match="channel_names is empty") as caught:
        DatasetDescription((), PLAIN, ".nii.gz", 0)
    assert caught.value.code == "SC086"


def test_an_unreadable_file_is_distinguished_from_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    (tmp_path / "folder").mkdir()
    for name, code in (("none", "SC010"), ("file/dataset.json", "SC012"), ("folder", "SC061")):
        with pytest.raises(SegconvError) as caught:
            DatasetDescription.read(tmp_path / name)
        assert (caught.value.code, caught.value.file) == (code, str(tmp_path / name))


def test_missing_and_swapped_entries_are_reported() -> None:
    with pytest.raises(SegconvError, match="has no entry 'labels'") as caught:
        DatasetDescription.from_json({key: value for key, value in V2.items() if key != "labels"})
    assert caught.value.code == "SC074"
    for wrong, said in (({"CT": 0}, "number first, then name"), ({}, "expected {'0': name")):
        with pytest.raises(SegconvError, match=said):
            DatasetDescription.from_json(V2 | {"channel_names": wrong})


def test_a_v1_json_is_recognised() -> None:
    with pytest.raises(SegconvError, match="it looks like one of nnU-Net v1 or MSD"):
        DatasetDescription.from_json({"modality": {"0": "CT"}, "labels": {"0": "background"}, "numTraining": 1})


def test_v1_is_written_in_the_form_of_the_decathlon() -> None:
    description = DatasetDescription(("T1", "T2"), PLAIN, ".nii.gz", 0, TEXTS)
    written = v1_object(description, ["a", "b"], ["c"])
    assert written == {
        **TEXTS,
        "tensorImageSize": "4D",
        "modality": {"0": "T1", "1": "T2"},
        "labels": {"0": "background", "1": "liver", "2": "tumour"},
        "numTraining": 2,
        "numTest": 1,
        "training": [
            {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
            {"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"},
        ],
        "test": ["./imagesTs/c.nii.gz"],
    }
    assert declared_labels(written) == dict(PLAIN.names)
    assert v1_object(DatasetDescription(("CT",), PLAIN, ".nii.gz", 0), ["a"])["tensorImageSize"] == "3D"


def test_v1_json_is_what_a_real_task_has(data: Path) -> None:
    real = json.loads((data / "Task04_Hippocampus" / "dataset.json").read_text())
    labels = Labels(declared_labels(real) or {})
    description = DatasetDescription(tuple(real["modality"].values()), labels, ".nii.gz", 0)
    cases = [Path(entry["image"]).name.removesuffix(".nii.gz") for entry in real["training"]]
    written = v1_object(description, cases, [])
    same = ("tensorImageSize", "modality", "labels", "training")
    assert {key: written[key] for key in same} == {key: real[key] for key in same}


@pytest.mark.parametrize(
    ("labels", "ending", "code"),
    [
        (Labels({"background": 0, "a": (1, 2), "b": 2}, (1, 2)), ".nii.gz", "SC074"),
        (Labels({"background": 0, "a": 1, "ignore": 2}), ".nii.gz", "SC074"),
        (PLAIN, ".png", "SC086"),
    ],
)
def test_what_v1_does_not_know_is_refused(labels: Labels, ending: str, code: str) -> None:
    with pytest.raises(SegconvError) as caught:
        v1_object(DatasetDescription(("CT",), labels, ending, 0), [])
    assert caught.value.code == code


def test_broken_and_extra_entries_are_distinguished() -> None:
    further = {"overwrite_image_reader_writer": "X", "dataset": {}, "curator": "me"}
    assert unknown_entries(V2 | {"name": "a", "license": "b"} | further) == further


@pytest.mark.parametrize("value", ["²", "①", "1.0", "", "-1"])
def test_text_that_is_not_an_integer_is_not_a_label_value(value: str) -> None:
    with pytest.raises(SegconvError) as caught:
        DatasetDescription.from_json(V2 | {"labels": {"background": 0, "a": value}})
    assert caught.value.code == "SC074"
