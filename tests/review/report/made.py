"""Facts of datasets that do not exist, for the page: small pictures of known grey values."""

from __future__ import annotations

import base64
import gzip
import io
from dataclasses import replace

import nibabel
import numpy as np
from PIL import Image

from segconv.dataset.fold_facts import FoldFacts
from segconv.review.report.facts import (
    Case,
    Channel,
    ClassScores,
    Distribution,
    Facts,
    Found,
    Label,
    Metric,
    Scores,
    Target,
    Values,
)
from segconv.review.report.folds import Folds
from segconv.review.report.picture_facts import Layer, Stack, Thumbnail, Volume

COLOURS = ("#e69f00", "#56b4e9")
CLASSES = ("liver", "tumour")
RANGE = (0.0, 255.0)
GREY_STEP = 10
"""Slice k of a stack has the value 10 (k + 1) everywhere."""

HOSTILE = "\"'><script>window.broken=1</script><img src=x onerror=window.broken=1>`\u202egnp.\x1b[31m"
"""A name that tries to end what holds it, to turn the direction of writing, and to colour a terminal."""


def facts(number: int = 30) -> Facts:
    """A dataset of volumes: most training cases, three test cases, one error, two warnings, five folds."""
    cases = tuple(_case(at, number) for at in range(number))
    labels = (Label(0, "background", "background", "#000000", number, 10**6), *map(_label, range(2)))
    return Facts(
        name="Dataset004_Phantom",
        tool="segconv 0.1.0",
        texts={"description": "made for tests"},
        origin="made by tests",
        ending=".nii.gz",
        pictures=False,
        train=number - 3,
        test=3,
        copies=0,
        unlabelled=0,
        patients="unknown",
        channels=(Channel("CT", "CT", "clipped and scaled", -1000.0, 1500.0, {"int16": number}, {"mean": 40.0}),),
        labels=labels,
        targets=tuple(Target(name, (at + 1,), (name,), number) for at, name in enumerate(CLASSES)),
        distributions=(
            Distribution("a", "CT: all voxels", "HU", "intensity", (-1000.0, 0.0, 1000.0), (0.25, 0.75), "voxels"),
            Distribution("b", "liver: volume", "ml", "labels", (0.0, 1.0, 2.0), (10, 20), colour=COLOURS[0]),
        ),
        findings=(
            Found("SC050", "error", "damaged file", "is cut", "imagesTr/case_3.nii.gz", ("restore it",), "case_3"),
            Found("SC084", "warning", "channels", "one differs", "imagesTr", ("`segconv repair 4`",)),
            Found("SC084", "warning", "channels", "another differs", "imagesTr", ("`segconv repair 4`",)),
        ),
        cases=cases,
        folds=Folds("splits_final.json", tuple(_fold(number) for _ in range(5)), "no leak found", ()),
        sheets=(_webp(np.full((3200, 24, 3), 128, np.uint8)),),
        stacks=tuple(_stack(case.case) for case in cases[:2]),
        notes=("The slice viewer has 2 cases.",),
    )


def with_scores(found: Facts) -> Facts:
    """The same with predictions, the better the later the case."""
    cases = tuple(_scored(case, at / len(found.cases)) for at, case in enumerate(found.cases))
    dice = {"dice": {"mean": 0.5, "std": 0.1, "least": 0.0, "median": 0.5, "most": 1.0}}
    classes = tuple(ClassScores(name, len(cases), dice) for name in CLASSES)
    worst = tuple(case.case for case in cases)
    scores = Scores("predictions", (Metric("dice", "Dice", True, 3),), classes, 0.5, worst)
    return replace(found, cases=cases, scores=scores)


def with_volumes(found: Facts) -> Facts:
    """The same with a volume for the first case: bright where x is in the upper half, labelled where z is."""
    grid = np.indices((10, 12, 14))
    image = np.where(grid[0] >= 5, 200, 50).astype(np.uint8)
    label = np.where(grid[2] >= 7, 1, 0).astype(np.uint8)
    volume = Volume(found.cases[0].case, _nifti(image), _nifti(label), (2,))
    return replace(found, volumes=(volume,))


