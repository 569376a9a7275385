"""The three folders: found in order, checked and explained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.train.paths import Paths, init_folders

from ..command import Command


def test_an_option_beats_a_variable_beats_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    init_folders(tmp_path / "settings", remember=True)
    (tmp_path / "variable").mkdir()
    (tmp_path / "option").mkdir()
    assert Paths.find().raw == tmp_path / "settings" / "nnUNet_raw"
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "variable"))
    assert Paths.find().raw == tmp_path / "variable"
    found = Paths.find(raw=tmp_path / "option")
    assert found.raw == tmp_path / "option"
    assert found.origin["raw"] == "argument raw"
    assert found.results == tmp_path / "settings" / "nnUNet_results"


@pytest.mark.parametrize("value", ["relative/path", '"/tmp"', "'/tmp'", "/no/such/folder"])
def test_a_bad_value_is_refused_with_its_origin(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("nnUNet_raw", value)
    with pytest.raises(SegconvError) as caught:
        Paths.find().require("raw")
    assert caught.value.exit_code == 78
    assert "variable nnUNet_raw" in str(caught.value)


def test_a_missing_folder_does_not_matter_where_it_is_not_needed(segconv: Command, tmp_path: Path) -> None:
    from fixtures.make_fixtures import png_shapes

    source = png_shapes(tmp_path / "src", values=(0, 1, 2))
    for name in ("nnUNet_preprocessed", "nnUNet_results"):
        os.environ.pop(name)
    assert segconv("convert", source, "--to", "9").code == 0
    done = segconv("plan", "9")
    assert (done.code, done.codes()) == (78, ["SC040"])


def test_folders_are_made_with_files_that_a_shell_understands(segconv: Command, tmp_path: Path) -> None:
    root = tmp_path / "with space"
    done = segconv("paths", "init", root)
    assert done.code == 0
    shown = subprocess.run(
        ["bash", "-c", f'source "{root}/setPath.sh" && echo "$nnUNet_results"'], capture_output=True, encoding="utf-8"
    )
    assert shown.stdout.strip() == str(root / "nnUNet_results")
    assert (root / "nnUNet_results").is_dir()
    assert f"nnUNet_raw={root / 'nnUNet_raw'}" in (root / ".env").read_text()
    assert '$Env:nnUNet_raw = "' in (root / "setPath.ps1").read_text()
    assert segconv("paths", "init", tmp_path / 'qu"ote').code == 78


def test_settings_are_shown_and_missing_ones_reported(segconv: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    done = segconv("paths", "show")
    assert done.code == 0
    assert f"nnUNet_raw\t{segconv.raw}\tvariable nnUNet_raw\t0 datasets" in done.out
    monkeypatch.delenv("nnUNet_results")
    done = segconv("paths", "show")
    assert (done.code, done.codes()) == (78, ["SC040"])
    done = segconv("paths", "show", "--results", segconv.folder / "nnUNet_results")
    assert f"nnUNet_results\t{segconv.folder / 'nnUNet_results'}\t--results\t" in done.out


@pytest.mark.parametrize("value", ['"{}"', "'{}", " {}", "{}\n", "“{}”", "~/work"])
def test_a_value_that_a_shell_would_have_read_otherwise_is_explained_with_the_folder_that_is_meant(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("nnUNet_results", value.format(tmp_path / "work"))
    done = segconv("paths", "show", "--json")
    assert done.code == 78
    (finding,) = done.json["findings"]
    assert f"without quotes: {tmp_path / 'work'}" in finding["hint"]


def test_a_folder_that_an_option_names_is_not_advised_to_be_set(segconv: Command, tmp_path: Path) -> None:
    done = segconv("status", "7", "--raw", tmp_path / "nowhere")
    assert (done.code, done.codes()) == (78, ["SC040"])
    assert done.err.splitlines()[-1] == "Hint: make this folder, or give another"


@pytest.mark.parametrize("name", ["NNUNET_RAW", "nnUNet_Raw", "nnUNet_raws"])
def test_a_misspelled_variable_is_named(segconv: Command, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, str(segconv.raw))
    monkeypatch.delenv("nnUNet_raw")
    for words in (("paths", "show"), ("plan", "7")):
        done = segconv(*words)
        assert (done.code, done.codes()) == (78, ["SC040"])
        assert f"{name} is, which nnU-Net does not read" in done.err
        assert f"export nnUNet_raw={segconv.raw}" in done.err


def test_datasets_in_a_neighbouring_folder_are_pointed_out(segconv: Command, tmp_path: Path) -> None:
    (tmp_path / "nnUNet_raw" / "nnUNet_raw" / "Dataset007_Ct").mkdir(parents=True)
    done = segconv("paths", "show")
    assert done.code == 0
    assert "Warning SC040" in done.err
    assert f"{segconv.raw / 'nnUNet_raw'} does: Dataset007_Ct" in done.err


def test_folders_of_v1_are_shown(segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v1" / "nnUNet_raw_data" / "Task007_Ct").mkdir(parents=True)
    monkeypatch.setenv("nnUNet_raw_data_base", str(tmp_path / "v1"))
    monkeypatch.setenv("RESULTS_FOLDER", "nowhere")
    done = segconv("paths", "show")
    assert done.code == 0, "nnU-Net v2 does without them"
    assert f"{tmp_path / 'v1'}\tvariable nnUNet_raw_data_base of nnU-Net v1\t1 task" in done.out
    assert "RESULTS_FOLDER: 'nowhere' is not absolute" in done.err


def test_neither_torch_nor_nnunet_is_imported_to_find_folders() -> None:
    code = "import sys, segconv.train.paths, segconv.train.child, segconv.train.plans, segconv.train.commands\n"
    code += "assert not {'torch', 'nnunetv2'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("name", ["setPath.sh", "setPath.ps1", ".env"])
@pytest.mark.parametrize("kind", ["file", "folder", "link", "pipe"])
def test_init_replaces_no_file_of_the_user_and_makes_nothing_then(
    segconv: Command, tmp_path: Path, name: str, kind: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "mine").write_text("SECRET=1\n")
    if kind == "file":
        (root / name).write_text("SECRET=1\n")
    elif kind == "folder":
        (root / name).mkdir()
    elif kind == "link":
        (root / name).symlink_to(tmp_path / "mine")
    else:
        os.mkfifo(root / name)
    done = segconv("paths", "init", root)
    assert (done.code, done.codes()) == (73, ["SC020"])
    assert str(root / name) in done.err
    assert [path.name for path in root.iterdir()] == [name]
    assert (tmp_path / "mine").read_text() == "SECRET=1\n"


def test_init_again_is_done_already(segconv: Command, tmp_path: Path) -> None:
    assert segconv("paths", "init", tmp_path / "root").code == 0
    before = {path: path.stat().st_ino for path in (tmp_path / "root").iterdir()}
    assert segconv("paths", "init", tmp_path / "root").code == 0
    assert {path: path.stat().st_ino for path in (tmp_path / "root").iterdir()} == before


def test_an_init_that_is_killed_leaves_no_temporary_file(tmp_path: Path) -> None:
    call = "from pathlib import Path; from segconv.train.paths import init_folders; import sys; init_folders(Path(sys.argv[1]))"
    for number in range(1, 20):
        root = tmp_path / str(number)
        env = {**os.environ, "SEGCONV_FAULT": f"kill@{number}"}
        done = subprocess.run([sys.executable, "-c", call, root], env=env, check=False)
        assert not list(root.glob(".tmp-*"))
        subprocess.run([sys.executable, "-c", call, root], check=True)
        assert sorted(path.name for path in root.iterdir() if path.is_file()) == [".env", "setPath.ps1", "setPath.sh"]
        if done.returncode == 0:
            return
    pytest.fail("no run was left undisturbed")


def test_settings_that_are_remembered_keep_a_link_and_other_entries(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "segconv").mkdir(parents=True)
    (tmp_path / "mine.json").write_text('{"other": "kept"}')
    (tmp_path / "config" / "segconv" / "folders.json").symlink_to(tmp_path / "mine.json")
    assert segconv("paths", "init", tmp_path / "root", "--remember").code == 0
    found = json.loads((tmp_path / "mine.json").read_text())
    assert (found["other"], found["nnUNet_raw"]) == ("kept", str(tmp_path / "root" / "nnUNet_raw"))
    assert (tmp_path / "config" / "segconv" / "folders.json").is_symlink()


def test_a_new_terminal_is_reminded_of_the_folders_that_were_made(
    segconv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    assert segconv("status").err.splitlines()[-1] == "Hint: segconv paths init ROOT, or give --raw"
    assert segconv("paths", "init", "my work").code == 0
    assert segconv("status").err.splitlines()[-1].startswith("Hint: source 'my work/setPath.sh', or segconv paths init")
