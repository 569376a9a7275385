"""Print what TotalSegmentator's own code does for tasks: what it downloads, and which models it predicts with.

Its predictions and downloads are replaced; everything that decides about them is its own.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import nibabel
import numpy as np
from totalsegmentator import nnunet, python_api


def main() -> None:
    """Take tasks with options, one JSON list a line; write a JSON list of [number, trainer, model, folds, plans] each."""
    image = nibabel.Nifti1Image(np.ones((4, 4, 4), dtype=np.uint8), np.eye(4))
    downloaded: list[int] = []
    predicted: list[list[Any]] = []

    def predict(_image: Any, _output: Any, numbers: Any, **options: Any) -> tuple[Any, Any, Any]:
        names = [options["trainer"], options["model"], options["folds"], options.get("plans", "nnUNetPlans")]
        predicted.extend([number, *names] for number in (numbers if isinstance(numbers, list) else [numbers]))
        return image, image, None

    python_api.download_pretrained_weights = downloaded.append
    python_api.show_license_info = lambda: None
    # TotalSegmentator 2.18 passes no device on to the model that teeth are cropped with, unless it is a GPU.
    python_api.convert_device_to_string = lambda _: "cpu"
    nnunet.nnUNet_predict_image = predict
    sys.stdout, answers = sys.stderr, sys.stdout
    for line in sys.stdin:
        task, options = json.loads(line)
        downloaded.clear()
        predicted.clear()
        python_api.totalsegmentator(image, None, task=task, device="cpu", quiet=True, **options)
        assert sorted(downloaded) == sorted(number for number, *_ in predicted)
        print(json.dumps(predicted), file=answers, flush=True)  # Python flushes what sys.stdout is now


if __name__ == "__main__":
    main()
