"""Edits of labels change only dataset.json, completely or not at all, and are recorded in the lineage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segconv.dataset import lineage
from segconv.dataset.counts import label_counts, recorded_counts, recorded_voxels, share
from segconv.dataset.edit import apply_edit, copies, plan_regions, plan_rename
from segconv.dataset.labels import Labels
from segconv.dataset.layout import Dataset
from segconv.dataset.regions import parse_regions, swaps
from segconv.dataset.runs import NewRun
from segconv.errors import Cure, SegconvError
from segconv.image.formats import png as picture
from segconv.work.locks import locked
from segconv.work.plan import Target

LABELS = {"background": 0, "edema": 1, "necrosis": 2, "enhancing": 3, "ignore": 4}


def dataset(folder: Path, labels: Any = None, *, recorded: bool = True, **further: Any) -> Path:
    path = folder / "Dataset007_Brain"
    (path / "segconv").mkdir(parents=True)
    description = {
        "curator": {"who": "knows"},
        "channel_names": {"0": "T1"},
        "labels": LABELS if labels is None else labels,
        "numTraining": 2,
        "file_ending": ".png",
    }
    (path / "dataset.json").write_text(json.dumps(description | further))
    if recorded:
        run = NewRun(command="convert", options={}, source={"kind": "png", "name": "x"}).to_bytes()
        (path / "segconv" / "run.json").write_bytes(run)
    return path


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "dataset.json").read_text())
    return found


def labels_of(path: Path) -> Labels:
    return Labels.from_json(read(path)["labels"], read(path).get("regions_class_order"))


def test_names_change_and_nothing_else(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    before = read(path)
    edit = plan_rename(path, {"edema": "oedema", "necrosis": "edema"})
    assert read(path) == before, "planning writes nothing"
    assert edit.old == {"labels": LABELS}
    assert apply_edit(edit) == []
    renamed = {"background": 0, "oedema": 1, "edema": 2, "enhancing": 3, "ignore": 4}
    assert list(read(path)) == list(before)
    assert read(path) == before | {"labels": renamed}
    assert list(read(path)["labels"]) == list(renamed)
    run = lineage.read_run(path)
    assert run is not None
    (entry,) = run["edits"]
    assert (entry["what"], entry["old"], entry["new"]) == ("rename", {"labels": LABELS}, {"labels": renamed})
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name], "no lock and no temporary file stays"


def test_a_second_edit_is_added_to_the_first(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    for names in ({"edema": "a"}, {"a": "b"}):
        apply_edit(plan_rename(path, names))
    run = lineage.read_run(path)
    assert run is not None
    assert [list(entry["new"]["labels"])[1] for entry in run["edits"]] == ["a", "b"]


def test_a_dataset_without_lineage_is_edited_and_gets_none(tmp_path: Path) -> None:
    path = dataset(tmp_path, recorded=False)
    apply_edit(plan_rename(path, {"edema": "oedema"}))
    assert "oedema" in read(path)["labels"]
    assert list((path / "segconv").iterdir()) == []


def test_an_ignore_label_with_another_spelling_becomes_one(tmp_path: Path) -> None:
    path = dataset(tmp_path, {"background": 0, "a": 1, "Ignore": 2})
    apply_edit(plan_rename(path, {"Ignore": "ignore"}))
    assert labels_of(path).ignore == 2


@pytest.mark.parametrize(
    ("labels", "names", "code"),
    [
        (LABELS, {"edma": "x"}, "SC001"),
        (LABELS, {"edema": "necrosis"}, "SC001"),
        (LABELS, {"edema": "ignore"}, "SC001"),
        (LABELS, {"background": "air"}, "SC001"),
        (LABELS, {"ignore": "unsure"}, "SC001"),
        ({"background": 0, "a": 1}, {"a": "ignore"}, "SC001"),
        ({"background": 0, "Ignore": 1, "a": 2}, {"Ignore": "ignore"}, "SC074"),
        ({"background": 0, "a": 2}, {"a": "b"}, "SC074"),
        ([], {"a": "b"}, "SC074"),
    ],
)
def test_a_renaming_that_means_more_than_a_name_is_refused(
    tmp_path: Path, labels: Any, names: dict[str, str], code: str
) -> None:
    path = dataset(tmp_path, labels)
    before = (path / "dataset.json").read_bytes()
    with pytest.raises(SegconvError) as caught:
        apply_edit(plan_rename(path, names))
    assert caught.value.code == code
    assert (path / "dataset.json").read_bytes() == before


def regions(path: Path, *texts: str) -> dict[str, tuple[int, ...]]:
    return parse_regions(texts, labels_of(path))


def test_regions_are_set_by_name_and_their_order_is_computed(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    given = regions(path, "core=necrosis+enhancing", "enhancing=enhancing", "whole=edema+core")
    edit = plan_regions(path, given)
    assert edit.new == {
        "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4},
        "regions_class_order": [1, 2, 3],
    }
    apply_edit(edit)
    assert swaps(labels_of(path)) == {}
    apply_edit(plan_regions(path, regions(path, "edema=1", "necrosis=2", "enhancing=3")))
    assert labels_of(path).as_json() == LABELS
    assert "regions_class_order" not in read(path)


def test_a_class_in_no_region_stays(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    edit = plan_regions(path, regions(path, "core=necrosis+enhancing", "enhancing=enhancing"))
    assert edit.new["labels"] == {"background": 0, "edema": 1, "core": [2, 3], "enhancing": 3, "ignore": 4}


def test_a_region_with_indistinguishable_parts_is_refused_with_their_own_names(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    with pytest.raises(SegconvError) as caught:
        plan_regions(path, regions(path, "whole=edema+necrosis+enhancing"))
    assert caught.value.code == "SC074"
    assert caught.value.hint == "add enhancing=3 and necrosis=2 to the regions"


def test_a_value_that_would_be_in_no_region_is_refused(tmp_path: Path) -> None:
    path = dataset(
        tmp_path, {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enh": 3}, regions_class_order=[1, 2, 3]
    )
    with pytest.raises(SegconvError) as caught:
        plan_regions(path, regions(path, "core=2+3", "enh=enh"))
    assert (caught.value.code, caught.value.hint) == ("SC074", "add whole=1 to the regions")


def test_an_order_of_ones_own_is_proved_or_refused(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    given = regions(path, "whole=1+2+3", "core=2+3", "enhancing=3")
    assert plan_regions(path, given, [1, 2, 3]).new["regions_class_order"] == [1, 2, 3]
    with pytest.raises(SegconvError) as caught:
        plan_regions(path, given, [3, 2, 1])
    (finding,) = caught.value.findings
    assert "swaps 1 whole → 3 enhancing" in finding.message
    with pytest.raises(SegconvError, match="expected 3: one for each of whole, core, enhancing"):
        plan_regions(path, given, [1, 2])


def test_data_made_with_the_old_labels_is_reported_or_keeps_regions(tmp_path: Path) -> None:
    path = dataset(tmp_path / "raw")
    (tmp_path / "preprocessed" / path.name).mkdir(parents=True)
    made = copies(path, [tmp_path / "preprocessed", None, tmp_path / "results"])
    assert made == [tmp_path / "preprocessed" / path.name]
    edit = plan_regions(path, regions(path, "a=1", "b=2+3", "c=3"))
    with pytest.raises(SegconvError) as caught:
        apply_edit(edit, made)
    assert (caught.value.code, caught.value.cures) == ("SC020", (Cure("force_labels"),))
    assert labels_of(path).as_json() == LABELS
    (finding,) = apply_edit(edit, made, force=True)
    assert (finding.severity, finding.cures) == ("warning", (Cure.of("make_again", dataset=7),))
    assert len(apply_edit(plan_rename(path, {"a": "x"}), made)) == 1
    assert apply_edit(plan_rename(path, {"x": "x"}), made) == []


def test_a_dataset_in_use_is_left_untouched(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    edit = plan_rename(path, {"edema": "x"})
    with locked(Target(path, "007")), pytest.raises(SegconvError) as caught:
        apply_edit(edit)
    assert caught.value.code == "SC035"
    (path / "dataset.json").write_text(json.dumps(read(path) | {"numTraining": 3}))
    with pytest.raises(SegconvError) as caught:
        apply_edit(edit)
    assert caught.value.code == "SC062"


def test_anything_but_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        plan_rename(tmp_path, {"a": "b"})
    assert caught.value.code == "SC010"
    path = dataset(tmp_path).rename(tmp_path / "brain")
    with pytest.raises(SegconvError) as caught:
        apply_edit(plan_rename(path, {"edema": "x"}))
    assert caught.value.code == "SC094"


def test_a_killed_edit_leaves_the_old_or_the_new_and_the_same_edit_ends_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from segconv.dataset.edit import *; "
        "apply_edit(plan_rename(Path(sys.argv[1]), {'edema': 'oedema'}))"
    )
    killed = 0
    for call in range(1, 40):
        path = dataset(tmp_path / str(call))
        old = read(path)
        environment = os.environ | {"SEGCONV_FAULT": f"kill@{call}"}
        done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        killed += 1
        if read(path) == old:
            apply_edit(plan_rename(path, {"edema": "oedema"}))
        assert list(read(path)["labels"])[1] == "oedema"
        run = lineage.read_run(path)
        assert run is not None
        assert len(run["edits"]) == 1
        assert list(path.rglob(".tmp*")) == []
    assert killed >= 6


@pytest.mark.parametrize("fault", ["ENOSPC@write:1", "ENOSPC@write:2", "EIO@rename:2"])
def test_a_full_disk_is_an_error_of_ours_and_leaves_the_old(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segconv.work import fsops

    path = dataset(tmp_path)
    before = (path / "dataset.json").read_bytes()
    edit = plan_rename(path, {"edema": "x"})
    monkeypatch.setattr(fsops, "_calls", type(fsops._calls)())
    monkeypatch.setenv("SEGCONV_FAULT", fault)
    with pytest.raises(SegconvError) as caught:
        apply_edit(edit)
    assert caught.value.code in ("SC031", "SC032")
    assert (path / "dataset.json").read_bytes() == before
    assert [p.name for p in path.iterdir() if p.name.startswith(".tmp")] == []


def test_voxels_are_counted_from_the_lineage_and_from_files_where_it_is_silent(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    for folder in ("imagesTr", "labelsTr"):
        (path / folder).mkdir()
    for case, value in (("a", 4), ("b", 1)):
        mask = np.zeros((4, 8), dtype=np.uint8)
        mask[0] = value
        (path / "imagesTr" / f"{case}_0000.png").write_bytes(picture.encode_samples(mask))
        (path / "labelsTr" / f"{case}.png").write_bytes(picture.encode_samples(mask))
    record = lineage.CaseRecord("a", label_voxels={"0": 1, "4": 3})
    (path / "segconv" / "cases.jsonl").write_bytes(record.to_line())
    opened = Dataset.open(path)
    assert dict(recorded_counts(path)) == {"a": {0: 1, 4: 3}}
    assert dict(label_counts(opened)) == {"a": {0: 1, 4: 3}, "b": {0: 24, 1: 8}}
    assert [share(counts, 4) for _, counts in label_counts(opened)] == [0.75, 0.0]
    assert recorded_voxels(path) == {0: 1, 4: 3}
    assert share({}, 4) == 0.0
    (path / "labelsTr" / "a.png").write_bytes(picture.encode_samples(np.full((4, 8), 4, dtype=np.uint8)))
    later = (path / "segconv" / "cases.jsonl").stat().st_mtime_ns + 1
    os.utime(path / "labelsTr" / "a.png", ns=(later, later))
    assert dict(label_counts(opened))["a"] == {4: 32}
    size = (path / "labelsTr" / "a.png").stat().st_size
    os.utime(path / "labelsTr" / "a.png", ns=(later - 1, later - 1))
    for recorded, expected in ((size, {0: 1, 4: 3}), (size + 1, {4: 32})):
        target = {"path": "labelsTr/a.png", "size": recorded, "sha256": "0" * 64}
        (path / "segconv" / "cases.jsonl").write_bytes(replace(record, targets=[target]).to_line())
        os.utime(path / "segconv" / "cases.jsonl", ns=(later, later))
        assert dict(label_counts(opened))["a"] == expected
    (path / "labelsTr" / "b.png").unlink()
    with pytest.raises(SegconvError) as caught:
        list(label_counts(opened))
    assert (caught.value.code, caught.value.file) == ("SC080", str(path / "labelsTr" / "b.png"))
