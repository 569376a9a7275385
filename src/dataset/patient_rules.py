"""Guess which cases are of one patient from names and folders, either for every case or not at all.

`RULES` are tried in order; the first that names a patient for every case wins. A folder or prefix that all cases share
is not a patient, nor is one that only names a class, a site or a part of a collection.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .lineage import TRAIN, CaseRecord

LEAST_ANONYMOUS = 3
"""Fewest folders or prefixes without a word for patients: two may just as well be two halves of a set."""

NAMES_PATIENTS = "converting with a pattern or a list of patients"
"""How to name the patients of an existing dataset."""

# fmt: off
_PATIENT = r"(?:patient|pat|subject|subj|sub|participant|volunteer|person|pid)(?:[-_ ]?id)?"
_OWNERS = frozenset({"patient", "pat", "pt", "p", "subject", "subj", "sub", "participant", "volunteer", "person", "pid",
                     "case", "id", "mouse", "rat", "animal", "donor", "video", "vid", "study"})
"""Words before a number that may be a patient's, if several cases share it."""
_COLLECTIONS = frozenset({
    "part", "site", "center", "centre", "hospital", "clinic", "institution", "institute", "fold", "batch", "set",
    "dataset", "data", "class", "label", "grade", "group", "stage", "level", "type", "category", "cohort", "split",
    "vendor", "scanner", "train", "training", "test", "testing", "val", "validation", "channel", "modality", "task",
    "subset", "version", "rater", "reader", "annotator", "observer", "expert", "section", "chunk", "folder", "round",
    "cin", "gleason", "birads", "pirads", "isup", "who", "her", "kl", "year", "magnification",
})
"""Words of folders that only divide a collection, by origin, by class or by annotator."""
_MODALITIES = r"t1|t2|t1w|t2w|t1c|t1ce|t1gd|t2f|flair|pd|adc|dwi|swi|bold|ct|cta|mr|mri|pet|us|b\d+|\d+t|\d+x"
_MOMENTS = (r"frame|fr|slice|sl|ses|session|visit|time|timepoint|tp|phase|week|day|month|year|z|s|t|run|rep|acq|echo|"
            r"tile|patch|crop|left|right|l|r|od|os|pre|post|baseline|followup|fu|cc|mlo|ed|es|axial|sagittal|coronal")
_PICTURES = r"scan|image|img|im|vol|volume|series|view|exam"
# fmt: on
_DATE = r"(?:19|20)\d\d(?:[-_.]?\d\d){0,2}"
_PART = re.compile(rf"(?:^|[_\-. ]+|(?<=\d)(?=[a-z]{{2}}))(?:(?:{_MOMENTS}|{_PICTURES})[-_ ]?\d*|{_MODALITIES})$", re.I)
_SIDE = re.compile(r"(?<=\d)[LRa-d]$")
_SIDED = re.compile(r"(.*\d)(?:[_\-. ]+(?:left|right|l|r|od|os)|[LR])", re.I)
_DATED = re.compile(rf"[_\-. ]{_DATE}$")
_NUMBERED = re.compile(r"(.*\d.*?)[_\-. ]+\d+$")
_BIDS = re.compile(r"(?:^|[/_])(sub-[A-Za-z0-9]+)")
_WORDED = re.compile(rf"(?<![A-Za-z])({_PATIENT})[-_ ]?([A-Za-z]{{0,4}}\d+|[A-Z](?![A-Za-z0-9]))", re.I)
_OWNED = re.compile(r"([A-Za-z]+)[-_ ]?(\d+)(?![A-Za-z0-9])")
_WORDS = re.compile(r"[a-z]+")
_CHANGES = (
    r"aug|augmented|copy|rot|rotate|rotated|flip|flipped|hflip|vflip|mirror|mirrored|noise|noisy|shift|shifted|"
    r"scale|scaled|zoom|elastic|deform|gamma|blur|blurred|brightness|contrast|hu|[ijkxyz](?=[-+]?\d)"
)
_CHANGE = re.compile(rf"[_\-. ](?:{_CHANGES})", re.I)
_CHANGED = re.compile(rf"(.+?)(?:[_\-. ]+(?:{_CHANGES})(?:[-_+ ]*\d+(?:\.\d+)?)*)+", re.I)


class Named(NamedTuple):
    """The name and folder of a case.

    Parameters
    ----------
    name
        Without folders and ending.
    folder
        With slashes, relative to the source; empty if only names are known.
    """

    name: str
    folder: str = ""


@dataclass(frozen=True)
class PatientGuess:
    """A patient for every case.

    Parameters
    ----------
    patients
        In the order of the cases.
    evidence
        What the guess is based on, in words, with an example.
    """

    patients: tuple[str, ...]
    evidence: str

    @property
    def number(self) -> int:
        """Number of patients."""
        return len(set(self.patients))


