"""Plan and preprocess with nnU-Net's own commands; raise our errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..dataset.names import DatasetName
from ..errors import Cure
from .child import See, run_nnunet
from .model import log_file
from .own_planner import Asked, Hearing, is_own, plan_with
from .paths import Paths

Tell = Callable[[str], None]


@dataclass(frozen=True)
class PlanOptions:
    """How nnU-Net plans and preprocesses.

    Parameters
    ----------
    configurations
        Configurations to preprocess; those that nnU-Net preprocesses by default if empty.
    planner
        Name of nnU-Net's planner class, or the path of another.
    gpu_memory_gb
        Memory target of the planner.
    plans_name
        Name of the plans to write; the planner's own if None.
    network
        Network of all configurations, as in `architecture`; the planner's if None.
    trainer
        Trainer that will train a network of the user's own, which is checked for it; nnU-Net's usual one if None.
    spacing_mm
        Spacing (x, y, z) of 3d_fullres and what is derived from it, instead of the median.
    keep_plans
        Preprocess with plans that exist, instead of planning.
    again
        Make the fingerprint and all cases again, even those that would be the same.
    """

    configurations: Sequence[str] = ()
    planner: str | None = None
    gpu_memory_gb: float | None = None
    plans_name: str | None = None
    network: str | None = None
    trainer: str | None = None
    spacing_mm: tuple[float, float, float] | None = None
    keep_plans: bool = False
    again: bool = False

    def planning(self, dataset: int, configurations: Sequence[str]) -> Cure:
        """Return the command that plans a dataset in this way with other configurations; with all if there are none."""
        given = {"planner": self.planner, "network": self.network, "plans": self.plans_name}
        words: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if configurations:
            words["configurations"] = list(configurations)
        return Cure.of("plan_these", dataset=dataset, **words)


USUAL_PLANNING = PlanOptions()


@dataclass(frozen=True)
class Place:
    """Where nnU-Net's commands work on a dataset.

    Parameters
    ----------
    dataset
        Number and name.
    paths
        The three folders.
    preprocessed
        Folder that they take for ``nnUNet_preprocessed``.
    jobs
        Number of processes.
    tell, see
        As in `run_nnunet`.
    """

    dataset: DatasetName
    paths: Paths
    preprocessed: Path
    jobs: int = 1
    tell: Tell | None = None
    see: See | None = None

    def run(self, name: str, arguments: Sequence[str]) -> None:
        """Run a command on the dataset; errors are those of `run_nnunet`."""
        run_nnunet(
            name,
            ["-d", str(self.dataset.id), *arguments],
            replace(self.paths, preprocessed=self.preprocessed),
            log=log_file(self.paths, self.dataset.folder, "plan"),
            tell=self.tell,
            see=self.see,
        )


def make_plans(place: Place, options: PlanOptions, name: str, *, verify: bool) -> None:
    """Check the files of a dataset if wanted, make its fingerprint unless it exists, and its plans of a name."""
    spacing = None if options.spacing_mm is None else tuple(reversed(options.spacing_mm))  # nnU-Net's order, (z, y, x)
    if options.planner is not None and is_own(options.planner):
        if verify:
            make_fingerprint(place)
        asked = Asked(place.dataset.id, name, options.gpu_memory_gb, spacing)
        hearing = Hearing(log_file(place.paths, place.dataset.folder, "plan"), place.tell, place.see)
        plan_with(options.planner, asked, place.paths, place.preprocessed, hearing)
        return
    arguments = ["--no_pp", "-npfp", str(place.jobs)]
    arguments += ["--verify_dataset_integrity"] if verify else []
    arguments += ["-pl", options.planner] if options.planner is not None else []
    arguments += ["-gpu_memory_target", f"{options.gpu_memory_gb:g}"] if options.gpu_memory_gb is not None else []
    if spacing is not None:
        arguments += ["-overwrite_target_spacing", *(f"{length:g}" for length in spacing)]
    arguments += ["-overwrite_plans_name", name] if options.network is None and options.plans_name else []
    place.run("nnUNetv2_plan_and_preprocess", arguments)


def make_fingerprint(place: Place) -> None:
    """Check the files of a dataset, and make its fingerprint."""
    place.run("nnUNetv2_extract_fingerprint", ["--verify_dataset_integrity", "-np", str(place.jobs)])


def preprocess(place: Place, plans_name: str, configurations: Sequence[str]) -> None:
    """Preprocess configurations of a dataset that is planned."""
    place.run("nnUNetv2_preprocess", ["-plans_name", plans_name, "-np", str(place.jobs), "-c", *configurations])
