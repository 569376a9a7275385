"""Folds: how even segconv's are, against scikit-learn's grouped and stratified folds, and random folds of groups.

``python -m benchmarks.splits [--sets N]``

The sets are generated: up to a dozen classes of any frequency, in cases of patients with one to five each. A set counts
as better where the worst class deviates less from its even part, in the number of validation cases that hold it.
scikit-learn stratifies by one label; of several ways to reduce the classes to one, the best for each set counts.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from segconv.dataset.balance import balanced

from .measure import machine

FOLDS = 5
MANY = 100_000


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


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=200)
    sets = parser.parse_args().sets
    random = np.random.default_rng(0)
    found = []
    for _ in range(sets):
        present, patients = generated(random)
        chance = random.permutation(patients.max() + 1) % FOLDS
        best = min(worst(present, fold_of) for fold_of in theirs(present, patients))
        found.append((worst(present, ours(present, patients)), best, worst(present, chance[patients])))
    own, sklearn, chance_ = np.array(found).T
    print(machine())
    for name, other in (("scikit-learn's best", sklearn), ("random groups", chance_)):
        better, equal = np.mean(own < other - 1e-9), np.mean(np.abs(own - other) <= 1e-9)
        print(f"worst class against {name}: better on {better:.0%}, equal on {equal:.0%} of {sets} sets")
    print(f"median deviation: {np.median(own):.3f}, {np.median(sklearn):.3f}, {np.median(chance_):.3f}")
    amounts = np.hstack([np.ones((MANY, 1)), random.random((MANY, 10)) < 0.3])
    order = ranks(MANY)
    start = time.perf_counter()
    balanced(amounts, FOLDS, order)
    print(f"{MANY:,} cases, 10 classes: dealt out in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