def guess_patients(cases: Sequence[Named]) -> PatientGuess | None:
    """Return the patient of every case, or None if no rule names one for all of them.

    A case that is named as a copy of another, such as ``b0_aug01`` next to ``b0``, is of the patient of that one.
    """
    if not _CHANGE.search("\n".join(case.name for case in cases)):
        return _guessed(cases)
    known = set(cases)
    originals = [_original(case, known) for case in cases]
    if originals == list(cases):
        return _guessed(cases)
    distinct = list(dict.fromkeys(originals))
    guess = _guessed(distinct)
    if guess is None:
        patients = tuple("/".join(filter(None, (case.folder, case.name))) for case in originals)
        return PatientGuess(patients, f"by names of copies, as {_example(cases, patients)}")
    patient_of = dict(zip(distinct, guess.patients, strict=True))
    return PatientGuess(tuple(patient_of[case] for case in originals), guess.evidence)


def _original(case: Named, known: Collection[Named]) -> Named:
    """Return the case whose name this one continues as copies do; itself if there is none."""
    match = _CHANGED.fullmatch(case.name)
    original = Named(match[1], case.folder) if match else case
    return original if original in known else case


def _guessed(cases: Sequence[Named]) -> PatientGuess | None:
    if len(cases) < 2:
        return None
    own_folders = _without_common({case.folder for case in cases})
    first = Named(cases[0].name, own_folders[cases[0].folder])
    possible = [rule for rule in RULES if rule[0](first) is not None]
    if not possible:
        return None  # a rule must name a patient for every case
    own = [Named(case.name, own_folders[case.folder]) for case in cases]
    if _any_worded(own) and any(len(_bids_in(case)) > 1 or len(_worded_in(case)) > 1 for case in own):
        return None  # folder and file name different patients
    for rule, what, shared in possible:
        found = _of_all(rule, own)
        if found and (patients := _settled(found, shared=shared)):
            if _contradicted(own, patients):
                return None
            return PatientGuess(patients, f"{what}, as {_example(cases, patients)}")
    return None


def _of_all(rule: Rule, cases: Sequence[Named]) -> list[tuple[str, bool]]:
    """Return a rule's result for every case; nothing if it has none for one of them."""
    found = []
    for case in cases:
        patient = rule(case)
        if patient is None:
            return []
        found.append(patient)
    return found


def with_guessed_patients(records: Sequence[CaseRecord]) -> tuple[list[CaseRecord], str]:
    """Return the records of a dataset with patients guessed from its names, and the evidence.

    Return them unchanged, without evidence, if a patient is known or none can be guessed. A copy has the patient of its
    original.
    """
    training = [record for record in records if record.split == TRAIN]
    if any(record.patient is not None for record in training):
        return list(records), ""
    guess = guess_patients([Named(record.parent or record.case) for record in training])
    if guess is None:
        return list(records), ""
    patients = iter(guess.patients)
    own = [replace(record, patient=next(patients)) if record.split == TRAIN else record for record in records]
    return own, guess.evidence


def patients_in_words(patients: Sequence[str | None], guessed_from: str, otherwise: str) -> str:
    """Return, in one line, what is known of the patients of training cases and what it means for the folds.

    Parameters
    ----------
    patients
        The patient of each case.
    guessed_from
        The evidence, or nothing.
    otherwise
        How to name the patients.
    """
    cases, unknown = len(patients), patients.count(None)
    if unknown == cases:
        return f"unknown; folds treat each case as its own patient ({otherwise} names them)"
    number = len(set(patients) - {None})
    said = f"{cases - unknown} training cases of {number} patient{'s' * (number != 1)}"
    if unknown:
        said += f"; {unknown} more of unknown patients, as if each were of its own ({otherwise} names them)"
    if guessed_from:
        said += f" (guessed {guessed_from}; {otherwise} overrides)"
    return said


def _settled(found: Sequence[tuple[str, bool]], *, shared: bool) -> tuple[str, ...]:
    """Return the patients that a rule found, each under a single name; none if they are not credible."""
    names: dict[str, str] = {}
    patients = tuple(names.setdefault(_plain(patient), patient) for patient, _ in found)
    counts = Counter(patients)
    believed = len(counts) > 1 and (not shared or max(counts.values()) > 1)
    certain = all(certain for _, certain in found)
    return patients if believed and (certain or _plausible(list(counts))) else ()


def _contradicted(cases: Sequence[Named], patients: Sequence[str]) -> bool:
    """Return whether a case has the name of another one's patient: ``P_1/P_2_3`` where a P_2 exists."""
    known = {_plain(patient) for patient in patients}
    for case, patient in zip(cases, patients, strict=True):
        for named in (_by_owner(case), _by_prefix(case)):
            if named is not None and (other := _plain(named[0])) in known and other != _plain(patient):
                return True
    return False


