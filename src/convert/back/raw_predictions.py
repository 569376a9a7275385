"""Keep predictions as nnU-Net wrote them, in a folder that records which files segconv put there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import reading
from ...dataset import lineage
from ...dataset.layout import Dataset
from ...dataset.lineage import CaseRecord
from ...dataset.runs import NewRun
from ...errors import Finding
from ...work.caseio import CaseIO
from ...work.plan import Item, Plan, Target
from ...work.run import Outcome, Result, execute
from ...work.run_options import USUAL, RunOptions
from ...work.staging import Staged

COMMAND = "infer"

OF_PROBABILITIES = PROBABILITIES, _ = ".npz", ".pkl"
"""Endings of the probabilities of a case, and of what nnU-Net needs to know of its image to average them."""


@dataclass(frozen=True)
class RawPredictions:
    """A planned folder of predictions; nothing has been written.

    Parameters
    ----------
    dataset
        Dataset that the model was trained on.
    folder
        Where nnU-Net puts them, resolved.
    names
        Case identifier → the user's name for it.
    """

    dataset: Dataset
    folder: Path
    names: Mapping[str, str]
    plan: Plan


def plan_raw_predictions(
    names: Mapping[str, str], predictions: Path, dataset: Dataset, out: Path, probabilities: Path | None = None
) -> RawPredictions:
    """Plan to carry over future predictions unchanged, one per case.

    Parameters
    ----------
    names, predictions, dataset, out
        As for `plan_restore_of`.
    probabilities
        Folder that will hold the probabilities of each case, if they are carried over, too.
    """
    root, out = Path(os.path.realpath(predictions)), out.absolute()
    sources = {case: [root / f"{case}{dataset.description.file_ending}"] for case in names}
    if probabilities is not None:
        folder = Path(os.path.realpath(probabilities))
        for case, files in sources.items():
            files += [folder / f"{case}{ending}" for ending in OF_PROBABILITIES]
    items = [
        Item(case, tuple(map(str, files)), tuple(file.name for file in files), names[case])
        for case, files in sources.items()
    ]
    key = {"command": COMMAND, "dataset": dataset.path.name, "names": dict(names)}
    target = Target(out, out.name, lineage.manifest(*lineage.RESTORED))
    return RawPredictions(dataset, root, names, Plan(target, root, tuple(items), key, held=(dataset.held,)))


def run_raw_predictions(raw: RawPredictions, how: RunOptions = USUAL) -> Outcome:
    """Carry over the predictions, and the files that nnU-Net wrote next to them."""
    own = {output for item in raw.plan.items for output in item.outputs}

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        for path in sorted(raw.folder.iterdir()):
            other = path.name not in own and not path.name.endswith(OF_PROBABILITIES)
            if other and reading.is_file(path):  # dataset.json and plans.json, which ensembling needs
                staged.write(path.name, reading.whole(reading.in_real_folder(path)))
        lines = (
            CaseRecord(
                case=result.case,
                split="prediction",
                original_name=raw.names[result.case],
                sources=result.sources,
                targets=result.targets,
            ).to_line()
            for result in results
        )
        staged.write_lines(lineage.CASES, lines)
        staged.write(
            lineage.RUN,
            NewRun(
                command=COMMAND,
                options={"raw_output": True},
                source={"kind": "prediction", "name": raw.dataset.path.name},
                files=staged.targets,
            ).to_bytes(),
        )
        return []

    return execute(raw.plan, _carry, finish, how)


def _carry(item: Item, io: CaseIO) -> dict[str, Any]:
    for source, output in zip(item.sources, item.outputs, strict=True):
        io.carry(Path(source), output)
    return {}
