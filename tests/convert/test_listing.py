"""A source is listed once for all readings of it, and its files are resolved by folder where that is safe."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from segconv.convert.listing import Listing, Unit
from segconv.convert.model import ConvertOptions
from segconv.convert.recognise.detection import detect
from segconv.convert.sources.registry import scan_source
from segconv.convert.survey import Survey
from segconv.errors import SegconvError

from .drawn import pair


def pictures(root: Path, number: int = 4) -> Path:
    """Write pairs of pictures into two folders."""
    for case in range(number):
        pair(root, f"images/c{case}.png", f"masks/c{case}.png", case)
    return root


def options() -> ConvertOptions:
    """Return declared labels, so that no mask is read."""
    return ConvertOptions(labels={"background": 0, "a": 1, "b": 2})


def test_each_folder_is_listed_once_for_all_kinds_and_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = Survey(pictures(tmp_path.resolve()), options())
    listed: Counter[str] = Counter()
    listing = Listing._listed

    def counted(self: Listing, relative: str, *rest: Any, **named: Any) -> Any:
        listed[relative] += 1
        return listing(self, relative, *rest, **named)

    monkeypatch.setattr(Listing, "_listed", counted)
    kind, _ = detect(survey)
    scan = scan_source(kind, survey)
    assert (kind, len(scan.cases), survey.findings) == ("png", 4, [])
    assert listed == {"": 1, "images": 1, "masks": 1}


def test_names_are_sorted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.nii.gz", ".hidden.png", "c.txt", "d.seg.nrrd", "e"):
        (tmp_path / name).touch()
    (folder,) = Listing(tmp_path).folders(external=False)
    assert folder.names == ["a.nii.gz", "b.PNG", "c.txt", "d.seg.nrrd", "e"]
    assert folder.units == [Unit("", "a", ".nii.gz"), Unit("", "b", ".PNG"), Unit("", "d.seg", ".nrrd")]
    assert folder.endings == {".nii.gz": 1, ".PNG": 1, ".nrrd": 1}


def test_names_are_told_by_the_files_if_all_are_known(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpeg"):
        (tmp_path / name).touch()
    (folder,) = Listing(tmp_path).folders(external=False)
    assert [unit.name for unit in folder.units] == folder.names == ["a.jpeg", "b.png"]


def test_links_are_resolved_one_by_one(tmp_path: Path) -> None:
    root = pictures(tmp_path / "source").resolve()
    outside = tmp_path / "outside.png"
    (root / "images/c1.png").rename(outside)
    (root / "images/c1.png").symlink_to(outside)
    (root / "images/c2.png").unlink()
    (root / "images/c2.png").symlink_to("c3.png")
    survey = Survey(root, options())
    survey.listing.folders(external=False)
    assert survey.resolve_unit(Unit("masks", "c1", ".png")) == f"{root}/masks/c1.png"
    assert survey.resolve_unit(Unit("images", "c2", ".png")) == f"{root}/images/c3.png"
    with pytest.raises(SegconvError) as caught:
        survey.resolve_unit(Unit("images", "c1", ".png"))
    assert caught.value.code == "SC060"


def test_a_file_that_became_a_link_after_it_was_listed_is_refused(tmp_path: Path) -> None:
    root = pictures(tmp_path / "source").resolve()
    survey = Survey(root, options())
    kind, _ = detect(survey)
    (root / "images/c1.png").rename(tmp_path / "outside.png")
    (root / "images/c1.png").symlink_to(tmp_path / "outside.png")
    scan_source(kind, survey)
    assert [(found.code, found.file) for found in survey.findings] == [("SC060", "images/c1.png")]
