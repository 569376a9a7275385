"""Losses, which cannot be restored: kept as data and put into words."""

from __future__ import annotations

from pathlib import Path

import pytest

from segconv.convert.back.task import lost_by
from segconv.dataset.label_readers import stored_label
from segconv.dataset.lineage import CaseRecord
from segconv.dataset.losses import SNAPPED, UNITED, Loss, loss
from segconv.dataset.stored_label import StoredLabel
from segconv.typed import Misfit


def test_losses_are_kept_as_data() -> None:
    stored = StoredLabel(".png").losing(Loss(UNITED, 3)).losing(Loss(SNAPPED, 1))
    assert stored_label(stored.as_json()) == stored


def test_a_loss_says_how_much() -> None:
    assert str(Loss(SNAPPED, 1)) == "1 value snapped to the nearest declared one"
    assert str(Loss(UNITED, 3)).startswith("3 masks")
    assert str(Loss("of a later version", 2)) == "2 of a later version"


@pytest.mark.parametrize(
    "entry", [{"kind": "united"}, {"kind": 1, "count": 1}, {"kind": "united", "count": -1}, "united"]
)
def test_anything_but_a_loss_is_refused(entry: object) -> None:
    with pytest.raises(Misfit):
        loss(entry)


def test_words_of_older_lineages_are_reported() -> None:
    (found,) = lost_by(CaseRecord("a", label_file=stored_label({"lost": "single objects"})), Path("a.png"))
    assert (found.code, found.message) == ("SC097", "not everything comes back: single objects")
