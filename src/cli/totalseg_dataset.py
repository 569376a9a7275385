"""``segconv totalseg run --to``: a dataset of the images and what TotalSegmentator found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SegconvError
from .help_pages import grouped
from .options import bundled, option
from .sink import Sink
from .types import NAMES

if TYPE_CHECKING:
    from ..errors import Finding
    from ..flows.totalseg.dataset import Prelabelled
    from ..flows.totalseg.plan import Segmentation
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


@dataclass(frozen=True)
class Wanted:
    """The dataset that is asked for, if any."""

    to: str | None
    keep: tuple[str, ...] | None

    def settled(self, planned: Segmentation, paths: Paths, how: RunOptions, sink: Sink) -> Prelabelled | None:
        """Return the dataset to make, refused now if it would be refused later; None if none is asked for."""
        from ..flows.totalseg.dataset import Prelabelled

        if self.to is None:
            if self.keep:
                raise SegconvError("--keep is for a dataset, and there is no --to", hint="--roi-subset segments less")
            return None
        roots = (paths.preprocessed, paths.results)
        wish = Prelabelled(self.to, paths.require("raw"), roots, self.keep or ())
        name = wish.free_name(planned, how)
        sink.detail(f"images and label maps become {name.folder}")
        return wish


wanting = bundled(
    "wanted",
    Wanted,
    *grouped(
        "A dataset of the results",
        option(
            "--to", metavar="ID[_NAME]", help="Also make a dataset of the images and label maps, such as 42_Organs."
        ),
        option("--keep", type=NAMES, metavar="NAME,…", help="Of the classes found, only these become labels of --to."),
    ),
)
"""The dataset to make; the function gets `Wanted`."""


def make_dataset(
    planned: Segmentation,
    wish: Prelabelled,
    how: RunOptions,
    more: Mapping[str, Any],
    findings: Sequence[Finding],
    sink: Sink,
) -> int:
    """Convert what was segmented, and print the result; `more` is what ``--json`` says of the segmentation."""
    from ..flows.totalseg.dataset import plan_prelabelled
    from .convert import make, show

    conversion = plan_prelabelled(planned, wish, how)
    show(conversion, sink)
    return make(conversion, how, findings, sink, next_command="segconv plan", more={"segmentation": more})
