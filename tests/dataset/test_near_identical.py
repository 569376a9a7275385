"""Near-identical hashes are found exactly where comparing all pairs finds them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segconv.dataset.near_identical import near_identical


def flipped(data: bytes, bits: list[int]) -> bytes:
    changed = bytearray(data)
    for bit in bits:
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(2, 25))
def test_the_pairs_are_those_that_differ_in_fewer_bits_than_they_have_words(seed: int, words: int, number: int) -> None:
    random = np.random.default_rng(seed)
    origins = [random.bytes(4 * words) for _ in range(3)]
    made = {}
    for name in range(number):
        bits = random.choice(32 * words, size=int(random.integers(0, words + 2)), replace=False).tolist()
        made[str(name)] = flipped(origins[int(random.integers(3))], bits)
    hashes = {name: f"8x8:{data.hex()}" for name, data in made.items()}
    of = {name: int.from_bytes(data, "big") for name, data in made.items()}
    first = {data: name for name, data in reversed(of.items())}
    every = {
        (one, other)
        for one, other in combinations(made, 2)
        if (of[one] ^ of[other]).bit_count() < words and first[of[one]] == one and of[one] != of[other]
        if first[of[other]] == other
    }
    equal = {(first[own], name) for name, own in of.items() if first[own] != name}
    assert sorted(near_identical(hashes)) == sorted(every | equal)


def test_only_hashes_of_one_kind_are_compared() -> None:
    data = "0f" * 16
    assert list(near_identical({"a": f"8x16:{data}", "b": f"16x8:{data}", "c": f"8x16:{data}"})) == [("a", "c")]
    assert list(near_identical({})) == []
