"""Folds: how even segconv's are, against scikit-learn's grouped and stratified folds, and random folds of groups.

``python -m benchmarks.splits [--sets N] [--dataset FOLDER]``

The sets are generated: up to a dozen classes of any frequency, in cases of patients with one to five each. A set counts
as better where the worst class deviates less from its even part, in the number of validation cases that hold it.
scikit-learn stratifies by one label; of several ways to reduce the classes to one, the best for each set counts.
Where both deviate equally, integer programming proves whether any folds deviate less. A dataset of segconv's is
measured by the share of each class's voxels that a fold validates.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import eye, kron, vstack
from sklearn.model_selection import StratifiedGroupKFold

from segconv.dataset.balance import balanced
from segconv.dataset.counts import recorded_counts
from segconv.flows.splits.make import VOLUME_COUNTS

from .measure import machine

FOLDS = 5
MANY = 100_000
SLIGHT = 1e-9
LIMIT_S = 60
"""How long a proof may take."""
INFEASIBLE = 2
"""Status of `milp`."""


def generated(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return, for each case, which classes it holds ``(cases, classes)``, and its patient."""
    cases, classes = int(random.integers(30, 400)), int(random.integers(2, 13))
    present = random.random((cases, classes)) < random.uniform(0.05, 0.9, classes)
    patients = random.integers(0, max(2 * FOLDS, cases // int(random.integers(1, 6))), cases)
    return present.astype(float), np.unique(patients, return_inverse=True)[1]


def ranks(number: int) -> list[bytes]:
    """Return an order of groups."""
    return [hashlib.sha256(str(group).encode()).digest() for group in range(number)]


def ours(present: NDArray[np.float64], patients: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the fold of each case by segconv."""
    amounts = np.zeros((patients.max() + 1, 1 + present.shape[1]))
    np.add.at(amounts, patients, np.hstack([np.ones((len(present), 1)), present]))
    return balanced(amounts, FOLDS, ranks(len(amounts)))[patients]


def theirs(present: NDArray[np.float64], patients: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Yield the fold of each case by scikit-learn, for each single label: every class, the first, the rarest, all."""
    rare = present[:, np.argsort(present.sum(axis=0))]
    combined = np.unique(present, axis=0, return_inverse=True)[1].ravel()
    for label in (*present.T, present.argmax(axis=1), rare.argmax(axis=1), combined):
        fold_of = np.zeros(len(present), dtype=np.intp)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a class is rarer than the folds
                made = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(present, label, patients)
                for fold, (_, held) in enumerate(made):
                    fold_of[held] = fold
        except ValueError:  # every class is rarer than the folds
            continue
        yield fold_of


def worst(present: NDArray[np.float64], fold_of: NDArray[np.intp]) -> float:
    """Return the largest deviation of a class in a fold from its even part, as a share of that part."""
    own = present[:, present.sum(axis=0) > 0]
    held = np.array([own[fold_of == fold].sum(axis=0) for fold in range(FOLDS)])
    return float(np.abs(held * FOLDS / own.sum(axis=0) - 1).max())


def is_optimal(present: NDArray[np.float64], patients: NDArray[np.intp], deviation: float) -> bool:
    """Return whether no folds are proved to exist in which the worst class deviates less."""
    own = np.zeros((patients.max() + 1, present.shape[1]))
    np.add.at(own, patients, present)
    own = own[:, own.sum(axis=0) > 0]
    even = own.sum(axis=0) / FOLDS
    least, most = np.ceil(even * (1 - deviation) + SLIGHT), np.floor(even * (1 + deviation) - SLIGHT)
    if (least > most).any():
        return True
    number = len(own)  # a variable says, for each patient and fold, whether they belong together
    once = kron(eye(number), np.ones((1, FOLDS)))
    held = vstack([kron(own.T[[column]], eye(FOLDS)) for column in range(own.shape[1])])
    limits = [LinearConstraint(once, 1, 1), LinearConstraint(held, np.repeat(least, FOLDS), np.repeat(most, FOLDS))]
    found = milp(
        np.zeros(number * FOLDS),
        constraints=limits,
        integrality=np.ones(number * FOLDS),
        bounds=Bounds(0, 1),
        options={"time_limit": LIMIT_S},
    )
    return bool(found.status == INFEASIBLE)


def measure_dataset(folder: Path) -> None:
    """Print the largest deviation of a class's volume in a fold, by each way to make folds."""
    voxels = [counts for _, counts in recorded_counts(folder)]
    values = sorted({value for counts in voxels for value in counts} - {0})
    volumes = np.array([[counts.get(value, 0) for value in values] for counts in voxels], dtype=float)
    amounts = np.hstack([np.ones((len(volumes), 1)), volumes > 0, volumes])
    weights = [1.0] * (1 + len(values)) + [VOLUME_COUNTS] * len(values)
    single = np.arange(len(volumes))
    quantiles = (volumes.argsort(axis=0).argsort(axis=0) * FOLDS // len(volumes)).astype(float)
    random = np.random.default_rng(0)
    print(f"{folder.name}: {len(volumes)} cases, {len(values)} classes, volumes")
    for name, folds in {
        "segconv": [balanced(amounts, FOLDS, ranks(len(volumes)), weights=weights)],
        "scikit-learn's best, by quantiles": list(theirs(quantiles, single)),
        "random": [random.permutation(len(volumes)) % FOLDS for _ in range(100)],
    }.items():
        deviations = [worst(volumes, fold_of) for fold_of in folds]
        print(f"  {name}: {min(deviations):.4f}, median {np.median(deviations):.4f}")


def quality(sets: int) -> Iterator[str]:
    """Yield what was measured on generated sets."""
    random = np.random.default_rng(0)
    found = []
    proved = 0
    for _ in range(sets):
        present, patients = generated(random)
        chance = random.permutation(patients.max() + 1) % FOLDS
        best = min(worst(present, fold_of) for fold_of in theirs(present, patients))
        deviation = worst(present, ours(present, patients))
        found.append((deviation, best, worst(present, chance[patients])))
        proved += abs(deviation - best) <= SLIGHT and is_optimal(present, patients, deviation)
    own, sklearn, chance_ = np.array(found).T
    for name, other in (("scikit-learn's best", sklearn), ("random groups", chance_)):
        better, equal = np.mean(own < other - SLIGHT), np.mean(np.abs(own - other) <= SLIGHT)
        yield f"Worst class against {name}: better on {better:.0%}, equal on {equal:.0%} of {sets} sets."
    yield f"Equal to scikit-learn's best, and proved to be the best that is possible: {proved / sets:.0%}."
    medians = (float(np.median(column)) for column in (own, sklearn, chance_))
    yield "Median deviation: {:.3f}, {:.3f}, {:.3f}.".format(*medians)
    amounts = np.hstack([np.ones((MANY, 1)), random.random((MANY, 10)) < 0.3])
    order = ranks(MANY)
    start = time.process_time()
    balanced(amounts, FOLDS, order)
    yield f"{MANY:,} cases, 10 classes: dealt out in {time.process_time() - start:.1f} s of CPU time."


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--dataset", type=Path)
    given = parser.parse_args()
    print(machine())
    for line in quality(given.sets):
        print(line)
    if given.dataset is not None:
        measure_dataset(given.dataset)


if __name__ == "__main__":
    main()
