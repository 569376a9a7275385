"""Build the network of a configuration and say the shapes of its tensors; runs in a process of its own.

The network is built as nnU-Net's trainer builds it, but on PyTorch's device ``meta``, which holds no numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .built_networks import built
from .child_events import say
from .time_limit import limited


def main() -> None:
    """Say the shapes for the request in the first argument: see `segconv.train.weights.network_shapes`."""
    import torch

    asked = json.loads(sys.argv[1])
    with limited(), torch.device("meta"):
        network = _network(asked)
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    say({"shapes": shapes})


def _network(asked: dict[str, Any]) -> Any:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name
    from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    trainer = recursive_find_trainer_class_by_name(asked["trainer"])
    manager = PlansManager(json.loads(Path(asked["plans"]).read_bytes()))
    configuration = manager.get_configuration(asked["configuration"])
    description = json.loads(Path(asked["description"]).read_bytes())
    channels = determine_num_input_channels(manager, configuration, description)
    classes = manager.get_label_manager(description).num_segmentation_heads
    return built(trainer, manager, asked["configuration"], (channels, classes), deep_supervision=True)


if __name__ == "__main__":
    main()
