"""Every JSON file that segconv reads, changed in every place: the code of that file, or the same result.

A value of another type is refused, or makes no difference. Nothing ends as an internal error, and nothing is
written elsewhere than into the target.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import tifffile
from hypothesis import settings

from fixtures.make_fixtures import msd_ct
from segconv.dataset import phantoms
from segconv.image.formats import nrrd, segmentation
from segconv.image.segment import Segment

from ..command import Command, tree_hash
from ..convert import drawn
from ..convert.drawn import picture, save, save_palette
from ..train.checkpoints import checkpoint
from ..train.test_plans import plans as plans_of
from .mutants import Mutant, mutants

EXHAUSTIVE = settings.get_profile("deep").max_examples <= settings.default.max_examples
SAMPLE = 8
"""The mutants of a file that are tried without ``SEGCONV_FAULTS=all``, always the same."""

TINY = (6, 5, 4)
QUICK = ("--no-fsync", "-j", "1")


@dataclass
class Subject:
    """A file, the commands that read it, and what may be said of it.

    Parameters
    ----------
    file
        The file.
    commands
        Command lines, in which ``MADE`` and ``BACK`` are placeholders for their outputs.
    codes
        Codes that its errors may have.
    parse, write
        From its bytes to a document, and back.
    below
        Part of the document that is changed.
    either
        Keys whose values may be of several types.
    before
        Brings everything else back to what it was before a command.
    """

    file: Path
    commands: list[tuple[object, ...]]
    codes: frozenset[str]
    parse: Callable[[bytes], Any] = json.loads
    write: Callable[[Any, bytes], bytes] = field(default=lambda document, _: json.dumps(document).encode())
    below: tuple[str | int, ...] = ()
    either: tuple[str, ...] = ()
    before: Callable[[], object] = lambda: None


MADE, BACK = "9_M", "back"
OF_SOURCES = frozenset(
    [
        "SC003",
        "SC010",
        "SC011",
        "SC012",
        "SC051",
        "SC060",
        "SC061",
        "SC070",
        "SC074",
        "SC080",
        "SC081",
        "SC082",
        "SC084",
        "SC085",
        "SC086",
        "SC087",
        "SC099",
    ]
)
OF_LINEAGE = frozenset(["SC033", "SC051", "SC060", "SC070", "SC078", "SC082", "SC083", "SC085", "SC095", "SC096"])
OF_PLANS = frozenset(["SC001", "SC064", "SC086"])


def convert(source: object, *words: object) -> tuple[object, ...]:
    return ("convert", source, "--to", MADE, *QUICK, *words)


def of_dataset(made: Path) -> list[tuple[object, ...]]:
    """Return commands that read what a dataset says of itself."""
    return [
        convert(made),
        ("check", made, "--quick", "--json"),
        ("labels", "show", made, "--json"),
        ("augment", made, "--to", MADE, "--rotate", "10", "--planes", "axial", *QUICK),
        ("restore", made / "labelsTr", "--like", made, "-o", BACK),
    ]


def first_line(data: bytes) -> Any:
    return json.loads(data.splitlines()[0])


def with_first_line(document: Any, data: bytes) -> bytes:
    return b"\n".join([json.dumps(document).encode(), *data.splitlines()[1:], b""])


# --- sources


def msd(segconv: Command) -> Subject:
    root = msd_ct(segconv.folder, cases=2, tests=1, size=TINY)
    return Subject(root / "dataset.json", [convert(root), ("labels", "show", root, "--json")], OF_SOURCES)


def v1(segconv: Command) -> Subject:
    root = msd_ct(segconv.folder, cases=2, tests=1, size=TINY)
    for path in [*root.glob("imagesTr/*"), *root.glob("imagesTs/*")]:
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    return Subject(root / "dataset.json", [convert(root)], OF_SOURCES)


def pictures(segconv: Command) -> Path:
    root = segconv.folder / "pictures"
    for number in range(3):
        save(root / f"images/a{number}.png", picture(number))
        save(root / f"masks/a{number}.png", drawn.labels(number, 3))
    return root


def table_of_values(segconv: Command) -> Subject:
    root = pictures(segconv)
    (root / "labels.json").write_text(json.dumps({"background": 0, "a": 1, "b": 2}))
    return Subject(root / "labels.json", [convert(root)], OF_SOURCES)


def table_of_entries(segconv: Command) -> Subject:
    root = pictures(segconv)
    entries = [{"name": "background", "value": 0}, {"name": "a", "color": [1, 1, 1]}, {"name": "b", "value": 2}]
    path = segconv.folder / "table.json"
    path.write_text(json.dumps({"labels": entries}))
    return Subject(path, [convert(root, "--labels", path)], OF_SOURCES)


def list_of_pairs(segconv: Command) -> Subject:
    root = pictures(segconv)
    path = segconv.folder / "pairs.json"
    pairs = [
        {"image": "images/a0.png", "label": "masks/a0.png", "case": "q", "patient": "z", "split": "train"},
        {"image": ["images/a1.png"], "label": "masks/a1.png"},
    ]
    path.write_text(json.dumps({"training": pairs}))
    return Subject(path, [convert(root, "--pairs", path, "--labels", "background=0,a=1,b=2")], OF_SOURCES)


# --- datasets


def dataset(segconv: Command, *words: object) -> Path:
    source = words[0] if words else msd_ct(segconv.folder, cases=2, tests=1, size=TINY)
    done = segconv("convert", source, "--to", "1_A", *QUICK, *words[1:])
    assert done.code == 0, done.err
    return segconv.raw / "Dataset001_A"


def description(segconv: Command) -> Subject:
    made = dataset(segconv)
    return Subject(made / "dataset.json", of_dataset(made), OF_SOURCES | OF_LINEAGE | {"SC089", "SC094"})


def named_elsewhere(segconv: Command) -> Subject:
    source = msd_ct(segconv.folder, cases=2, tests=0, size=TINY)
    made = dataset(segconv, source, "--link", "external")
    commands = [command for command in of_dataset(made) if command[0] in ("convert", "check", "augment")]
    return Subject(
        made / "dataset.json", commands, OF_SOURCES | OF_LINEAGE | {"SC089", "SC090", "SC094"}, below=("dataset",)
    )


def run_record(segconv: Command) -> Subject:
    made = dataset(segconv)
    return Subject(made / "segconv/run.json", of_dataset(made), OF_LINEAGE)


def case_records(segconv: Command) -> Subject:
    made = dataset(segconv)
    return Subject(made / "segconv/cases.jsonl", of_dataset(made), OF_LINEAGE, first_line, with_first_line)


def folds(segconv: Command) -> Subject:
    made = dataset(segconv)
    commands = [command for command in of_dataset(made) if command[0] in ("convert", "check", "augment")]
    return Subject(made / "splits_final.json", commands, frozenset({"SC095", "SC099", "SC086"}))


def spacing_of_pages(segconv: Command) -> Subject:
    made = segconv.raw / "Dataset001_A"
    pages = np.arange(60, dtype=np.uint8).reshape(3, 4, 5) % 2
    for folder, name in (("imagesTr", "a_0000"), ("labelsTr", "a")):
        (made / folder).mkdir(parents=True)
        tifffile.imwrite(made / folder / f"{name}.tif", pages, photometric="minisblack")
        (made / folder / "a.json").write_text('{"spacing": [1.0, 1.0, 1.0]}')
    entries = {
        "channel_names": {"0": "x"},
        "labels": {"background": 0, "a": 1},
        "numTraining": 1,
        "file_ending": ".tif",
    }
    (made / "dataset.json").write_text(json.dumps(entries))
    return Subject(made / "labelsTr/a.json", [("check", made, "--json")], frozenset({"SC083", "SC086"}))


def beside_predictions(segconv: Command) -> Subject:
    made = dataset(segconv)
    shutil.copytree(made / "labelsTr", segconv.folder / "predicted")
    path = segconv.folder / "predicted/dataset.json"
    shutil.copy(made / "dataset.json", path)
    shutil.copytree(made / "labelsTr", segconv.folder / "reference")
    command = ("evaluate", path.parent, segconv.folder / "reference", "--json")
    return Subject(path, [command], OF_SOURCES | {"SC001"}, either=("labels",))


def beside_predictions_of_a_task(segconv: Command) -> Subject:
    subject = beside_predictions(segconv)
    labels = {"0": "background", "1": "liver", "2": "kidney", "3": "tumour"}
    subject.file.write_text(json.dumps({"modality": {"0": "CT"}, "labels": labels}))
    return subject


# --- the ways in which a user's labels are stored


def stored(segconv: Command, source: Path, *words: object) -> Subject:
    made = dataset(segconv, source, *words)
    return Subject(
        made / "segconv/cases.jsonl",
        [("restore", made / "labelsTr", "--like", made, "-o", BACK)],
        OF_LINEAGE,
        first_line,
        with_first_line,
        ("label_file",),
    )


def masks(segconv: Command) -> Path:
    root = segconv.folder / "masks"
    for number in (1, 2):
        scan = phantoms.ct(number, size=TINY).images[0]
        files = {"image": scan.array.astype(np.int16)}
        for place, name in enumerate(("liver", "spleen")):
            files[name] = np.zeros(scan.array.shape, np.uint8)
            files[name][place + 1 : place + 3, 1:4, place : place + 2] = 1
        (root / f"p{number}").mkdir(parents=True)
        for name, array in files.items():
            nib.save(nib.Nifti1Image(array.T, scan.geometry.affine_ras), root / f"p{number}" / f"{name}.nii.gz")
    return root


def in_layers(segconv: Command) -> Subject:
    return stored(segconv, masks(segconv), "--image", "image")


def in_layers_of_the_run(segconv: Command) -> Subject:
    """No case is known: all labels are stored as is usual for the dataset."""
    made = dataset(segconv, masks(segconv), "--image", "image")
    (made / "segconv/cases.jsonl").write_bytes(b"")
    restore = ("restore", made / "labelsTr", "--like", made, "-o", BACK)
    return Subject(made / "segconv/run.json", [restore], OF_LINEAGE, below=("label_file",))


def in_segments(segconv: Command) -> Subject:
    root = segconv.folder / "segments"
    for number in (1, 2):
        scan = phantoms.ct(number, size=TINY).images[0]
        layers = np.zeros((2, *scan.array.shape), np.uint8)
        layers[0, 1:3, 1:3, 1:3] = layers[1, 2:4, 2:4, 2:4] = 1
        named = [Segment(name, name, 1, n, (n, 0, 1)) for n, name in enumerate(("liver", "spleen"))]
        (root / f"p{number}").mkdir(parents=True)
        (root / f"p{number}/image.nrrd").write_bytes(b"".join(nrrd.encode(scan.array.astype(np.int16), scan.geometry)))
        (root / f"p{number}/labels.seg.nrrd").write_bytes(segmentation.encode(named, layers, scan.geometry))
    return stored(segconv, root)


def in_palettes(segconv: Command) -> Subject:
    root = segconv.folder / "palettes"
    colours = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]
    for number in range(2):
        save(root / f"images/a{number}.png", picture(number))
        save_palette(root / f"masks/a{number}.png", drawn.labels(number, 3), colours)
    return stored(segconv, root, "--labels", "background=#000000,a=#ff0000,b=#00ff00")


def in_slices(segconv: Command) -> Subject:
    root = segconv.folder / "slices"
    for number in range(6):
        save(root / f"images/p{number % 2}/s{number // 2}.png", picture(number))
        save(root / f"masks/p{number % 2}/s{number // 2}.png", drawn.labels(number) * np.uint8(255))
    return stored(segconv, root, "--spacing", "1,1,2")


def turned(segconv: Command) -> Subject:
    root = segconv.folder / "turned"
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])[:, [2, 0, 1, 3]]
    for number in (1, 2):
        phantom = phantoms.ct(number, size=TINY)
        for name, volume in (("images", phantom.images[0]), ("labels", phantom.label)):
            (root / name).mkdir(parents=True, exist_ok=True)
            array = volume.array.T.astype(np.int16)
            nib.save(nib.Nifti1Image(array, affine), root / name / f"a{number}.nii.gz")
    return stored(segconv, root, "--repair", "orientation", "--labels", "background=0,a=1,b=2,c=3")


# --- of nnU-Net and of segconv itself


def plans(segconv: Command) -> Subject:
    made = dataset(segconv)
    document = plans_of(2) | {"dataset_name": made.name}
    document["configurations"]["second"] = {"inherits_from": "full", "previous_stage": "full"}
    path = segconv.folder / "nnUNet_preprocessed" / made.name / "nnUNetPlans.json"
    path.parent.mkdir()
    shutil.copy(made / "splits_final.json", path.parent)
    path.write_text(json.dumps(document))
    commands: list[tuple[object, ...]] = [
        ("plans", "show", "1", "--json"),
        ("plans", "derive", "1", "small", "--from", "full", "--patch-size", "64x64"),
        ("train", "1", "-c", "second", "-f", "9"),  # a fold that there is not: nothing is trained
    ]
    return Subject(path, commands, OF_PLANS, either=("features_per_stage",))


def plans_of_a_model(segconv: Command) -> Subject:
    made = dataset(segconv)
    model = segconv.folder / "nnUNet_results" / made.name / "nnUNetTrainer__nnUNetPlans__full"
    (model / "fold_0").mkdir(parents=True)
    (model / "fold_0/checkpoint_final.pth").write_bytes(checkpoint())
    shutil.copy(made / "dataset.json", model)
    (model / "plans.json").write_text(json.dumps(plans_of(2) | {"dataset_name": made.name}))
    return Subject(model / "plans.json", [("stress", "1", "-m", "full", "-o", BACK)], OF_PLANS | {"SC010", "SC041"})


def folds_to_train(segconv: Command) -> Subject:
    subject = plans(segconv)
    return Subject(
        subject.file.with_name("splits_final.json"),
        [subject.commands[-1]],
        frozenset({"SC001", "SC099", "SC086", "SC095"}),
    )


def user_settings(segconv: Command) -> Subject:
    path = segconv.folder / "config/segconv/folders.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"nnUNet_raw": str(segconv.raw), "nnUNet_results": str(segconv.folder)}))
    return Subject(path, [("paths", "show", "--json")], frozenset({"SC040", "SC042"}))


def recipe(segconv: Command) -> Subject:
    made = dataset(segconv)
    path = segconv.folder / "recipe.toml"
    path.write_text(json.dumps({"rotate": [10, 20], "planes": "axial", "copies": 1, "expand": False}))
    command = ("augment", made, "--to", MADE, *QUICK, "--recipe", path, "--dry-run", "--json")
    return Subject(path, [command], frozenset({"SC001", "SC042"}), write=as_toml, either=("rotate",))


def as_toml(document: Any, _: bytes) -> bytes:
    lines = ["[augment]"]
    if isinstance(document, dict):
        lines += [f"{json.dumps(key)} = {toml(value)}" for key, value in document.items()]
    else:
        lines = [f"augment = {toml(document)}"]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return "1979-05-27" if value is None else json.dumps(value)


def unfinished(segconv: Command) -> tuple[Path, Callable[[], object], tuple[object, ...]]:
    """Leave a staging folder with one case done; the other is damaged and fixed again."""
    source = msd_ct(segconv.folder, cases=2, tests=0, size=TINY)
    last = source / "imagesTr/ct_001.nii.gz"
    whole = last.read_bytes()
    last.write_bytes(whole[:-6])
    assert segconv(*convert(source)).codes() == ["SC050"]
    last.write_bytes(whole)
    staging = segconv.raw / ".segconv-009"
    kept = segconv.folder / "kept"
    staging.rename(kept)

    def begin() -> None:
        shutil.copytree(kept, staging)

    return kept, begin, convert(source)


def unfinished_plan(segconv: Command) -> Subject:
    kept, begin, command = unfinished(segconv)
    return Subject(kept / "plan.json", [command], frozenset({"SC021"}), before=begin)


def journal(segconv: Command) -> Subject:
    kept, begin, command = unfinished(segconv)

    def write(document: Any, data: bytes) -> bytes:
        text = json.dumps(document).encode()
        return b"%08x %s\n" % (zlib.crc32(text), text)

    return Subject(
        kept / "journal",
        [command],
        frozenset({"SC021", "SC096"}),
        lambda data: json.loads(data[9:]),
        write,
        before=begin,
    )


SUBJECTS: tuple[Callable[[Command], Subject], ...] = (
    msd, v1, table_of_values, table_of_entries, list_of_pairs,
    beside_predictions, beside_predictions_of_a_task,
    description, named_elsewhere, run_record, case_records, folds, spacing_of_pages,
    in_layers, in_layers_of_the_run, in_segments, in_palettes, in_slices, turned,
    plans, plans_of_a_model, folds_to_train, user_settings, recipe, unfinished_plan, journal,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _long_numbers() -> Iterator[None]:
    """Let the mutants be written, which hold numbers of thousands of digits; what is tested keeps its limit."""
    before = sys.get_int_max_str_digits()
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.__name__)
def test_a_changed_file_gives_its_code_or_makes_no_difference(
    subject: Callable[[Command], Subject], segconv: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(segconv.folder / "config"))
    monkeypatch.chdir(segconv.folder)
    of = subject(segconv)
    if of.file.parent.parent.name == "config":
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            monkeypatch.delenv(name)
    data = of.file.read_bytes()
    document = of.parse(data)
    of.file.write_bytes(of.write(document, data))
    usual = [Result.of(command, of, segconv) for command in of.commands]
    there = everything(segconv.folder)
    chosen = list(mutants(document, of.below))
    if not EXHAUSTIVE:
        chosen = random.Random(subject.__name__).sample(chosen, min(SAMPLE, len(chosen)))
    for mutant in chosen:
        of.file.write_bytes(of.write(mutant.document, data))
        for command, before in zip(of.commands, usual, strict=True):
            Result.of(command, of, segconv).judge(before, mutant, of)
            assert everything(segconv.folder) == there, (mutant.at, mutant.what, command)


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@dataclass(frozen=True)
class Result:
    """How a command ended, and a hash of what it made but for the lineage."""

    words: tuple[object, ...]
    code: int
    out: str
    err: str
    made: tuple[str, ...]

    @classmethod
    def of(cls, command: tuple[object, ...], subject: Subject, segconv: Command) -> Result:
        """Run a command, and remove what it made."""
        subject.before()
        done = segconv(*command)
        made = segconv.raw / "Dataset009_M", segconv.folder / BACK
        for folder in made:
            shutil.rmtree(folder / "segconv", ignore_errors=True)
        hashes = tuple(tree_hash(folder) for folder in made)
        shutil.rmtree(segconv.folder / ".cache", ignore_errors=True)
        for path in [*made, *segconv.raw.glob(".segconv*"), *segconv.folder.glob(".segconv*")]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        return cls(command, done.code, done.out if "--json" in command else "", done.err, hashes)

    def codes(self, severity: str) -> set[str]:
        if "--json" in self.words:
            return {f["code"] for f in json.loads(self.out)["findings"] if f["severity"] == severity}
        lines = (line.split() for line in self.err.splitlines() if line.startswith(severity.title()))
        return {words[1].rstrip(":") for words in lines}

    def judge(self, usual: Result, mutant: Mutant, subject: Subject) -> None:
        """Hold the result against that of the file as it was."""
        wording = (mutant.at, mutant.what, self.words, self.code, self.out, self.err)
        errors = self.codes("error")
        assert self.code in (0, 1, 2, 65, 66, 73, 74, 78), wording
        assert errors <= subject.codes | usual.codes("error"), wording
        assert bool(errors) == (self.code != 0), wording
        silent = self.code == 0 and not self.codes("warning") - usual.codes("warning")
        if mutant.retyped and silent and not set(subject.either) & set(mutant.at):
            assert (self.made, self.out) == (usual.made, usual.out), wording
