"""Channels with the values of a label in every case: each may be the label or a mask of the body, so ask the user.

A separate file may be the label instead of the one that was taken for it; the only image may be the label and the
label the image; and a file with several channels may include a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import Cure, SegconvError
from ...image import volumes
from ...image.label_like import MOST_VALUES, as_classes_are, as_labels_do, few_whole_numbers, in_words
from ...image.stored import DecodedVolume
from ..find.pairs import Pair
from ..model import DETACHED, FRAME, SERIES, ConvertOptions, SourceCase
from ..source_files import read_source
from ..survey import Survey
from .candidates import NO_CHOICE, choices_of_masks, patterns_of


@dataclass(frozen=True)
class _Suspect:
    """A channel with the values of a label: its key, its number in its file, how many that has, and the values."""

    key: str
    number: int
    of: int
    values: set[int]


def questioned_channels(
    survey: Survey, pairs: Sequence[Pair], cases: Sequence[SourceCase], keys: Sequence[str], count: int
) -> None:
    """Add an error if channels hold few whole numbers in all cases, and the user did not declare them as channels.

    Patterns and lists declare them; so do names for all of several channels. If there are other errors, nothing is
    questioned.

    Parameters
    ----------
    pairs
        As found, before a file was opened.
    keys
        Names of the files that every case has as its image, in order.
    count
        Number of channels that these hold.
    """
    if survey.failed or declares_channels(survey.options, count):
        return
    question = _Question.on(survey, pairs, cases, keys)
    if question is None:
        return
    if any(suspect.of > 1 for suspect in question.suspects):
        question.of_channels(count)
    elif len(keys) > 1:
        question.of_files(keys)
    elif as_classes_are(question.suspects[0].values):
        question.of_only_image()


def declares_channels(options: ConvertOptions, count: int) -> bool:
    """Return whether the user said which files, or how many of them, are channels."""
    return bool(options.images) or options.pairs is not None or (count > 1 and len(options.channels) == count)


@dataclass(frozen=True)
class _Question:
    """The question to the user about suspects.

    Parameters
    ----------
    pairs, cases
        Those with a label and all channels.
    """

    survey: Survey
    suspects: Sequence[_Suspect]
    pairs: Sequence[Pair]
    cases: Sequence[SourceCase]

    @classmethod
    def on(
        cls, survey: Survey, pairs: Sequence[Pair], cases: Sequence[SourceCase], keys: Sequence[str]
    ) -> _Question | None:
        named = [pair for pair in pairs if len(pair.labels) == 1 and pair.images.keys() == set(keys)]
        labelled = [case for case in cases if case.label is not None and len(case.images) == len(keys)]
        suspects = _suspects(labelled, keys, survey.options) if named else []
        return cls(survey, suspects, named, labelled) if suspects else None

    @property
    def where(self) -> str:
        return "in the only case" if len(self.cases) == 1 else f"in all {len(self.cases)} cases"

    def _ask(self, question: str, *, hint: str = "", cures: Iterable[Cure]) -> None:
        file = self.pairs[0].images[self.suspects[0].key].path
        self.survey.error("SC003", question, file=file, hint=hint, cures=cures)

    def of_files(self, keys: Sequence[str]) -> None:
        """Ask which of several files is the label."""
        first, label = self.pairs[0], self.pairs[0].labels[0]
        held = {suspect.key: suspect.values for suspect in self.suspects}
        what = "; ".join(f"{first.images[key].name} holds only {in_words(values)}" for key, values in held.items())
        channels = {key: [pair.images[key] for pair in self.pairs] for key in keys if key not in held}
        choices: tuple[Cure, ...] = (NO_CHOICE,)
        if channels:
            masks = {first.images[key].name: [pair.images[key] for pair in self.pairs] for key in held}
            masks[label.name] = [pair.labels[0] for pair in self.pairs]
            choices = choices_of_masks(self.survey, channels, masks)
        self._ask(
            f"{what} {self.where}, as labels do, and {label.name} was taken as the label by its name:"
            " which of them is it?",
            cures=(*choices, Cure.of("keep_as_channels", channels=list(keys), label=label.name)),
        )

    def of_only_image(self) -> None:
        """Ask whether the only image of a case is its label."""
        case = self.cases[0]
        images = [pair.images[self.suspects[0].key] for pair in self.pairs]
        labels = [pair.labels[0] for pair in self.pairs]
        found = {images[0].path: patterns_of(self.survey, [images], labels)}
        if not any(as_labels_do(values) for values in _few_values(case, str(case.label), self.survey.options)):
            found = {labels[0].path: patterns_of(self.survey, [labels], images), **found}
        cures = [
            Cure.of("take_as_image", images=patterns.images, masks=patterns.masks, image=name)
            for name, patterns in found.items()
            if patterns is not None
        ]
        known = len(cures) == len(found)
        self._ask(
            f"holds only {in_words(self.suspects[0].values)} {self.where}, as labels do, and was taken as the image of"
            f" {labels[0].path}: which of them is the image?",
            hint="if neither is, add the images" if known else "",
            cures=cures if known else (NO_CHOICE,),
        )

    def of_channels(self, count: int) -> None:
        """Ask what a channel among those of one file is."""
        what = "; ".join(
            f"{f'channel {suspect.number} of ' if suspect.of > 1 else ''}"
            f"{self.pairs[0].images[suspect.key].name} holds only {in_words(suspect.values)}"
            for suspect in self.suspects
        )
        self._ask(
            f"{what} {self.where}, as labels do: is it a channel of the image, a label, or a mask of the body?",
            hint="save the images without it",
            cures=(Cure.of("keep_channel", channels=[f"channel_{number}" for number in range(count)]),),
        )


def _suspects(cases: Sequence[SourceCase], keys: Sequence[str], options: ConvertOptions) -> list[_Suspect]:
    """Return the channels that hold few whole numbers in every case; most are ruled out after one file."""
    return [
        suspect
        for index, key in enumerate(keys)
        for suspect in suspects_among([(case, case.images[index]) for case in cases], key, options)
    ]


def suspects_among(files: Iterable[tuple[SourceCase, str]], key: str, options: ConvertOptions) -> list[_Suspect]:
    """Return the suspects among the channels of one file of every case."""
    held: dict[int, set[int]] = {}
    channels = 0
    for case, path in files:
        values = dict(enumerate(_few_values(case, path, options)))
        channels = max(channels, len(values))
        held = held or {number: set() for number in values}
        held = {n: union for n in held if values.get(n) and len(union := held[n] | values[n]) <= MOST_VALUES}
        if not held:
            return []
    return [_Suspect(key, n, channels, union) for n, union in held.items() if as_labels_do(union)]


def _few_values(case: SourceCase, path: str, options: ConvertOptions) -> list[set[int]]:
    """Return the values of each channel of a volume if they are few whole numbers; nothing if it cannot be read."""
    form = case.form(path)
    files = case.files_of(path)
    try:
        if form == SERIES:
            from ...image.formats import dicom  # loads SimpleITK

            return _of_each(dicom.read_series(files, options.max_volume))
        if form not in (None, DETACHED, FRAME):
            return []
        companion = read_source(files[1]) if len(files) > 1 else None
        volume = volumes.decode(read_source(files[0]), path, companion, options.read_options)
        return _of_each(volume)[: 1 if form == FRAME else None]
    except SegconvError:
        return []  # reported when the case is converted


def _of_each(volume: DecodedVolume) -> list[set[int]]:
    header = volume.header
    return [
        few_whole_numbers(volume.channel(number), header.slope, header.intercept) for number in range(header.channels)
    ]