def hostile() -> Facts:
    """Every name of the dataset is hostile."""
    found = facts(4)
    case = replace(
        found.cases[0], case=HOSTILE, patient=HOSTILE, parent=HOSTILE, transform=HOSTILE, orientation=HOSTILE
    )
    return replace(
        found,
        name=HOSTILE,
        texts={HOSTILE: HOSTILE},
        origin=HOSTILE,
        patients=HOSTILE,
        copies=1,
        channels=tuple(replace(one, name=HOSTILE, normalised_by=HOSTILE) for one in found.channels),
        labels=tuple(replace(one, name=HOSTILE) for one in found.labels),
        targets=tuple(replace(one, name=f"{HOSTILE}{at}", made_of=(HOSTILE,)) for at, one in enumerate(found.targets)),
        distributions=tuple(replace(one, title=HOSTILE, unit=HOSTILE) for one in found.distributions),
        findings=(Found("SC050", "error", HOSTILE, HOSTILE, HOSTILE, (HOSTILE, f"`{HOSTILE}`"), HOSTILE),),
        cases=(case, *found.cases[1:]),
        folds=replace(found.folds, origin=HOSTILE, verdict=HOSTILE, leaks=(HOSTILE,)) if found.folds else None,
        stacks=tuple(replace(one, case=HOSTILE, text=HOSTILE, channel=HOSTILE) for one in found.stacks[:1]),
        volumes=tuple(replace(one, case=HOSTILE) for one in with_volumes(found).volumes),
        notes=(HOSTILE,),
    )


def _case(at: int, number: int) -> Case:
    test = at >= number - 3
    return Case(
        case=f"case_{at}",
        split="test" if test else "train",
        folds=() if test else (at % 5,),
        patient=f"P{at // 2}",
        size=(64, 64, 20 + at),
        spacing_mm=(1.0, 1.0, 2.5),
        orientation="RAS",
        megabytes=0.5,
        voxels=None if test else {"1": 1000 * (at + 1), **({"2": 500} if at % 3 == 0 else {})},
        voxel_ml=0.001,
        channels=(Values(-1000.0, -900.0, 0.0, 200.0, 1500.0, 10.0),),
        thumbnail=Thumbnail(0, 0, 32 * (at % 100), 24, 32, f"axial slice of case_{at}"),
        errors=int(at == 3),
    )


def _label(at: int) -> Label:
    return Label(at + 1, CLASSES[at], "class", COLOURS[at], 20, 12345)


def _fold(number: int) -> FoldFacts:
    names = dict.fromkeys(CLASSES, 5)
    return FoldFacts(number * 4 // 5, 0, number // 5, None, names, dict.fromkeys(CLASSES, 0.2))


def _stack(case: str) -> Stack:
    """Four slices of 8×6 pixels, each of one value, with a label in the upper left pixel."""
    mosaic = np.zeros((12, 16), np.uint8)
    layer = np.zeros((12, 16, 4), np.uint8)
    for at in range(4):
        row, column = divmod(at, 2)
        mosaic[6 * row : 6 * row + 6, 8 * column : 8 * column + 8] = GREY_STEP * (at + 1)
        layer[6 * row, 8 * column] = (255, 0, 0, 255)
    return Stack(
        case=case,
        plane="axial",
        axis="k",
        slices=(0, 2, 4, 6),
        of=8,
        first=1,
        columns=2,
        width=8,
        height=6,
        ends=("R", "L", "A", "P"),
        channel="CT",
        range=RANGE,
        window=RANGE,
        webp=_webp(np.repeat(mosaic[..., None], 3, axis=2)),
        layers=(Layer("label", _webp(layer)),),
        labels=(1,),
        text=f"axial slices of {case}",
    )


def _scored(case: Case, dice: float) -> Case:
    return replace(case, scores={name: {"dice": dice} for name in CLASSES}, mean=dice)


def _webp(pixels: np.ndarray) -> str:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "WEBP", lossless=True)
    return base64.b64encode(data.getvalue()).decode()


def _nifti(array: np.ndarray) -> str:
    data = nibabel.Nifti1Image(array, np.diag([-1.0, 1.0, 2.0, 1.0])).to_bytes()
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()
