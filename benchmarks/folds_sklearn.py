"""Folds as a script makes them: ``python -m benchmarks.folds_sklearn DATASET [--in-turn]``.

scikit-learn stratifies the cases of the lineage by the first class, each its own group; the floor deals out in turn.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDS = 5


def main() -> None:
    """Read, deal out, write."""
    dataset = Path(sys.argv[1])
    with (dataset / "segconv" / "cases.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    names = [record["case"] for record in records]
    if "--in-turn" in sys.argv:
        held = [range(fold, len(names), FOLDS) for fold in range(FOLDS)]
    else:
        from sklearn.model_selection import StratifiedGroupKFold

        present = [int("1" in record["label_voxels"]) for record in records]
        made = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
        held = [validated for _, validated in made.split(names, present, range(len(names)))]
    folds = []
    for validated in held:
        own = {names[number] for number in validated}
        folds.append({"train": [name for name in names if name not in own], "val": sorted(own)})
    (dataset / "splits_final.json").write_text(json.dumps(folds))


if __name__ == "__main__":
    main()
