"""Variables that harm training are found, each with its fix."""

from __future__ import annotations

import pytest

from segconv.train.doctor.variables import look_at_variables


def test_usual_variables_are_fine() -> None:
    usual = {"nnUNet_raw": "/data/raw", "OMP_NUM_THREADS": "1", "nnUNet_n_proc_DA": "4", "PATH": "/bin"}
    look = look_at_variables(usual, cores=4)
    assert (look.verdict, look.findings) == ("ok", ())
    assert look.found == "OMP_NUM_THREADS=1, nnUNet_n_proc_DA=4"
    assert look_at_variables({}, cores=1).found == "none set"


@pytest.mark.parametrize(
    ("variable", "value", "verdict", "fix"),
    [
        ("NNUNET_RAW", "/data", "error", "export nnUNet_raw=/data"),
        ("nnUNet_Results", "/data", "error", "export nnUNet_results=/data"),
        ("nnUNet_n_proc_DA", "0", "warning", "unset nnUNet_n_proc_DA"),
        ("nnUNet_n_proc_DA", "many", "error", "export nnUNet_n_proc_DA=4"),
        ("nnUNet_def_n_proc", "", "error", "export nnUNet_def_n_proc=4"),
        ("nnUNet_def_n_proc", "64", "warning", "export nnUNet_def_n_proc=4"),
        ("OMP_NUM_THREADS", "8", "warning", "export OMP_NUM_THREADS=1"),
        ("MKL_THREADING_LAYER", "intel", "warning", "export MKL_THREADING_LAYER=GNU"),
        ("RESULTS_FOLDER", "/v1", "warning", "nothing"),
        ("nnUNet_extTrainer", "/mine", "warning", "unset nnUNet_extTrainer"),
    ],
)
def test_a_variable_that_harms_is_named_with_its_fix(variable: str, value: str, verdict: str, fix: str) -> None:
    look = look_at_variables({variable: value}, cores=4)
    assert look.verdict == verdict
    (finding,) = look.findings
    assert finding.code == "SC141"
    assert variable in finding.message
    assert fix in finding.hint


def test_a_misspelled_variable_beside_the_right_one_does_no_harm() -> None:
    assert look_at_variables({"NNUNET_RAW": "/x", "nnUNet_raw": "/y"}, cores=4).findings == ()
