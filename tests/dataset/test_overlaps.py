"""The label compiler: any masks come back bit for bit, from labels and from a perfect prediction."""

from __future__ import annotations

import itertools
import pickle
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segconv.dataset import overlaps as compiler
from segconv.dataset.labels import Labels
from segconv.dataset.overlaps import Accumulator, Compiled, compile_masks
from segconv.dataset.regions import decode, swaps
from segconv.errors import SegconvError

from ..convert.oracles import masks_from

stacks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 8)))
"""1 to 6 masks over up to 24 voxels."""


def accumulated(masks: Sequence[np.ndarray] | np.ndarray) -> Accumulator:
    accumulator = Accumulator(masks[0].shape)
    for index, mask in enumerate(masks):
        accumulator.add(index, mask)
    return accumulator


def compiled_stack(masks: np.ndarray) -> tuple[Compiled, np.ndarray]:
    accumulator = accumulated(masks)
    compiled = compile_masks([f"mask {n}" for n in range(len(masks))], accumulator.atoms, max_heads=200)
    return compiled, accumulator.label(compiled.value_of)


@settings(max_examples=2000)
@given(stacks.filter(np.any))
def test_every_stack_comes_back_bit_for_bit(masks: np.ndarray) -> None:
    compiled, label = compiled_stack(masks)
    assert swaps(compiled.labels) == {}
    assert compiled.labels.values == tuple(range(len(set(label[label > 0].tolist())) + 1))
    for values in (label, decode(compiled.labels, label)):
        back = dict(masks_from(values, compiled.masks_of))
        assert all((back[f"mask {n}"] == mask).all() for n, mask in enumerate(masks))
    # A head is on where its mask is: that is what is trained, and what nnU-Net reports a score of.
    for name, values in compiled.labels.foreground.items():
        if name in compiled.masks_of:
            assert compiled.masks_of[name] == values


@pytest.mark.train
@settings(max_examples=2000)
@given(stacks.filter(np.any))
def test_nnunets_label_manager_decodes_every_stack_bit_for_bit(masks: np.ndarray) -> None:
    from nnunetv2.utilities.label_handling.label_handling import LabelManager, convert_labelmap_to_one_hot

    compiled, label = compiled_stack(masks)
    order = compiled.labels.regions_class_order
    manager = LabelManager(compiled.labels.as_json(), None if order is None else list(order))
    if manager.has_regions:
        heads = [head if isinstance(head, tuple) else (head,) for head in manager.foreground_regions]
        perfect = np.stack([np.isin(label, head) for head in heads]).astype(np.float32)
    else:
        perfect = convert_labelmap_to_one_hot(label, manager.all_labels, np.float32)
    decoded = np.asarray(manager.convert_probabilities_to_segmentation(perfect))
    back = dict(masks_from(decoded, compiled.masks_of))
    assert all((back[f"mask {n}"] == mask).all() for n, mask in enumerate(masks))


@given(stacks.filter(np.any), st.randoms())
def test_the_order_in_which_cases_are_seen_changes_nothing(masks: np.ndarray, random: object) -> None:
    atoms = accumulated(masks).atoms
    names = [f"mask {n}" for n in range(len(masks))]
    shuffled = list(atoms)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert compile_masks(names, atoms) == compile_masks(names, shuffled)


@given(stacks, st.sampled_from([1, 4, 1 << 22]))
def test_codes_are_the_masks_that_each_voxel_is_in(masks: np.ndarray, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiler, "CHUNK_VOXELS", chunk)
        accumulator = Accumulator(masks.shape[1:])
        for index in reversed(range(len(masks))):
            # Masks from NIfTI readers are in the other order in memory.
            accumulator.add(index, np.asfortranarray(masks[index]))
    for voxel in np.ndindex(masks.shape[1:]):
        assert accumulator.atoms[accumulator.codes[voxel]] == set(np.flatnonzero(masks[(slice(None), *voxel)]))
    assert accumulator.voxels == np.bincount(accumulator.codes.ravel(), minlength=len(accumulator.atoms)).tolist()
    assert all(accumulator.voxels[1:])
    assert len(set(accumulator.atoms)) == len(accumulator.atoms)


