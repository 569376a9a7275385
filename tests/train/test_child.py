"""Child processes: an explicit environment, all output read, and ended with everything they started."""

from __future__ import annotations

import os
import pwd
import re
import signal
import site
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from segconv.errors import SegconvError
from segconv.train import child
from segconv.train.child import PASSED_ON, environment, run_child, run_nnunet
from segconv.train.child import python as isolated
from segconv.train.paths import Paths
from segconv.train.trainer_folders import SHIM


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_every_line_is_passed_on_and_logged(tmp_path: Path) -> None:
    heard: list[str] = []
    log = tmp_path / "logs" / "x.log"
    run_child(
        python("print('one'); print('bar 1\\rbar 2'); print('é')"),
        dict(os.environ),
        shown="x",
        log=log,
        tell=heard.append,
    )
    assert heard == ["one", "bar 2", "é"]
    assert log.read_text().startswith("$ x\none\n")


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (
            "raise ValueError('that is wrong')",
            "ended with exit code 1: ValueError: that is wrong",
            "see ",
        ),
        ("raise RuntimeError('CUDA out of memory. Tried')", "CUDA out of memory", "the GPU ran out of memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL", "log"),
        ("import sys; sys.exit(3)", "ended with exit code 3: it wrote nothing", "log"),
    ],
)
def test_a_failure_becomes_one_of_ours(tmp_path: Path, code: str, message: str, hint: str) -> None:
    log = tmp_path / "x.log"
    with pytest.raises(SegconvError) as caught:
        run_child(python(code), dict(os.environ), shown="nnUNetv2_x -d 1", log=log)
    assert caught.value.code == "SC101"
    assert "nnUNetv2_x -d 1" in str(caught.value)
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert str(log) in caught.value.hint


def test_the_environment_is_explicit_and_not_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = dict.fromkeys(
        (
            *("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
            *("MKL_NUM_THREADS", "OMP_NUM_THREADS", "nnUNet_n_proc_DA", "nnUNet_def_n_proc", "TOTALSEG_HOME_DIR"),
            *("PYTORCH_CUDA_ALLOC_CONF", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NCCL_P2P_DISABLE"),
            *("CC", "CXX", "SLURM_JOB_ID", "HIP_VISIBLE_DEVICES", "nnUNet_wandb_project"),
        ),
        "/x",
    )
    withheld = (
        *("nnUNet_extTrainer", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "LC_ALL", "TERM", "LOGNAME", "USER"),
        *("OPENBLAS_NUM_THREADS", "SSL_CERT_FILE", "XDG_CACHE_HOME", "LD_PRELOAD", "XPATH", "PATHX"),
        *("WANDB_API_KEY", "CCX", "MY_CC", "SLURM_JWT"),
    )
    own = {"nnUNet_raw": str(tmp_path), "nnUNet_extTrainer": str(SHIM), "PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    monkeypatch.setattr(os, "environ", {**kept, **dict.fromkeys(withheld, "x")})
    assert environment(Paths(raw=tmp_path)) == {**kept, **own}


@pytest.mark.parametrize(("enabled", "passed"), [("1", True), ("True", True), ("0", False), ("false", False)])
def test_a_key_is_passed_on_only_to_a_service_that_is_used(
    enabled: str, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "x")
    monkeypatch.setenv("nnUNet_wandb_enabled", enabled)
    assert ("WANDB_API_KEY" in environment(Paths())) == passed


def test_the_documentation_lists_all_variables_that_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page[page.index("### Environment") :], re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    names = [name.replace("*", "X") for name in listed if not name.startswith("WANDB")]
    assert all(PASSED_ON.fullmatch(name) for name in names)
    known = PASSED_ON.pattern.replace("(", "|").replace(")_.*", "|").split("|")
    assert {name.removesuffix("_*") for name in listed} == {*filter(None, known), "WANDB"}


def test_a_user_without_a_name_is_called_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert environment(Paths())["USER"] == str(os.getuid())


def test_modules_in_the_current_folder_are_not_taken_for_those_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("numpy", "random", "segconv", "multiprocessing"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('of a stranger')")
    (tmp_path / "stranger.py").touch()
    monkeypatch.chdir(tmp_path)
    look = "__import__('numpy').__file__ + str(__import__('importlib.util').util.find_spec('stranger'))"
    call = (
        "import multiprocessing, segconv, subprocess, sys\n"
        f"print({look})\n"
        f"print(multiprocessing.get_context('spawn').Pool(1).apply(eval, ({look!r},)))\n"
        f"subprocess.run([sys.executable, '-c', {f'print({look})'!r}])"
    )
    heard: list[str] = []
    run_child([*isolated(call), "argument"], environment(Paths()), shown="x", tell=heard.append)
    assert heard == [f"{np.__file__}None"] * 3


def test_what_the_user_installed_for_themselves_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "own_networks.py").touch()
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path))
    heard: list[str] = []
    run_child(
        isolated("import own_networks; print(own_networks.__file__)"),
        environment(Paths()),
        shown="x",
        tell=heard.append,
    )
    assert heard == [str(tmp_path / "own_networks.py")]


def test_an_interrupted_command_takes_its_processes_along(tmp_path: Path) -> None:
    marker = tmp_path / "grandchild"
    grandchild = f"import os,time; open({str(marker)!r},'w').write(str(os.getpid())); time.sleep(100)"
    child = f"import subprocess,sys,time; subprocess.Popen([sys.executable,'-c',{grandchild!r}]); time.sleep(100)"
    script = (
        "import os\nfrom segconv.train.child import run_child\nfrom segconv.errors import Interrupted\n"
        f"try:\n  run_child([{sys.executable!r},'-c',{child!r}], dict(os.environ), shown='x')\n"
        "except Interrupted as error:\n  print(error.exit_code)\n"
    )
    run = subprocess.Popen(python(script), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    until = time.monotonic() + 30
    while not (marker.exists() and marker.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert (out.strip(), err) == ("130", "")
    pid = int(marker.read_text())
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_without_nnunet_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(SegconvError) as caught:
        run_nnunet("nnUNetv2_train", [], Paths())
    assert (caught.value.exit_code, "segconv[train]" in caught.value.hint) == (78, True)


def test_nnunets_commands_look_for_garbage_once_they_are_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "commands", lambda: {"nnUNetv2_x": "gc:isenabled"})
    with pytest.raises(child.ChildFailed) as caught:
        run_nnunet("nnUNetv2_x", [], Paths())
    assert caught.value.ended_with == int(True), "what the command returned"


@pytest.mark.train
def test_only_nnunets_own_commands_are_run() -> None:
    with pytest.raises(SegconvError) as caught:
        run_nnunet("nnUNetv2_trian", [], Paths())
    assert caught.value.exit_code == 2
    assert "nnUNetv2_train" in caught.value.hint


def test_settings_in_the_current_folder_are_not_heeded(tmp_path: Path) -> None:
    """A stranger's ``matplotlibrc`` would end a training where nnU-Net draws how it went."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n")
    (tmp_path / ".numba_config.yaml").write_text("{[")
    call = (
        "import matplotlib; found = matplotlib.rcParams['text.usetex'], os.path.exists('.numba_config.yaml'); "
        "print(*found, os.path.exists('other'))"
    )
    (tmp_path / "other").mkdir()
    done = subprocess.run(isolated(call), cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert (done.stdout, done.stderr) == ("False False True\n", "")
