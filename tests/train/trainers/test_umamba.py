"""U-Mamba's trainers build it from any plans, also from those of the nnU-Net that U-Mamba brought along."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ..networks.built import BOT, ENC, build, digest, halving

pytestmark = pytest.mark.train

CASE = halving((32, 32), (8, 16, 24, 24))


def of(network: str, **changed: Any) -> dict[str, Any]:
    """Return a configuration as nnU-Net 2.8 writes it."""
    architecture = {
        "network_class_name": f"dynamic_network_architectures.architectures.unet.{network}",
        "arch_kwargs": CASE.arguments | changed,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    return {"data_identifier": "cases", "patch_size": [*CASE.size], "batch_size": 2, "architecture": architecture}


PLAIN = of("PlainConvUNet")
RESIDUAL = of("ResidualEncoderUNet", n_conv_per_stage=None, n_blocks_per_stage=[2, 2, 2, 2])
FORMER = {
    "data_identifier": "cases",
    "patch_size": list(CASE.size),
    "batch_size": 2,
    "UNet_class_name": "PlainConvUNet",
    "UNet_base_num_features": 8,
    "unet_max_num_features": 24,
    "n_conv_per_stage_encoder": [2, 2, 2, 2],
    "n_conv_per_stage_decoder": [2, 2, 2],
    "num_pool_per_axis": [3, 3],
    "pool_op_kernel_sizes": [[1, 1], [2, 2], [2, 2], [2, 2]],
    "conv_kernel_sizes": [[3, 3]] * 4,
}
"""As nnU-Net 2.1.1 wrote it, which U-Mamba brings along."""


@pytest.mark.filterwarnings("ignore:Detected old nnU-Net plans format")
@pytest.mark.parametrize("entry", [PLAIN, RESIDUAL, FORMER], ids=["plain", "residual", "2.1.1"])
@pytest.mark.parametrize(
    ("trainer", "network"),
    [("nnUNetTrainerUMambaBot", BOT), ("nnUNetTrainerUMambaEnc", ENC), ("nnUNetTrainerUMambaEncNoAMP", ENC)],
)
def test_any_plans_give_the_network_of_the_trainers_name(entry: dict[str, Any], trainer: str, network: str) -> None:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from segconv.train import trainers

    plans = {"dataset_name": "Dataset007_Ct", "plans_name": "nnUNetPlans", "configurations": {"2d": entry}}
    before = copy.deepcopy(plans)
    manager = PlansManager(copy.deepcopy(plans))
    made = getattr(trainers, trainer).build_network_architecture(manager, manager.get_configuration("2d"), 1, 2)
    assert (type(made).__name__, digest(made.state_dict())) == (
        network,
        digest(build(network, CASE).state_dict()),
    )
    assert made.decoder.deep_supervision
    assert plans == before


@pytest.mark.parametrize("trainer", ["nnUNetTrainerUMambaEnc", "nnUNetTrainerUMambaEncNoAMP"])
def test_enc_is_not_compiled_and_bot_as_nnunet_decides(trainer: str) -> None:
    from segconv.train import trainers

    def compiles(name: str) -> Any:
        return getattr(trainers, name)._do_i_compile

    assert compiles(trainer)(None) is False
    assert compiles("nnUNetTrainerUMambaBot") is trainers.nnUNetTrainerSegconv._do_i_compile
