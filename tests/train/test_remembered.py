"""Plans with a user's own network: allowed once, when derived, and as long as they do not change."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import Refused
from segconv.flows import own_networks
from segconv.train.model import Model
from segconv.train.plans import read_plans
from segconv.train.remembered import is_remembered, remember
from segconv.train.untrusted_models import NO_TRUST

from ..command import Command, Done
from .test_plans import plans as plans_of

NETWORK = "my_networks.unet.Network"
STATE = "segconv/derived-plans"


@pytest.fixture(autouse=True)
def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that do not exist count as sound here."""
    monkeypatch.setattr(own_networks, "network_findings", lambda *_: [])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, on this machine."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / STATE


@pytest.fixture
def file(segconv: Command) -> Path:
    """A plans file that names a network of the user's own module."""
    (segconv.raw / "Dataset501_A").mkdir()
    (segconv.raw / "Dataset501_A" / "dataset.json").write_text(
        '{"channel_names": {"0": "CT"}, "labels": {"background": 0}}'
    )
    path = segconv.folder / "nnUNet_preprocessed" / "Dataset501_A" / "nnUNetPlans.json"
    path.parent.mkdir()
    path.write_text(json.dumps(plans_with(NETWORK), indent=4))
    return path


def plans_with(network: str) -> dict[str, Any]:
    """Plans that name no other class, so that they are judged alike without PyTorch."""
    plans = plans_of(2)
    architecture = plans["configurations"]["full"]["architecture"]
    architecture["network_class_name"], architecture["_kw_requires_import"] = network, []
    return plans


def derive(segconv: Command, name: str, *words: str) -> Done:
    return segconv("plans", "derive", "501", name, "--from", "full", "--batch-size", "4", *words)


def is_refused(path: Path) -> bool:
    try:
        NO_TRUST.refuse_foreign_classes(read_plans(path), file=str(path))
    except Refused as refused:
        assert {finding.code for finding in refused.findings} == {"SC064"}
        return True
    return False


def test_plans_that_were_derived_here_are_not_asked_about_again(segconv: Command, state: Path, file: Path) -> None:
    assert is_refused(file)
    done = derive(segconv, "unasked")
    assert done.code == 0
    assert "Warning SC064" in done.err
    assert "--allow-module" in done.err
    assert is_refused(file), "deriving gives no permission"
    assert not state.exists()

    done = derive(segconv, "small", "--allow-module", "my_networks")
    assert (done.code, "Warning" in done.err) == (0, False)
    assert not is_refused(file)
    assert [path.read_text() for path in state.iterdir()] == [f"{file}\n"]

    done = derive(segconv, "smaller")
    assert (done.code, "Warning" in done.err) == (0, False), "plans that are known go on being known"
    assert not is_refused(file)


def test_training_looks_at_the_plans_as_the_gate_does(segconv: Command, state: Path, file: Path) -> None:
    from segconv.errors import SegconvError
    from segconv.train import training
    from segconv.train.paths import Paths

    def gone_through(*_: Any, **__: Any) -> None:
        raise SystemExit

    def train() -> None:
        training.train_fold(Model("Dataset501_A", "small"), "0", Paths.find(), training.TrainOptions("cpu"))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "run_nnunet", gone_through)
        with pytest.raises(SegconvError, match=r"finding"):
            train()
        assert derive(segconv, "small", "--allow-module", "my_networks").code == 0
        with pytest.raises(SystemExit):
            train()


