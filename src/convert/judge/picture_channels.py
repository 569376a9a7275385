"""Check that all pictures of a set have the same channels and bits; nnU-Net finds a difference only after hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import Cure
from ...image.picture import PictureHeader
from ...image.picture_headers import PictureHeaders
from ...words import count_of
from ..bands import KIND as BANDS
from ..bands import may_have_alpha
from ..blocks import Chained
from ..case_list import alike
from ..find.channels import names_of_files, numbered_names
from ..model import SourceCase
from ..survey import Survey


@dataclass(frozen=True)
class _Look:
    """What all pictures of a set have in common.

    Parameters
    ----------
    wide
        Whether a sample has 16 bits.
    apart
        Whether channels are not colours and become one file each.
    """

    channels: int
    wide: bool
    apart: bool = False

    @classmethod
    def of(cls, heads: Sequence[PictureHeader], *, grey_to_rgb: bool) -> _Look:
        channels = sum(head.channels for head in heads)
        if grey_to_rgb and len(heads) == channels == 1:
            channels = 3
        return cls(channels, any(head.depth > 8 for head in heads), any(head.kind == BANDS for head in heads))

    @property
    def channel_names(self) -> tuple[str, ...]:
        if self.channels == 1:
            return ("gray",)
        return ("R", "G", "B") if self.channels == 3 and not self.apart else numbered_names(self.channels)

    def __str__(self) -> str:
        files = " in files of their own" if self.apart and self.channels > 1 else ""
        return f"{count_of(self.channels, 'channel')}{files} of {16 if self.wide else 8} bits"


def channels_of_pictures(
    survey: Survey, cases: Sequence[SourceCase], heads: PictureHeaders, files: Sequence[str]
) -> tuple[str, ...]:
    """Return the channel names of most pictures; add an error to the survey for each case with other channels.

    Parameters
    ----------
    heads
        Path → header of all files that can be read.
    files
        Names of channels in separate files, if there are any.
    """
    looks: dict[_Look, Chained[SourceCase]] = {}
    known: dict[tuple[int, ...], Chained[SourceCase]] = {}  # by identity, as hashing the header of each file is slow
    for some in alike(cases, heads):
        images = some[0].images
        own = tuple(filter(None, map(heads.get, images)))
        # Cases with more or fewer files are already reported.
        if len(own) == len(images) == max(len(files), 1):
            key = tuple(map(id, own))
            if key not in known:
                known[key] = looks.setdefault(_Look.of(own, grey_to_rgb=survey.options.grey_to_rgb), Chained())
            known[key].extend(some)
    usual = max(looks, key=lambda look: len(looks[look]), default=_Look(1, False))
    of_most = looks.pop(usual, Chained())
    for look, odd in looks.items():
        fuller = odd if look.channels > usual.channels else of_most
        with_alpha = all(may_have_alpha(heads[case.images[-1]]) for case in fuller)
        hint, cures = _advice(look, usual, with_alpha=with_alpha)
        for case in odd:
            own_look = " and ".join(str(heads[path]) for path in case.images)
            what = f"is {own_look}; most pictures have {usual}"
            survey.error("SC084", what, file=survey.shown(case.images[0]), hint=hint, cures=cures)
    return names_of_files(files) if len(files) == usual.channels else usual.channel_names


def _advice(look: _Look, usual: _Look, *, with_alpha: bool) -> tuple[str, tuple[Cure, ...]]:
    """Return what resolves a set with two kinds of picture."""
    fewer, more = sorted((look, usual), key=lambda one: one.channels)
    one_more = more.channels == fewer.channels + 1 and more.wide == fewer.wide
    if one_more and with_alpha and not fewer.apart:
        return "convert all to one kind", (Cure("drop_alpha"),)
    grey_among_rgb = {(1, False), (3, False)} == {(one.channels, one.apart) for one in (look, usual)}
    cures = (Cure("write_grey_as_rgb"),) if grey_among_rgb and look.wide == usual.wide else ()
    return "convert it to the kind of the others", cures
