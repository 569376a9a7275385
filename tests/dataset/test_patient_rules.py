"""Patients are guessed for every case or for none; parts of a collection are not patients."""

from __future__ import annotations

from itertools import product

import pytest

from segconv.dataset.lineage import CaseRecord
from segconv.dataset.patient_rules import Named, PatientGuess, guess_patients, patients_in_words, with_guessed_patients


def guessed(*paths: str) -> PatientGuess | None:
    return guess_patients([Named(path.rpartition("/")[2], path.rpartition("/")[0]) for path in paths])


def each(form: str, *parts: object) -> list[str]:
    """Return ``form`` with all combinations of parts, each of which is a list."""
    return [form.format(*found) for found in product(*parts)]  # type: ignore[call-overload]


THREE, TWO = (7, 8, 9), (1, 2)


@pytest.mark.parametrize(
    ("paths", "patients"),
    [
        (each("sub-{0:02d}/ses-{1}/anat/sub-{0:02d}_ses-{1}_T1w", THREE, TWO), ["sub-07", "sub-08", "sub-09"]),
        (each("sub-{:02d}_ses-{}", THREE, TWO), ["sub-07", "sub-08", "sub-09"]),
        (each("sub-verse{:03d}_split-verse{}_ct", THREE, (11, 12)), ["sub-verse007", "sub-verse008", "sub-verse009"]),
        (each("training/patient{0:03d}/patient{0:03d}_frame{1:02d}", THREE, TWO), [f"patient00{k}" for k in THREE]),
        (each("Patient-{}/{}", THREE, TWO), ["Patient-7", "Patient-8", "Patient-9"]),
        (each("P_{0:03d}/P_{0:03d}_{1}", THREE, TWO), ["P_007", "P_008", "P_009"]),
        (each("P_{:03d}_{}", THREE, TWO), ["P_007", "P_008", "P_009"]),
        (each("{:03d}/slice_{}", THREE, TWO), ["007", "008", "009"]),
        (each("{}/{}", range(1, 12), TWO), [str(k) for k in range(1, 12)]),
        (each("A_{}_19990101_{}", (41, 58, 77), TWO), ["A_41", "A_58", "A_77"]),
        (each("A_{}_{}", (41, 58, 77), ("19990101", "20000101")), ["A_41", "A_58", "A_77"]),
        (each("site{}/P{}/img_{}", TWO, THREE, TWO), ["P7", "P8", "P9"]),
        (each("P{}_ses-{}/ct", THREE, TWO), ["P7", "P8", "P9"]),
        (each("case_{}_slice_{:03d}", THREE, TWO), ["case_7", "case_8", "case_9"]),
        (each("{}_{}", THREE, ("left", "right")), ["7", "8", "9"]),
        (each("Image_{:02d}{}", THREE, "LR"), ["Image_07", "Image_08", "Image_09"]),
        (["b0", "b0_aug01", "b0_aug02", "b1", "b1_aug01"], ["b0", "b1"]),
        (["a", "a_rot30", "a_flip", "a-copy 2", "a_k180_hu+63.5", "b"], ["a", "b"]),
        ([*each("P_{:03d}_{}", THREE, TWO), "P_007_1_flip"], ["P_007", "P_008", "P_009"]),
        (["x/a", "x/a_aug1", "y/a"], ["x/a", "y/a"]),
        (["patient_001/a", "patient1/b", "Patient 2/c"], ["patient_001", "Patient 2"]),
    ],
)
def test_names_and_folders_show_patients(paths: list[str], patients: list[str]) -> None:
    guess = guessed(*paths)
    assert guess is not None
    assert list(dict.fromkeys(guess.patients)) == patients
    assert guess.number == len(patients)


@pytest.mark.parametrize(
    "paths",
    [
        each("{}/{}", ("benign", "malignant"), THREE),
        each("{}/img_{}", (0, 1, 2), THREE),
        each("site{}/{}", THREE, TWO),
        each("site{0}/site{0}_{1}", (11, 12, 13), TWO),
        each("{}/{}", ("train", "test"), THREE),
        each("part{:02d}/{}", (10, 11, 12), THREE),
        each("{}/{}", ("ISIC2016", "ISIC2017", "ISIC2018"), TWO),
        each("2019-01-{:02d}/{}", THREE, TWO),
        each("P_001/{}", range(9)),  # holds everything
        each("P_001_{}", range(9)),
        each("case_{:04d}", range(9)),
        each("case_{:04d}/image", range(9)),
        each("slice_{:03d}", range(9)),
        each("{}_{:03d}", ("liver", "lung"), THREE),
        each("T{}/{:03d}", TWO, THREE),
        ["sub-01_T1w", "sub-01_T2w", "sub-02_T1w", "other_T1w"],  # never for some of the cases
        ["P_001/1", "P_001/2", "P_002/1", "3"],
        ["sub-01/sub-02_a", "sub-01/sub-01_a", "sub-02/sub-02_a"],  # folder and name disagree
        ["P_1/P_2_1", "P_1/P_1_2", "P_2/P_2_3"],
        ["a_aug1", "a_aug2", "b_flip"],  # whose originals are not among them
        ["a", "augment", "a_nother", "rot_a"],
    ],
)
def test_names_that_are_not_patients_are_not_taken_for_one(paths: list[str]) -> None:
    assert guessed(*paths) is None


def test_the_evidence_names_cases_of_one_patient() -> None:
    guess = guessed(*each("P_{}/{}", THREE, TWO))
    assert guess is not None
    assert guess.evidence == "by folders of several cases, as P_7/1 and P_7/2 of P_7"


def test_copies_are_of_the_patient_of_their_original_and_known_patients_stay() -> None:
    records = [CaseRecord(f"P_{k}_{s}") for k in (1, 2) for s in TWO]
    records.append(CaseRecord("turned", parent="P_2_1"))
    found, evidence = with_guessed_patients(records)
    assert [record.patient for record in found] == ["P_1", "P_1", "P_2", "P_2", "P_2"]
    assert evidence
    assert with_guessed_patients(found) == (found, "")


@pytest.mark.parametrize(
    ("patients", "words"),
    [
        ([None, None], "unknown; folds treat each case as its own patient (X names them)"),
        (["a", "a", None], "2 training cases of 1 patient; 1 more of unknown patients, as if each were of its own"),
        (["a", "a", "b"], "3 training cases of 2 patients (guessed by Y; X overrides)"),
    ],
)
def test_one_line_says_what_is_known(patients: list[str | None], words: str) -> None:
    assert patients_in_words(patients, "by Y" if patients[-1] else "", "X").startswith(words)
