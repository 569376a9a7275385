"""Let TotalSegmentator keep its models in memory from one case to the next, in the process that calls this.

TotalSegmentator 2.18 makes a predictor for each model of each case: it reads the checkpoint again, and nnU-Net's
predictor starts seven processes, each of which imports PyTorch and nnU-Net. For a small case that takes longer than
the segmentation. So the name ``nnUNetPredictor`` in TotalSegmentator's module gets a subclass of nnU-Net's predictor:

- what loading a model sets on a predictor is kept, and set again on the next one for the same model;
- one case is predicted by nnU-Net's own ``predict_from_files_sequential``, which starts no processes.

Nothing else is replaced, and nothing of it changes a voxel.
"""

from __future__ import annotations

import importlib
from typing import Any

_NEEDED = ("initialize_from_trained_model_folder", "predict_from_files", "predict_from_files_sequential")


def keep_models() -> bool:
    """Keep models from now on.

    Returns
    -------
    kept
        False if the installed version is made differently: then each case loads its models anew.
    """
    nnunet = importlib.import_module("totalsegmentator.nnunet")
    predictor = getattr(nnunet, "nnUNetPredictor", None)
    if predictor is None or not all(hasattr(predictor, name) for name in _NEEDED):
        return False
    vars(nnunet)["nnUNetPredictor"] = _keeping(predictor)
    return True


def _keeping(predictor: Any) -> Any:
    loaded: dict[tuple[Any, ...], dict[str, Any]] = {}

    class KeepingPredictor(predictor):  # type: ignore[misc]  # a class that is known at run time
        """nnU-Net's predictor, which loads a model only the first time."""

        def initialize_from_trained_model_folder(
            self, model_training_output_dir: str, use_folds: Any, checkpoint_name: str = "checkpoint_final.pth"
        ) -> None:
            folds = tuple(use_folds) if isinstance(use_folds, list) else use_folds
            model = (str(model_training_output_dir), folds, checkpoint_name)
            if model not in loaded:
                before = dict(vars(self))
                super().initialize_from_trained_model_folder(model_training_output_dir, use_folds, checkpoint_name)
                loaded[model] = {name: own for name, own in vars(self).items() if before.get(name) is not own}
            self.__dict__.update(loaded[model])

        def predict_from_files(
            self,
            list_of_lists_or_source_folder: Any,
            output_folder_or_list_of_truncated_output_files: Any,
            save_probabilities: bool = False,
            overwrite: bool = True,
            num_processes_preprocessing: int = 1,
            num_processes_segmentation_export: int = 1,
            folder_with_segs_from_prev_stage: Any = None,
            num_parts: int = 1,
            part_id: int = 0,
            **others: Any,
        ) -> Any:
            return self.predict_from_files_sequential(
                list_of_lists_or_source_folder,
                output_folder_or_list_of_truncated_output_files,
                save_probabilities,
                overwrite,
                folder_with_segs_from_prev_stage,
                **others,
            )

    return KeepingPredictor
