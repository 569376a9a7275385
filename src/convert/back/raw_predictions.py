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


def plan_raw_predictions(names: Mapping[str, str], predictions: Path, dataset: Dataset, out: Path) -> RawPredictions:
    """Plan to carry over future predictions unchanged, one per case.

    The parameters are those of `plan_restore_of`.
    """
    root, out = Path(os.path.realpath(predictions)), out.absolute()
    files = {case: f"{case}{dataset.description.file_ending}" for case in names}
    items = [Item(case, (str(root / file),), (file,), names[case]) for case, file in files.items()]
    key = {"command": COMMAND, "dataset": dataset.path.name, "names": dict(names)}
    target = Target(out, out.name, lineage.manifest(*lineage.RESTORED))
    return RawPredictions(dataset, root, names, Plan(target, root, tuple(items), key, held=(dataset.held,)))


def run_raw_predictions(raw: RawPredictions, how: RunOptions = USUAL) -> Outcome:
    """Carry over the predictions, and the files that nnU-Net wrote next to them."""
    own = {output for item in raw.plan.items for output in item.outputs}

    def finish(results: Iterable[Result], staged: Staged) -> list[Finding]:
        for path in sorted(raw.folder.iterdir()):
            if path.name not in own and reading.is_file(path):  # dataset.json and plans.json, which ensembling needs
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
    io.carry(Path(item.sources[0]), item.outputs[0])
    return {}