def _plain(patient: str) -> str:
    """Return the common form of ``Patient_001`` and ``patient1``."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[-_. ]", "", patient.casefold()))


def _example(cases: Sequence[Named], patients: Sequence[str]) -> str:
    most = Counter(patients).most_common(1)[0][0]
    some = [case for case, patient in zip(cases, patients, strict=True) if patient == most][:2]
    return f"{' and '.join('/'.join(filter(None, (case.folder, case.name))) for case in some)} of {most}"


def _without_common(folders: Iterable[str]) -> dict[str, str]:
    """Return the folders of all cases → what is left of each without the folders that they all share."""
    split = {folder: folder.split("/") if folder else [] for folder in folders}
    depth = 0
    while all(len(parts) > depth for parts in split.values()) and len({parts[depth] for parts in split.values()}) == 1:
        depth += 1
    return {folder: "/".join(parts[depth:]) for folder, parts in split.items()}


Rule = Callable[[Named], tuple[str, bool] | None]
"""Returns a patient, and whether a word says that it is one; None if the rule does not apply."""


def _by_bids(case: Named) -> tuple[str, bool] | None:
    return next(((patient, True) for patient in _bids_in(case)), None)


def _bids_in(case: Named) -> set[str]:
    return {match for text in (case.folder, case.name) for match in _BIDS.findall(text)}


def _by_word(case: Named) -> tuple[str, bool] | None:
    return next(((patient, True) for patient in _worded_in(case).values()), None)


def _worded_in(case: Named) -> dict[str, str]:
    """Return number → word and number, as first written."""
    found: dict[str, str] = {}
    for text in (case.folder, case.name):
        for match in _WORDED.finditer(text):
            found.setdefault(_plain(match[2]), match[0])
    return found


def _any_worded(cases: Iterable[Named]) -> bool:
    """Return whether a word for a patient, or ``sub-``, occurs at all: looking once is faster than at each case."""
    texts = "\n".join({text for case in cases for text in case})
    return "sub-" in texts or _WORDED.search(texts) is not None


def _by_folder(case: Named) -> tuple[str, bool] | None:
    for component in case.folder.split("/") if case.folder else ():
        if (found := _owner(component)) is not None:
            return found
    return None


def _by_owner(case: Named) -> tuple[str, bool] | None:
    """``case_001_3``: the number after a word at the start."""
    match = _OWNED.match(case.name)
    return (match[0], True) if match and match[1].casefold() in _OWNERS and match.end() < len(case.name) else None


def _by_side(case: Named) -> tuple[str, bool] | None:
    """``12_left`` and ``12_right``: two eyes, lungs, knees or breasts of one patient."""
    match = _SIDED.fullmatch(case.name)
    return (match[1], True) if match else None


def _by_part(case: Named) -> tuple[str, bool] | None:
    """``A12_slice_3``: the part before the word for a part of an examination."""
    rest = _without_parts(case.name)
    return _owner(rest) if rest != case.name else None


def _by_prefix(case: Named) -> tuple[str, bool] | None:
    """``A12_3``: the part before the last number."""
    match = _NUMBERED.fullmatch(case.name)
    return _owner(match[1]) if match else None


RULES: tuple[tuple[Rule, str, bool], ...] = (
    (_by_bids, "by sub-… of BIDS", False),
    (_by_word, "by the word for a patient", False),
    (_by_folder, "by folders of several cases", True),
    (_by_owner, "by the number that several names begin with", True),
    (_by_side, "by what names have in common before left or right", True),
    (_by_part, "by what names have in common before the slice, frame or session", True),
    (_by_prefix, "by what names have in common before their last number", True),
)
"""Each rule, its description, and whether it applies only if several cases share a patient."""


def _owner(text: str) -> tuple[str, bool] | None:
    """Return the possible patient that a folder or prefix names, and whether a word says so."""
    rest = _without_parts(text)
    if not re.search(r"\d", rest) or re.fullmatch(_DATE, rest):
        return None
    words = set(_WORDS.findall(rest.casefold()))
    if words & _COLLECTIONS:
        return None
    return rest, bool(words & _OWNERS)


def _without_parts(text: str) -> str:
    """Return a name without trailing words and numbers for parts of an examination."""
    rest = text
    while True:
        shorter = next((cut for part in (_SIDE, _PART, _DATED) if (cut := part.sub("", rest)) != rest), rest)
        if shorter == rest:
            return rest
        if not re.search(r"\d", shorter):
            # Slices share scan_12, but not slice_12.
            return rest if re.match(rf"(?:{_PICTURES})[-_ ]?\d", rest, re.I) else ""
        rest = shorter


def _plausible(patients: Sequence[str]) -> bool:
    """Return whether names without a word for patients may be patients: their numbers exceed those of a few classes."""
    numbers = [re.findall(r"\d+", patient) for patient in patients]
    years = all(len(found) == 1 and re.fullmatch(r"(?:19|20)\d\d", found[0]) for found in numbers)
    padded = all(re.fullmatch(r"\d{3,}", patient) for patient in patients)
    several = any(len(number) > 1 for found in numbers for number in found)
    return not years and several and (padded or len(patients) >= LEAST_ANONYMOUS)
