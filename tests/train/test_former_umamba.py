"""Checkpoints of U-Mamba's former networks are refused before nnU-Net fails; all others pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train.former_umamba import refuse_former

FORMER = {"decoder.transpconvs.0.weight": None, "mamba.A_log": None}
PRESENT = {"decoder.upsample_layers.0.conv.weight": None}


@pytest.mark.parametrize("trainer", ["nnUNetTrainerUMambaBot", "nnUNetTrainerUMambaEncNoAMP"])
def test_a_former_network_is_refused_with_file_and_date(trainer: str) -> None:
    with pytest.raises(SegconvError) as caught:
        refuse_former({"trainer_name": trainer, "network_weights": FORMER}, Path("fold_0/checkpoint_final.pth"))
    assert (caught.value.code, caught.value.file) == ("SC181", "fold_0/checkpoint_final.pth")
    assert "before 2024-03-27" in caught.value.message


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"trainer_name": "nnUNetTrainerUMambaBot", "network_weights": PRESENT},
        {"trainer_name": "nnUNetTrainer", "network_weights": FORMER},
        {"trainer_name": "nnUNetTrainerUMambaBot"},
        [],
    ],
)
def test_present_and_other_networks_pass(checkpoint: Any) -> None:
    refuse_former(checkpoint, Path("checkpoint_final.pth"))


@pytest.mark.train
def test_every_checkpoint_that_is_examined_or_compared_is_looked_at(tmp_path: Path) -> None:
    import torch

    from segconv.train.untrusted_models import NO_TRUST
    from segconv.train.weights import read_weights

    file = tmp_path / "checkpoint_final.pth"
    weights = {name: torch.zeros(1) for name in FORMER}
    torch.save({"trainer_name": "nnUNetTrainerUMambaBot", "network_weights": weights}, file)
    for look in (NO_TRUST.check_checkpoint, read_weights):
        with pytest.raises(SegconvError) as caught:
            look(file)
        assert (caught.value.code, caught.value.file) == ("SC181", str(file))
