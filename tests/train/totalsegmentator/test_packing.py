"""Weights carried to a machine without a network, and archives that are refused."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ...command import Command, Done
from ...faults.worlds import tree
from .random_models import make_models

pytestmark = [pytest.mark.train, pytest.mark.totalseg]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models of ``total`` and ``body`` with ``fast``, with random weights; read only."""
    folder = tmp_path_factory.mktemp("weights")
    make_models(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are installed: it does not exist yet."""
    monkeypatch.delenv("TOTALSEG_WEIGHTS_PATH", raising=False)
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(tmp_path / "home"))
    return tmp_path / "home" / "nnunet" / "results"


@pytest.fixture
def packed(weights: Path, home: Path, segconv: Command, tmp_path: Path) -> Path:
    """An archive of both models, made on another machine."""
    assert home
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("TOTALSEG_WEIGHTS_PATH", str(weights))
        done = segconv("totalseg", "pack", "body", "total", "--fast", "-o", tmp_path / "a.zip", "--json")
    assert done.code == 0, done.err
    assert [name[:10] for name in done.json["models"]] == ["Dataset300", "Dataset297"]
    return tmp_path / "a.zip"


def test_the_way_round_changes_no_byte(packed: Path, home: Path, weights: Path, segconv: Command) -> None:
    assert segconv("totalseg", "weights", "total", "--fast").code == 1
    done = segconv("totalseg", "install", packed)
    assert (done.code, done.codes()) == (0, [])
    assert "Warning" not in done.err
    assert tree(home) == tree(weights)
    assert segconv("totalseg", "weights", "total", "body", "--fast").code == 0
    again = segconv("totalseg", "install", packed, "--json")
    assert (again.code, again.json["installed"], len(again.json["kept"])) == (0, [], 2)
    assert tree(home) == tree(weights)


def test_what_is_missing_is_not_packed(home: Path, segconv: Command, tmp_path: Path) -> None:
    done = segconv("totalseg", "pack", "lung_vessels", "-o", tmp_path / "a.zip")
    assert (done.code, done.codes()) == (78, ["SC192", "SC192"])
    assert not (tmp_path / "a.zip").exists()
    assert not home.exists()


def rewritten(archive: Path, change: Callable[[zipfile.ZipInfo, bytes], tuple[zipfile.ZipInfo, bytes] | None]) -> Path:
    """Return a copy of an archive with entries changed, or left out."""
    path = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            changed = change(entry, old.read(entry))
            if changed is not None:
                new.writestr(*changed)
    return path


def added(archive: Path, name: str, data: bytes = b"x", mode: int = 0o100644) -> Path:
    """Return a copy of an archive with one entry more."""
    path = rewritten(archive, lambda entry, content: (entry, content))
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(path, "a") as new:
        new.writestr(entry, data)
    return path


def test_archives_of_totalsegmentators_authors_are_installed(
    packed: Path, home: Path, weights: Path, segconv: Command
) -> None:
    official = rewritten(
        packed, lambda entry, data: (entry, data) if "Dataset297" in entry.filename and "segconv" not in entry.filename else None
    )  # fmt: skip
    (model,) = (path for path in weights.glob("Dataset297*/*"))
    own = f"{model.parent.name}/{model.name}"
    with zipfile.ZipFile(official, "a") as archive:
        for name in (f"{own}/fold_0/progress.png", f"{own}/postprocessing.pkl", f"__MACOSX/._{own}", "readme.md"):
            archive.writestr(name, b"x")
        archive.mkdir(f"{model.parent.name}/empty")
    done = segconv("totalseg", "install", official)
    assert done.code == 0, done.err
    assert "no list of checksums" in done.err
    assert "4 files" in done.err
    assert tree(home) == {name: data for name, data in tree(weights).items() if name.startswith("Dataset297")}


def refused(done: Done, code: str, exit_code: int, home: Path) -> str:
    assert (done.code, set(done.codes())) == (exit_code, {code}), done.err
    assert not home.is_dir() or not list(home.iterdir()), "nothing is left"
    return done.err


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("../evil.txt", 0o100644),
        ("/evil.txt", 0o100644),
        ("Dataset297_TotalSegmentator_total_3mm_1559subj/../../evil", 0o100644),
        ("Dataset297_TotalSegmentator_total_3mm_1559subj/link", stat.S_IFLNK | 0o777),
    ],
)
def test_paths_and_links_that_leave_are_refused(
    name: str, mode: int, packed: Path, home: Path, segconv: Command, tmp_path: Path
) -> None:
    archive = added(packed, name, mode=mode)
    before = sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts)
    refused(segconv("totalseg", "install", archive), "SC060", 65, home)
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == before


def test_other_archives_are_refused(packed: Path, home: Path, segconv: Command) -> None:
    own = "Dataset297_TotalSegmentator_total_3mm_1559subj"

    def renamed(entry: zipfile.ZipInfo, data: bytes) -> tuple[str, bytes] | None:
        name = entry.filename.replace(own, "Dataset042_Liver")
        return (name, data) if name.startswith("Dataset042") else None

    said = refused(segconv("totalseg", "install", rewritten(packed, renamed)), "SC194", 65, home)
    assert "Dataset042_Liver, which is no model of TotalSegmentator" in said
    for part in ("plans.json", "checkpoint_final.pth"):
        without = rewritten(packed, lambda entry, data, part=part: None if part in entry.filename else (entry, data))
        assert part in refused(segconv("totalseg", "install", without), "SC194", 65, home)
    nothing = packed.with_name("nothing.zip")
    with zipfile.ZipFile(nothing, "w") as archive:
        archive.writestr("a.txt", b"x")
    refused(segconv("totalseg", "install", nothing), "SC194", 65, home)
    changed = rewritten(packed, lambda entry, data: (entry, data + b" " if "plans.json" in entry.filename else data))
    refused(segconv("totalseg", "install", changed), "SC125", 65, home)
    refused(segconv("totalseg", "install", packed, "--sha256", "0" * 64), "SC125", 65, home)
    cut = packed.with_name("cut.zip")
    for length in (1000, packed.stat().st_size - 100):
        cut.write_bytes(packed.read_bytes()[:length])
        refused(segconv("totalseg", "install", cut), "SC051", 65, home)


def test_models_with_code_are_refused(packed: Path, home: Path, segconv: Command) -> None:
    def evil(entry: zipfile.ZipInfo, data: bytes) -> tuple[zipfile.ZipInfo, bytes] | None:
        if "segconv" in entry.filename:
            return None
        if entry.filename.endswith("plans.json"):
            plans = json.loads(data)
            plans["configurations"]["3d_fullres"]["architecture"]["network_class_name"] = "os.system"
            data = json.dumps(plans).encode()
        return entry, data

    said = refused(segconv("totalseg", "install", rewritten(packed, evil)), "SC064", 65, home)
    assert "os.system" in said


def test_a_model_that_exists_with_other_files_stays(packed: Path, home: Path, weights: Path, segconv: Command) -> None:
    assert segconv("totalseg", "install", packed).code == 0
    (checkpoint,) = home.glob("Dataset297*/*/fold_0/*.pth")
    checkpoint.write_bytes(b"mine")
    (body,) = home.glob("Dataset300*")
    body.rename(home.parent / "aside")
    before = tree(home)
    done = segconv("totalseg", "install", packed)
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert "checkpoint_final.pth" in done.err
    assert tree(home) == before, "the other model does not appear either"
