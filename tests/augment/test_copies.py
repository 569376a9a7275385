"""Sampled parameters are a pure function of seed, case, plane, angle and copy number."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segconv.augment.copies import copies
from segconv.augment.spec import PLANES, AugmentSpec
from segconv.dataset.names import CASE_IDENTIFIER
from segconv.errors import SegconvError

cases = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)


@given(cases, st.integers(0, 2**32), st.integers(1, 6))
def test_samples_are_in_range_and_never_change(case: str, seed: int, count: int) -> None:
    spec = AugmentSpec(
        rotate_range_deg=15, planes=("sagittal", "axial"), copies=count, grey={"hu_shift": (30, 50)}, seed=seed
    )
    made = copies(spec, case)
    assert made == copies(spec, case)
    assert len(made) == count
    for name, transform in made.items():
        assert CASE_IDENTIFIER.fullmatch(name)
        sagittal, coronal, axial = transform.angle_deg
        assert (abs(sagittal) <= 15, coronal, abs(axial) <= 15) == (True, 0.0, True)
        assert 30 <= abs(transform.grey["hu_shift"]) <= 50
    more = copies(
        AugmentSpec(
            rotate_range_deg=15, planes=("sagittal", "axial"), copies=count + 3, grey={"hu_shift": (30, 50)}, seed=seed
        ),
        case,
    )
    assert list(made.items()) == list(more.items())[:count], "more copies change none of those before"


angles = st.lists(st.sampled_from([-90.0, 0.5, 30.0, 60.0, 180.0]), min_size=1, unique=True)
planes = st.lists(st.sampled_from(PLANES), min_size=1, unique=True)


@given(cases, st.integers(0, 9), angles, planes, st.integers(1, 4), st.data())
def test_a_shift_depends_on_no_other_copy(
    case: str, seed: int, turned: list[float], within: list[str], count: int, data: st.DataObject
) -> None:
    def shifts(turned: list[float], within: list[str], count: int) -> dict[tuple[tuple[float, ...], int], float]:
        spec = AugmentSpec(tuple(turned), tuple(within), copies=count, grey={"hu_shift": (30, 50)}, seed=seed)
        made = list(copies(spec, case).values())
        return {(t.angle_deg, number % count): t.grey["hu_shift"] for number, t in enumerate(made)}

    everything = shifts(turned, within, count)
    assert len(set(everything.values())) == len(everything) == len(turned) * len(within) * count
    fewer = shifts(
        data.draw(st.lists(st.sampled_from(turned), min_size=1, unique=True)),
        data.draw(st.lists(st.sampled_from(within), min_size=1, unique=True)),
        data.draw(st.integers(1, count)),
    )
    assert fewer.items() <= everything.items()


def test_cases_seeds_and_copies_are_independent() -> None:
    drawn = {
        transform
        for case, seed in itertools.product(["a", "b", "c"], [1, 2, 3])
        for transform in copies(AugmentSpec(rotate_range_deg=90, copies=4, seed=seed), case).values()
    }
    assert len(drawn) == 36


def test_both_signs_of_a_shift_occur() -> None:
    spec = AugmentSpec(grey={"hu_shift": (30, 50)}, copies=64)
    signs = [transform.grey["hu_shift"] > 0 for transform in copies(spec, "case").values()]
    assert 16 < sum(signs) < 48


def test_fixed_angles_make_a_copy_in_each_plane() -> None:
    spec = AugmentSpec(angles_deg=(30, -22.5), planes=("sagittal", "coronal"))
    made = copies(spec, "c")
    assert {name: t.angle_deg for name, t in made.items()} == {
        "c_sagittal030": (30, 0, 0),
        "c_sagittalm022.5": (-22.5, 0, 0),
        "c_coronal030": (0, 30, 0),
        "c_coronalm022.5": (0, -22.5, 0),
    }


@given(st.lists(st.floats(-360, 360), min_size=2, max_size=6, unique=True))
def test_no_two_angles_share_a_copy(fixed: list[float]) -> None:
    made = copies(AugmentSpec(angles_deg=tuple(fixed), planes=("axial",)), "c")
    assert [t.angle_deg[2] for t in made.values()] == fixed
    assert all(CASE_IDENTIFIER.fullmatch(name) and not name.endswith(".") for name in made if len(name) <= 200)


def test_angles_are_named_as_they_are_typed() -> None:
    made = copies(AugmentSpec(angles_deg=(22.21, 22.24, 0.04, -90), planes=("axial",)), "c")
    assert list(made) == ["c_axial022.21", "c_axial022.24", "c_axial000.04", "c_axialm090"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"angles_deg": (30,), "rotate_range_deg": 5},
        {"angles_deg": (float("nan"),)},
        {"angles_deg": (30, 30)},
        {"angles_deg": (30,), "planes": ("saggital",)},
        {"angles_deg": (30,), "planes": ()},
        {"rotate_range_deg": 0},
        {"rotate_range_deg": 181},
        {"grey": {"hu_shift": (50, 30)}},
        {"grey": {"hu_shift": (-5, 30)}},
        {"grey": {"hu_shift": (0, 0)}},
        {"grey": {"hu_shift": (30, 50)}, "copies": 0},
        {"grey": {"hu_shift": (30, 1e39)}},
        {"angles_deg": (30,), "copies": 2},
    ],
)
def test_what_does_not_go_together_is_a_usage_error(wrong: dict[str, object]) -> None:
    with pytest.raises(SegconvError) as caught:
        AugmentSpec(**wrong)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
