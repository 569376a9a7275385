"""Matching by name loses no file, whatever the names are."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from segconv.convert.find.matching import match
from segconv.convert.tree import Unit

WORDS = st.sampled_from(["p0", "p1", "ct", "mr", "seg", "mask", "label", "img", "1", "0000"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("_".join)


@given(images=st.sets(NAMES, max_size=8), masks=st.sets(NAMES, max_size=6))
@example(images={"p0_ct", "p0_mr", "p0_seg_mr"}, masks={"p0_seg"})
def test_every_file_is_in_a_case_or_left_over(images: set[str], masks: set[str]) -> None:
    pictures = [Unit("images", name, ".png") for name in sorted(images)]
    labels = [Unit("labels", name, ".png") for name in sorted(masks)]
    found = match(pictures, labels)
    placed = [unit for case in found.cases for unit in case.images.values()] + found.alone
    assert sorted(unit.path for unit in placed) == sorted(unit.path for unit in pictures)
    given_out = [case.label for case in found.cases] + found.orphans
    assert sorted(unit.path for unit in given_out) == sorted(unit.path for unit in labels)
