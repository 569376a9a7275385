"""The leak certificate: what was verified of which folds and which bytes, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...dataset.leakage import Leak, find_leaks
from ...dataset.splits import groups, held_out_fold
from ...version import VERSION
from .evidence import Evidence
from .found import Found

FORMAT = 1

FALSE_ALARMS = 5e-5
"""Share of pairs of unlike images that are taken for near-identical: none of 67,662 pairs of real images are, by
`benchmarks.near_identical`; the upper limit of a confidence interval of 95 % is 3 in as many."""

CLEAN = "no leak found"
SUSPECTED = "leak suspected"
LEAKS = "leaks"
"""Verdicts: a leak is suspected where only the names of cases say which of them are of one patient."""


@dataclass(frozen=True)
class Certificate:
    """What was verified, and what was found.

    Parameters
    ----------
    evidence
        The dataset, with the bytes of its files.
    found
        The folds.
    leaks
        Every leak.
    suspected
        Leaks that hold only if patients are guessed well.
    """

    evidence: Evidence
    found: Found
    leaks: Sequence[Leak]
    suspected: Sequence[Leak] = ()

    @property
    def verdict(self) -> str:
        """One of the constants of this module."""
        return LEAKS if self.leaks else SUSPECTED if self.suspected else CLEAN

    def as_json(self) -> dict[str, Any]:
        """Return the certificate; the same dataset and folds always give the same."""
        dataset, path = self.evidence.dataset, self.found.path
        return {
            "format": FORMAT,
            "tool": f"segconv {VERSION}",
            "verdict": self.verdict,
            "dataset": {
                "name": dataset.path.name,
                "sha256": self.evidence.contents.sha256,
                "cases": len(self.evidence.records),
            },
            "splits": {"file": None if path is None else str(path), "sha256": self.found.sha256},
            "checked": self._checked(),
            "groups": self._groups(),
            "hold_out": self._hold_out(),
            "folds": [self._fold(number) for number in range(len(self.found.folds))],
            "leaks": [leak.as_json() for leak in self.leaks],
            "suspected": [leak.as_json() for leak in self.suspected],
        }

    def _checked(self) -> dict[str, Any]:
        """Return, for each kind of leak, what the verdict is based on."""
        records = self.evidence.records
        known = sum(record.patient is not None for record in records)
        lineage = self.evidence.dataset.run is not None
        return {
            "copies": {"from": "lineage" if lineage else None, "copies": sum(r.parent is not None for r in records)},
            "patients": {
                "from": self.evidence.patients_from,
                "unknown": 0 if self.evidence.guessed_from else len(records) - known,
            },
            "identical_bytes": {"from": "sha256", "images": sum(len(record.targets) for record in records)},
            "near_identical": self._near_identical(),
        }

    def _near_identical(self) -> dict[str, Any]:
        """Return how many images were compared, and how many could not: blank, tiny, or of another format."""
        originals = [record for record in self.evidence.records if record.parent is None]
        images = sum(len(record.targets) for record in originals)
        compared = sum(content.look is not None for content in self.evidence.contents.of.values())
        return {
            "from": "perceptual hash" if compared else None,
            "images": compared,
            "not_compared": images - compared,
            "pairs": [list(pair) for pair in self.evidence.alike_pairs],
            "false_alarms_per_pair": f"< {FALSE_ALARMS:g}",
        }

    def _groups(self) -> dict[str, Any]:
        """Return the groups that must not be separated, as far as they are certain; members of those of several."""
        members = [
            sorted(record.case for record in group) for group in groups(self.evidence.records, also=self.evidence.alike)
        ]
        several = sorted(group for group in members if len(group) > 1)
        return {"number": len(members), "largest": max(map(len, members), default=0), "of_several_cases": several}

    def _hold_out(self) -> dict[str, int] | None:
        """Return the fold of the hold-out, if there is one: no other fold trains on its cases or validates them."""
        number = held_out_fold(self.found.folds)
        return None if number is None else {"fold": number, "cases": len(self.found.folds[number]["val"])}

    def _fold(self, number: int) -> dict[str, Any]:
        fold = self.found.folds[number]
        mine = [leak for leak in self.leaks if leak.fold == number]
        return {
            "train": len(fold["train"]),
            "val": len(fold["val"]),
            "leaking": len({leak.case for leak in mine}),
            "by": dict(sorted(Counter(leak.kind for leak in mine).items())),
        }


def certified(found: Found, evidence: Evidence) -> Certificate:
    """Return the certificate of folds, by all that is known of the cases."""
    certain = find_leaks(found.folds, evidence.records, alike=evidence.alike)
    known = {(leak.fold, leak.case) for leak in certain}
    guessed = find_leaks(found.folds, evidence.guessed, alike=evidence.alike) if evidence.guessed_from else []
    return Certificate(evidence, found, certain, [leak for leak in guessed if (leak.fold, leak.case) not in known])