def test_masks_that_do_not_overlap_are_plain_labels_in_their_order() -> None:
    compiled = compile_masks(["liver", "lung", "spleen"], [frozenset({2}), frozenset({0})])
    assert compiled.labels == Labels({"background": 0, "liver": 1, "spleen": 2})
    assert compiled.masks_of == {"liver": (1,), "lung": (), "spleen": (2,)}
    assert compiled.dropped == ("lung",)
    assert [finding.code for finding in compiled.findings] == ["SC076"]


def test_a_mask_within_another_needs_no_further_head() -> None:
    compiled = compile_masks(["tumour", "liver"], [frozenset({1}), frozenset({0, 1})])
    assert compiled.labels == Labels({"background": 0, "liver": (1, 2), "tumour": 2}, (1, 2))
    assert compiled.masks_of == {"tumour": (2,), "liver": (1, 2)}
    assert (compiled.findings, compiled.lost) == ((), 0)


def test_two_masks_that_cross_get_a_head_for_what_they_share() -> None:
    """Without it the overlap is lost: values 1, 2, 3 come back as 1, 2, 2."""
    compiled = compile_masks(["a", "b"], [frozenset({0}), frozenset({1}), frozenset({0, 1})])
    assert compiled.labels == Labels({"background": 0, "a": (1, 3), "b": (2, 3), "a&b": 3}, (1, 2, 3))


def test_heads_are_counted_with_those_that_overlaps_need() -> None:
    atoms = [frozenset({0, 1}), frozenset({0, 2})]  # two values, three names to distinguish
    assert len(compile_masks(["a", "b", "c"], atoms, max_heads=3).labels.foreground) == 3
    with pytest.raises(SegconvError) as caught:
        compile_masks(["a", "b", "c"], atoms, max_heads=2)
    assert caught.value.code == "SC074"


def test_masks_may_make_as_many_values_as_fit_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    names, atoms = ["a", "b", "c"], [frozenset({0}), frozenset({1}), frozenset({2})]
    monkeypatch.setattr(compiler, "MAX_VALUE", 3)
    assert compile_masks(names, atoms).labels.values == (0, 1, 2, 3)
    monkeypatch.setattr(compiler, "MAX_VALUE", 2)
    with pytest.raises(SegconvError, match="at most 2 go") as caught:
        compile_masks(names, atoms)
    assert caught.value.code == "SC074"


def test_three_masks_that_all_cross_get_a_head_for_each_overlap() -> None:
    atoms = [frozenset(c) for size in (3, 2, 1) for c in itertools.combinations(range(3), size)]
    compiled = compile_masks(["a", "b", "c"], atoms)
    assert list(compiled.labels.foreground) == ["a", "b", "c", "a&b", "a&c", "b&c", "a&b&c"]
    assert compiled.labels.regions_class_order == (1, 2, 3, 4, 5, 6, 7)


def test_masks_that_are_equal_everywhere_are_one_label() -> None:
    compiled = compile_masks(["a", "b", "c"], [frozenset({0, 2}), frozenset({1})])
    assert compiled.labels == Labels({"background": 0, "a&c": 1, "b": 2})
    assert compiled.masks_of == {"a": (1,), "b": (2,), "c": (1,)}
    assert compiled.equal == (("a", "c"),)
    assert "'a' and 'c' are equal everywhere" in compiled.findings[0].message


def test_a_name_made_up_does_not_meet_one_that_is_there() -> None:
    atoms = [frozenset({0}), frozenset({1}), frozenset({0, 1}), frozenset({2})]
    compiled = compile_masks(["a", "b", "a&b"], atoms)
    assert compiled.labels.names["a&b"] == 3
    assert compiled.labels.names["a&b_2"] == 4


def test_a_priority_gives_overlaps_to_one_mask_and_says_so() -> None:
    atoms = [frozenset({0}), frozenset({1}), frozenset({0, 1}), frozenset({0, 1, 2})]
    compiled = compile_masks(["a", "b", "c"], atoms, priority=["b"])
    assert compiled.labels == Labels({"background": 0, "a": 1, "b": 2})
    assert compiled.value_of == {
        frozenset(): 0,
        frozenset({0}): 1,
        frozenset({1}): 2,
        frozenset({0, 1}): 2,
        frozenset({0, 1, 2}): 2,
    }
    assert (compiled.lost, compiled.dropped) == (2, ("c",))
    assert "2 kinds of overlap" in compiled.findings[-1].message
    with pytest.raises(SegconvError, match="'d', which is not a mask"):
        compile_masks(["a"], atoms, priority=["d"])