def test_any_change_of_the_plans_is_asked_about(segconv: Command, state: Path, file: Path) -> None:
    assert derive(segconv, "small", "--allow-module", "my_networks").code == 0
    good = file.read_bytes()
    refused = 0
    for at, byte in enumerate(good):
        if chr(byte).isspace():
            continue  # indentation says nothing, and nnU-Net's copy has another
        changed = good[:at] + (b"7" if byte != ord("7") else b"8") + good[at + 1 :]
        try:
            plans = json.loads(changed)
        except ValueError:
            continue  # no plans any more
        assert not is_remembered(plans), (at, changed[max(0, at - 20) : at + 20])
        refused += 1
    assert refused > 500
    plans = json.loads(good)
    assert is_remembered(plans)
    for change in (
        lambda p: p.update(other=1),
        lambda p: p["configurations"].pop("full"),
        lambda p: p["configurations"]["small"].update(batch_size=4.0),
        lambda p: p["configurations"]["full"]["architecture"].update(network_class_name="my_networks.unet.Other"),
    ):
        changed = copy.deepcopy(plans)
        change(changed)
        file.write_text(json.dumps(changed))
        assert is_refused(file)
    file.write_bytes(good)
    assert not is_refused(file)


def test_plans_of_another_machine_do_not_bring_their_permission(
    segconv: Command, state: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert derive(segconv, "small", "--allow-module", "my_networks").code == 0
    model = tmp_path / "model"
    (model / STATE).mkdir(parents=True)
    (model / "plans.json").write_bytes(file.read_bytes())
    for kept in state.iterdir():  # a model that comes with the hash of its plans in every place of its own
        for folder in (model, model / "segconv", model / STATE):
            (folder / kept.name).write_bytes(kept.read_bytes())
    assert not is_refused(model / "plans.json"), "on this machine they are known, wherever they are"
    monkeypatch.chdir(model)
    for elsewhere in (str(tmp_path / "another"), ".", "", "segconv/.."):
        monkeypatch.setenv("XDG_STATE_HOME", elsewhere)
        for home in (str(tmp_path / "nobody"), "", "."):
            monkeypatch.setenv("HOME", home)
            assert is_refused(model / "plans.json"), (elsewhere, home)


@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/self", "", None])
def test_without_a_home_that_can_be_written_plans_are_derived_and_not_remembered(
    home: str | None, segconv: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(segconv.folder)
    before = sorted(segconv.folder.rglob("*"))
    done = derive(segconv, "small", "--allow-module", "my_networks")
    assert done.code == 0, done.err
    assert "Warning SC031" in done.err
    assert "not remembered" in done.err
    assert "small" in read_plans(file)["configurations"]
    assert is_refused(file)
    assert sorted(segconv.folder.rglob("*")) == before
    (finding,) = derive(segconv, "smaller", "--allow-module", "my_networks", "--json").json["findings"]
    assert (finding["code"], finding["severity"]) == ("SC031", "warning")


def test_what_needs_no_permission_leaves_nothing_with_the_user(segconv: Command, state: Path, file: Path) -> None:
    file.write_text(json.dumps(plans_with("segconv.errors.Finding")))
    assert derive(segconv, "small").code == 0
    assert not state.exists()


@pytest.mark.train
def test_nnunets_own_copy_next_to_the_model_is_known(segconv: Command, state: Path, file: Path, tmp_path: Path) -> None:
    from batchgenerators.utilities.file_and_folder_operations import save_json
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    assert derive(segconv, "small", "--allow-module", "my_networks").code == 0
    manager = PlansManager(str(file))
    manager.get_configuration("small")
    copied = tmp_path / "plans.json"
    save_json(manager.plans, str(copied), sort_keys=False)  # as its trainer does
    assert copied.read_bytes() != file.read_bytes()
    assert not is_refused(copied)


def test_removed_approvals_are_asked_about_again(state: Path, tmp_path: Path) -> None:
    plans = {"configurations": {"a": {"architecture": {"network_class_name": NETWORK, "arch_kwargs": {"é": 0.1}}}}}
    remember(plans, tmp_path / "plans.json")
    NO_TRUST.refuse_foreign_classes(plans)
    for path in state.iterdir():
        path.unlink()
    with pytest.raises(Refused):
        NO_TRUST.refuse_foreign_classes(plans)
