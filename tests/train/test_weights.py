"""What happens to each tensor of a checkpoint: the same that nnU-Net does, and never more than reading it."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train import weights
from segconv.train.weights import Weights, described, read_weights, refuse_misfits, transfer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

HEAD = "decoder.seg_layers.0.weight"
NETWORK = {"encoder.0.weight": (8, 1, 3, 3), "encoder.0.bias": (8,), HEAD: (3, 8, 1, 1)}
PLANS = {
    "configurations": {
        "2d": {
            "patch_size": [32, 32],
            "architecture": {
                "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                "arch_kwargs": {"features_per_stage": [8, 16, 32]},
            },
        }
    }
}


def saved(path: Path, shapes: dict[str, tuple[int, ...]] | None = None, **more: Any) -> Path:
    tensors = {name: torch.zeros(shape) for name, shape in (shapes or NETWORK).items()}
    torch.save({"network_weights": tensors, **more}, path)
    return path


def refusal(found: dict[str, tuple[int, ...]], network: str = "a network") -> str:
    read = Weights(Path("some.pth"), found)
    with pytest.raises(SegconvError) as caught:
        refuse_misfits(read, transfer(read, NETWORK), network)
    assert (caught.value.code, caught.value.file) == ("SC153", "some.pth")
    return caught.value.message


def test_tensors_are_loaded_by_name_and_shape_and_heads_never(tmp_path: Path) -> None:
    found = read_weights(saved(tmp_path / "c.pth", {**NETWORK, HEAD: (5, 8, 1, 1), "decoder.other": (1,)}))
    plan = transfer(found, NETWORK)
    assert list(plan.loaded) == ["encoder.0.weight", "encoder.0.bias"]
    assert (plan.skipped, plan.unused, plan.misfits) == ({HEAD: (3, 8, 1, 1)}, {"decoder.other": (1,)}, ())
    refuse_misfits(found, plan, "a network")


def test_a_network_that_is_made_for_one_patch_size_is_described_with_it() -> None:
    architecture = {
        "network_class_name": "segconv.train.networks.umamba.UMambaEnc",
        "arch_kwargs": {"features_per_stage": [8, 16], "input_size": [64, 32]},
    }
    plans = {"configurations": {"2d": {"patch_size": [64, 32], "architecture": architecture}}}
    assert described(plans, "2d") == "a UMambaEnc in 2D with 2 stages, 8…16 features, for patches of 64×32"


def test_a_missing_tensor_and_one_of_another_shape_are_named_with_both_shapes() -> None:
    said = refusal({"encoder.0.weight": (16, 1, 3, 3), HEAD: (3, 8, 1, 1)})
    assert said == (
        "2 of 2 tensors do not fit: encoder.0.weight is 16×1×3×3, expected 8×1×3×3, encoder.0.bias is missing, expected 8"
    )


def test_of_many_tensors_that_do_not_fit_a_few_are_named() -> None:
    network = {f"encoder.{number}.weight": (8, 8, 3) for number in range(300)}
    read = Weights(Path("some.pth"), {})
    with pytest.raises(SegconvError) as caught:
        refuse_misfits(read, transfer(read, network), "")
    assert "300 of 300" in caught.value.message
    assert caught.value.message.endswith("and 297 more")
    assert len(caught.value.message.splitlines()) == 1


def test_only_another_number_of_input_channels_is_said_in_a_few_words() -> None:
    said = refusal({**NETWORK, "encoder.0.weight": (8, 4, 3, 3)})
    assert said == "is of a network with 4 input channels, and this one has 1"


def test_a_checkpoint_says_which_network_it_is_of(tmp_path: Path) -> None:
    arguments = {"plans": PLANS, "configuration": "2d"}
    found = read_weights(saved(tmp_path / "c.pth", {"encoder.0.bias": (9,)}, init_args=arguments))
    assert found.network == described(PLANS, "2d") == "a PlainConvUNet in 2D with 3 stages, 8…32 features"
    with pytest.raises(SegconvError, match="is of a PlainConvUNet in 2D with 3 stages, 8…32 features, not of another"):
        refuse_misfits(found, transfer(found, NETWORK), "another")
    for wrong in (None, {"plans": 3}, {"plans": {"configurations": []}, "configuration": "2d"}):
        assert read_weights(saved(tmp_path / "c.pth", init_args=wrong)).network == ""


def test_what_is_no_checkpoint_of_nnunet_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate(([1, 2], {"state_dict": {}}, {"network_weights": {"a": 1}})):
        path = tmp_path / f"{number}.pth"
        torch.save(content, path)
        with pytest.raises(SegconvError) as caught:
            read_weights(path)
        assert caught.value.code == "SC152"


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", logging=Touch(tmp_path / "touched"))
    with pytest.raises(SegconvError) as caught:
        read_weights(path)
    assert caught.value.code == "SC064"
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"network_weights": Touch(tmp_path / "touched")}))
    with pytest.raises(SegconvError):
        read_weights(tmp_path / "old.pth")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("installed", [(), weights.SELF_SUPERVISED_COMMANDS])
def test_a_self_supervised_checkpoint_is_refused_with_the_commands_that_nnunet_may_have(
    installed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "commands", lambda: dict.fromkeys(installed, ""))
    with pytest.raises(SegconvError) as caught:
        read_weights(saved(tmp_path / "c.pth", nnssl_adaptation_plan={"key_to_encoder": "encoder.stages"}))
    assert caught.value.code == "SC152"
    assert ("the installed one does not" in caught.value.hint) == (not installed)
    assert "nnUNetv2_preprocess_like_nnssl" in caught.value.hint
