"""Score counted cases: labels with one value per voxel, or masks of one class each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import Cure, Finding, SegconvError
from .case_masks import ScoredCase
from .codings import SidesTexts, settle
from .declared import Classes, Declaration, Texts, sort_key
from .dice import Overlap, Scores
from .measuring import Surfaces
from .pairing import EMPTY, MISSING_CURES, SKIP, Allowed
from .references import is_restored
from .sides import listed
from .tally import Tally


@dataclass(frozen=True)
class Evaluation(Scores):
    """Scores of a set of predictions, with their context.

    Parameters
    ----------
    overlaps
        Case → class → voxels.
    missing
        Cases without a prediction, which count as if nothing had been predicted.
    skipped
        Files without a counterpart that were left out, as asked.
    declared_by
        Source of the declared classes.
    labels
        Class → values or colours that make it up; empty for masks of classes.
    notes
        Guesses and exclusions, in words.
    findings
        Warnings.
    stored
        Case → class → its values as stored on both sides; and the ignored values; empty for masks of classes.
    scored
        Case → its files and what was scored in it.
    patients
        Case → its patient, where a dataset's lineage names it.
    surfaces
        Distances and volumes, if they were measured.
    """

    overlaps: dict[str, dict[str, Overlap]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    declared_by: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    stored: Mapping[str, tuple[Mapping[str, SidesTexts], Texts]] = field(default_factory=dict, repr=False)
    scored: Mapping[str, ScoredCase] = field(default_factory=dict, repr=False)
    patients: Mapping[str, str] = field(default_factory=dict, repr=False)
    surfaces: Surfaces | None = None

    @classmethod
    def of(cls, overlaps: dict[str, dict[str, Overlap]], **said: Any) -> Evaluation:
        """Return the scores of overlaps: case → class → voxels."""
        dice = {case: {name: found.dice for name, found in of.items()} for case, of in overlaps.items()}
        return cls(dice, overlaps, **said)


def value_scores(
    tallies: Sequence[Tally], folders: tuple[Path, Path], said: Declaration | None, values: Mapping[str, str]
) -> Evaluation:
    """Return the scores of labels with one value per voxel; parameters are those of `codings.settle`."""
    if said is not None and is_restored(folders[0]) is not None:
        said = replace(said, restored=True)
    coding = settle(tallies, (str(folders[0]), str(folders[1])), said, values)
    classes = coding.classes
    return Evaluation.of(
        {tally.case: coding.overlaps(tally) for tally in tallies},
        declared_by=classes.who,
        labels={name: tuple(sorted(texts, key=sort_key)) for name, texts in classes.names.items()},
        notes=(*_about(coding.said, classes), *coding.notes),
        findings=coding.findings,
        stored={tally.case: coding.stored(tally) for tally in tallies},
        patients={} if said is None else said.patients_of(tally.case for tally in tallies),
    )


def _about(said: Declaration | None, classes: Classes) -> Iterator[str]:
    """Yield where the classes come from, and what is ignored."""
    if said is None:
        yield "classes are the values of the references, as nothing names them"
    elif said.by_table:
        yield f"classes are declared by {classes.who}"
    if classes.ignore:
        yield f"ignored voxels are not scored: {listed(classes.ignore)} in references"


def mask_scores(tallies: Sequence[Tally], predictions: Path, allowed: Allowed) -> Evaluation:
    """Return the scores of masks of one class each.

    Parameters
    ----------
    predictions
        Their folder.

    Raises
    ------
    SegconvError
        ``SC078`` if predictions and references have no class in common.
    """
    wanted = dict.fromkeys(chain.from_iterable(tally.reference_masks for tally in tallies))
    known = dict.fromkeys(chain.from_iterable(tally.predicted_masks for tally in tallies))
    if wanted.keys().isdisjoint(known):
        message = f"there are predictions of {listed(known)}, but references of {listed(wanted)}"
        hint = "give a class the same name on both sides"
        raise SegconvError(message, code="SC078", file=str(predictions), hint=hint)
    unscored = [name for name in known if name not in wanted]
    return Evaluation.of(
        {tally.case: _scored_masks(tally, wanted, allowed) for tally in tallies},
        declared_by="the names of masks",
        notes=(f"not scored, as no reference has masks of them: {listed(unscored)}",) if unscored else (),
        findings=tuple(chain.from_iterable(_incomplete(tally, wanted, allowed) for tally in tallies)),
    )


def _scored_masks(tally: Tally, wanted: Collection[str], allowed: Allowed) -> dict[str, Overlap]:
    """Return class → overlap of the scored masks of a case."""
    left_out = tally.missing if allowed.missing == SKIP and tally.prediction is not None else ()
    return {name: tally.masks[name] for name in wanted if name in tally.masks and name not in left_out}


def _incomplete(tally: Tally, wanted: Collection[str], allowed: Allowed) -> Iterator[Finding]:
    """Yield an error if a case lacks masks of a class on one side, unless the user said what that means."""
    if tally.prediction is None or tally.reference is None:
        return
    if tally.missing and allowed.missing is None:
        message = f"lacks {listed(tally.missing)}, of which there is a reference"
        yield Finding("SC013", message, "predict it", tally.prediction.file, cures=MISSING_CURES)
    unsure = [name for name in tally.absent if name in wanted and tally.masks[name].predicted]
    if unsure and allowed.missing_masks != EMPTY:
        message = f"has no mask of {listed(unsure)}, which was predicted, and which other references have"
        cures = (Cure.of("missing_masks_are_empty"),)
        yield Finding("SC080", message, "add the mask", tally.reference.file, cures=cures)