def test_too_many_heads_are_refused_with_what_to_do() -> None:
    names = [f"organ {n}" for n in range(8)]
    atoms = [frozenset(c) for size in (1, 2, 3) for c in itertools.combinations(range(8), size)]
    with pytest.raises(SegconvError) as caught:
        compile_masks(names, atoms)
    assert caught.value.code == "SC074"
    assert "8 masks overlap in 84 ways and make 92 label values" in caught.value.message
    assert "at least 92 heads, at most 64 go" in caught.value.message
    assert "In most overlaps are organ 0 (28), organ 1 (28), organ 2 (28)" in caught.value.message
    assert "priority" in caught.value.hint
    assert not compile_masks(names, atoms, priority=names).labels.has_regions
    assert len(compile_masks(names, atoms, max_heads=100).labels.foreground) == 92
    pair = [frozenset({0}), frozenset({1}), frozenset({0, 1})]
    assert len(compile_masks(["a", "b"], pair, max_heads=3).labels.foreground) == 3


def test_without_overlaps_there_is_no_limit_on_heads() -> None:
    names = [f"organ {n}" for n in range(104)]
    assert len(compile_masks(names, [frozenset({n}) for n in range(104)]).labels.names) == 105


@pytest.mark.parametrize("name", ["background", "Background", "ignore", "IGNORE", ""])
def test_a_mask_does_not_become_a_label_with_a_meaning_by_its_name(name: str) -> None:
    with pytest.raises(SegconvError) as caught:
        compile_masks([name], [frozenset({0})])
    assert caught.value.code == "SC074"


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(SegconvError, match="'a', 'a'"):
        compile_masks(["a", "a"], [frozenset({0})])


def test_masks_without_a_voxel_are_refused() -> None:
    with pytest.raises(SegconvError) as caught:
        compile_masks(["a"], [frozenset()])
    assert caught.value.code == "SC011"


def test_a_mask_of_another_shape_or_type_is_refused() -> None:
    accumulator = Accumulator((2, 3))
    with pytest.raises(SegconvError) as caught:
        accumulator.add(0, np.zeros((3, 2), dtype=bool))
    assert caught.value.code == "SC082"
    with pytest.raises(ValueError, match="type bool"):
        accumulator.add(0, np.zeros((2, 3), dtype=np.uint8))
    accumulator.add(0, np.ones((2, 3), dtype=bool))
    with pytest.raises(ValueError, match="added before"):
        accumulator.add(0, np.ones((2, 3), dtype=bool))


def test_more_atoms_than_a_byte_holds_are_kept_apart() -> None:
    """Nine masks, every membership of the 512 there are."""
    bits = np.arange(512, dtype=np.uint16).reshape(8, 64)
    found = accumulated([(bits >> n) & 1 == 1 for n in range(9)])
    codes, atoms = found.codes, found.atoms
    assert (codes.dtype, len(atoms)) == (np.uint16, 512)
    back = [sum(1 << n for n in atoms[code]) for code in codes.ravel()]
    assert back == bits.ravel().tolist()


def test_memory_does_not_grow_with_the_number_of_masks() -> None:
    shape = (16, 128, 128)

    def peak(count: int) -> int:
        accumulator = Accumulator(shape)
        tracemalloc.start()
        for index in range(count):
            mask = np.zeros(shape, dtype=bool)
            mask[:, index : index + 3, :20] = True
            accumulator.add(index, mask)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(1)
    assert peak(60) < 1.5 * peak(4)


def test_what_was_compiled_goes_to_workers() -> None:
    compiled = compile_masks(["a", "b"], [frozenset({0}), frozenset({0, 1})])
    assert pickle.loads(pickle.dumps(compiled)) == compiled  # noqa: S301 - our own bytes
