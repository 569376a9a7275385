"""Import a trainer as nnU-Net does, without training; runs in a process of its own.

nnU-Net imports every module of a folder of trainers until one has the class. Here they have a limit of time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .child_events import say
from .time_limit import limited
from .trainer_list import FOLDER

_NOBODY = "-"
"""The name of no class."""


def main() -> None:
    """Find the trainer of the request in the first argument."""
    asked = json.loads(sys.argv[1])
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    own = Path(nnunetv2.__path__[0])  # whose modules nnU-Net imports first, which takes seconds
    recursive_find_python_class(str(own / FOLDER), _NOBODY, f"nnunetv2.{FOLDER.replace('/', '.')}", str(own))
    with limited(asked["limit_s"]):
        recursive_find_trainer_class_by_name(asked["trainer"])
    say({"done": True})
