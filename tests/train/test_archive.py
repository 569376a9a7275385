"""Models in zip archives: listed, verified, and refused if unpacking them could harm."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train import archive as room
from segconv.train.archive import list_archive


def archive(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name.replace("__", "/"), data)
    return path


def codes(path: Path, into: Path | None = None) -> set[str]:
    with pytest.raises(SegconvError) as caught:
        list_archive(path, into)
    return {finding.code for finding in caught.value.findings}


def test_an_archive_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", Dataset001_A__plans=b"{}", Dataset001_A__fold_0__x=bytes(range(256)))
    members = list_archive(path, tmp_path / "results")
    assert [(member.name, member.nbytes) for member in members] == [
        ("Dataset001_A/plans", 2),
        ("Dataset001_A/fold_0/x", 256),
    ]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "C:\\x", "a\\b", "c:x", "a\x1b[2Jb", "a\nb", "..", "."]
)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(zipfile.ZipInfo(name), b"x")
    with pytest.raises(SegconvError) as refused:
        list_archive(path)
    (found,) = refused.value.findings
    assert (found.code, found.hint) == ("SC060", "do not use it; get the model again from where it was made")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "model.zip"
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(entry, b"/etc/passwd")
    assert codes(path) == {"SC060"}


def test_bombs_twins_and_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert codes(archive(tmp_path / "bomb.zip", zeros=bytes(3 << 20))) == {"SC054"}
    assert codes(archive(tmp_path / "twins.zip", a=b"1", A=b"2")) == {"SC085"}
    large = archive(tmp_path / "large.zip", a=b"01234567", b=b"01234567")
    for limit, allowed in (("MAX_ARCHIVE_BYTES", 16), ("MAX_MEMBERS", 2)):
        with monkeypatch.context() as patched:
            patched.setattr(room, limit, allowed)
            assert len(list_archive(large)) == 2
            patched.setattr(room, limit, allowed - 1)
            assert codes(large) == {"SC054"}


def test_a_member_may_unpack_to_so_many_times_its_size_or_be_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "model.zip", zeros=bytes(3 << 20))
    with zipfile.ZipFile(path) as opened:
        packed = opened.infolist()[0].compress_size
    monkeypatch.setattr(room, "MAX_RATIO", (3 << 20) / packed)
    assert len(list_archive(path)) == 1
    monkeypatch.setattr(room, "MAX_RATIO", ((3 << 20) - 1) / packed)
    assert codes(path) == {"SC054"}
    monkeypatch.setattr(room, "_BLOCK", 3 << 20)
    assert len(list_archive(path)) == 1
    monkeypatch.setattr(room, "_BLOCK", (3 << 20) - 1)
    assert codes(path) == {"SC054"}


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"{}")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(data))
    assert codes(path) == {"SC051"}


def test_damage_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=os.urandom(500), other=b"x" * 50)
    data = path.read_bytes()
    at = data.index(b"plans") + 100
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert codes(path) == {"SC050"}
    path.write_bytes(data[: len(data) // 2])
    assert codes(path) == {"SC051"}
    path.write_bytes(b"")
    assert codes(path) == {"SC051"}


def test_an_archive_that_is_cut_within_another_archive_is_not_taken_for_that_one(tmp_path: Path) -> None:
    checkpoint = archive(tmp_path / "checkpoint.pth", weights=b"numbers").read_bytes()
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("fold_0/checkpoint_final.pth", checkpoint)
    data = path.read_bytes()
    assert len(list_archive(path)) == 1
    path.write_bytes(data[: data.rindex(checkpoint) + len(checkpoint) + 10])
    with zipfile.ZipFile(path) as taken:
        assert taken.namelist() == ["weights"]
    assert codes(path) == {"SC051"}


def test_a_member_that_says_another_length_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"y" * 400)
    data = path.read_bytes()
    for other in (300, 500):
        path.write_bytes(data.replace(struct.pack("<I", 400), struct.pack("<I", other)))
        assert codes(path) == {"SC050"}


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.zip", plans=b"{}")
    (tmp_path / "plans").symlink_to("nowhere")
    assert codes(path, tmp_path) == {"SC020"}


def test_a_missing_archive_is_reported(tmp_path: Path) -> None:
    assert codes(tmp_path / "none.zip") == {"SC012"}
