"""Errors and findings, in a form for people, scripts and worker processes.

A `Finding` is one problem of one file, with a stable code. `CODES` is the only table of codes: the exit code
of each, its cause, and what to do about it. A `Cure` is a remedy as data; its wording depends on the command
and is in ``cli/cures.py``. `SegconvError` is the root of every error that segconv raises on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from .words import count_of

# Exit codes follow BSD's sysexits.h where one fits.
EXIT_DONE = 0
EXIT_FOUND = 1  # `check` found errors, or some cases failed under --keep-going
EXIT_USAGE = 2
EXIT_DATA = 65
EXIT_NO_INPUT = 66
EXIT_SOFTWARE = 70
EXIT_EXISTS = 73
EXIT_IO = 74
EXIT_LOCKED = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Code:
    """One row of the table of codes.

    Parameters
    ----------
    exit_code
        Exit code of a command that ends with this error.
    title, cause
        In words.
    hint, cures
        What to do if a finding has no advice of its own: advice in words, and kinds of `Cure`.
    """

    exit_code: int
    title: str
    cause: str
    hint: str = ""
    cures: tuple[str, ...] = ()


RESTART = "restart"
"""Value of a cure that needs a run to begin again."""


@dataclass(frozen=True)
class Cure:
    """A remedy for a finding, as data.

    Parameters
    ----------
    kind
        A key of the table in ``cli/cures.py``, which has the wording.
    values
        Name and value of everything that the wording needs; values are text or tuples of text.
    """

    kind: str
    values: tuple[tuple[str, str | tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, kind: str, /, **values: object) -> Cure:
        """Return a cure; values are kept as text, lists and tuples as tuples of text."""
        return cls(kind, tuple((name, _text(value)) for name, value in values.items()))

    def restarting(self) -> Cure:
        """Return the cure for a run that has finished cases without it: it begins again."""
        return replace(self, values=(*self.values, (RESTART, "yes")))

    def as_json(self) -> dict[str, Any]:
        """Return the cure as the object that ``--json`` prints."""
        return {"kind": self.kind, **{name: list(v) if isinstance(v, tuple) else v for name, v in self.values}}


def _text(value: object) -> str | tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else str(value)


CODES: dict[str, Code] = {
    # usage
    "SC001": Code(EXIT_USAGE, "option", "an option or argument is wrong", cures=("see_help",)),
    "SC002": Code(EXIT_USAGE, "target", "the target has no dataset id, or one outside 1..999", cures=("name_target",)),
    "SC003": Code(EXIT_USAGE, "ambiguous", "the source can be read in two ways", cures=("choose_source_kind",)),
    # missing
    "SC010": Code(EXIT_NO_INPUT, "missing input", "the source does not exist", "give a path that exists"),
    "SC011": Code(EXIT_NO_INPUT, "no cases", "the source holds no cases", "put images with labels there"),
    "SC012": Code(EXIT_NO_INPUT, "listed file missing", "a list names a file that does not exist", "add it or correct the list"),
    "SC013": Code(EXIT_NO_INPUT, "missing prediction", "a reference has no prediction", "predict it", ("count_missing_as_zero",)),
    # already exists
    "SC020": Code(EXIT_EXISTS, "id taken", "the dataset id is in use", "choose another id", ("overwrite",)),
    "SC021": Code(EXIT_EXISTS, "unfinished work", "another unfinished run holds the target", cures=("restart", "abort")),
    # reading, writing
    "SC030": Code(EXIT_IO, "cannot read", "the system refused to read a file", "change its permissions, or restore it if the disk is damaged"),
    "SC031": Code(EXIT_IO, "cannot write", "the system refused to write", "change the permissions, or write to another disk"),
    "SC032": Code(EXIT_IO, "no space", "the disk is full, or would be", "make room and run again"),
    "SC033": Code(EXIT_IO, "read back differs", "a file read back is not what was written", "check the disk; run again"),
    "SC035": Code(EXIT_LOCKED, "locked", "another process works on this target", "wait and run again"),
    # configuration
    "SC040": Code(EXIT_CONFIG, "folders", "one of nnU-Net's three folders is not usable", cures=("make_folders",)),
    "SC041": Code(EXIT_CONFIG, "not installed", "an optional part is not installed", "pip install 'segconv[train]'"),
    "SC042": Code(EXIT_CONFIG, "configuration", "a configuration file, recipe or environment variable is wrong", "correct the named entry"),
    # damaged or odd files
    "SC050": Code(EXIT_DATA, "damaged gzip", "a gzip stream is cut, or its checksum or length is wrong", "restore the file from its origin"),
    "SC051": Code(EXIT_DATA, "not this format", "the bytes are not of the format that the name says", "download or export the file again"),
    "SC052": Code(EXIT_DATA, "voxels missing", "the file ends before its last voxel", "restore the file from its origin"),
    "SC053": Code(EXIT_DATA, "header", "the header contradicts itself or the format", "export the file again"),
    "SC054": Code(EXIT_DATA, "over budget", "the file would decode to more than the allowed size", "export the file again"),
    "SC055": Code(EXIT_DATA, "not finite", "voxels are NaN or infinite", cures=("replace_nonfinite",)),
    "SC056": Code(EXIT_DATA, "voxel type", "the voxel type is not one that can be trained on", "export as integer or float voxels"),
    "SC057": Code(EXIT_DATA, "affine", "spacing, origin or direction is not usable", "export the file again"),
    "SC058": Code(EXIT_DATA, "damaged picture", "a picture is cut or one of its checksums is wrong", "restore the file from its origin"),
    "SC059": Code(EXIT_DATA, "trailing bytes", "bytes follow the end of the data", "export the file again"),
    "SC060": Code(EXIT_DATA, "unsafe path", "a path or link leaves the source", "copy the file into the source"),
    "SC061": Code(EXIT_DATA, "not a regular file", "a folder, pipe or device stands where a file should", "remove it"),
    "SC062": Code(EXIT_DATA, "source changed", "a source changed while it was read", "run again when nothing writes to it"),
    "SC063": Code(EXIT_DATA, "layout", "files are where no known layout has any", "move them", ("name_images_and_masks",)),
    "SC064": Code(EXIT_DATA, "foreign code", "a model or its plans bring code, or names of classes, from elsewhere", cures=("trust_model",)),
    # labels
    "SC070": Code(EXIT_DATA, "undeclared value", "a label holds a value that is not declared", cures=("map_value", "declare_labels")),
    "SC071": Code(EXIT_DATA, "fractional label", "a label holds fractions", "export the label without interpolation"),
    "SC072": Code(EXIT_DATA, "negative label", "a label holds negative values", "export the label with values from 0 on"),
    "SC073": Code(EXIT_DATA, "label shape", "a label has more than one channel", "store one value per voxel"),
    "SC074": Code(EXIT_DATA, "label declaration", "the declared labels are not usable, or none are and the masks do not settle them", "correct the labels in the json", ("declare_labels",)),
    "SC075": Code(EXIT_DATA, "empty label", "a label holds nothing but background", "replace the mask if the image shows a class"),
    "SC076": Code(EXIT_DATA, "unused label", "a declared label occurs in no training case", "remove the label from the declaration, or correct its value, if cases should hold it"),
    "SC077": Code(EXIT_DATA, "constant image", "all voxels of an image are equal", "replace the image, or leave its case out"),
    "SC078": Code(EXIT_DATA, "mask coding", "a mask loses its values, is coded differently from other masks, numbers objects, or is an image", "export all masks as PNG with exact values", ("declare_colours",)),
    "SC079": Code(EXIT_DATA, "value snapped", "an undeclared value was changed to the nearest declared one", "export the masks without lossy compression or interpolation, if these are many"),
    # cases, channels, grids
    "SC080": Code(EXIT_DATA, "no label", "an image has no label", "add it", ("choose_unlabelled",)),
    "SC081": Code(EXIT_DATA, "no image", "a label has no image", "add it, or remove the label"),
    "SC082": Code(EXIT_DATA, "shape", "image and label, or two channels, differ in shape", "export both on one grid"),
    "SC083": Code(EXIT_DATA, "grid", "image and label, or two channels, lie on different grids", cures=("resample",)),
    "SC084": Code(EXIT_DATA, "channels", "the number or kind of channels differs from case to case or from the json", "give the case the channels of the others, or correct the json"),
    "SC085": Code(EXIT_DATA, "names meet", "two files give the same case name", "rename one of them"),
    "SC086": Code(EXIT_DATA, "json", "a json file cannot be used", "correct the json"),
    "SC087": Code(EXIT_DATA, "list", "a list contradicts the files", "correct the list"),
    "SC088": Code(EXIT_DATA, "duplicate", "two cases have the same content", "remove one of them"),
    "SC089": Code(EXIT_DATA, "stale count", "a count or an optional entry in a json does not hold", "nothing to do: it was counted again"),
    "SC090": Code(EXIT_DATA, "name mapped", "a name is not safe as a case identifier", "nothing to do: restore brings it back"),
    "SC091": Code(EXIT_DATA, "channel kind", "channel name and intensities do not match", cures=("name_channels",)),
    "SC092": Code(EXIT_DATA, "two geometries", "the forms of a header disagree or are unset", "nothing to do: the geometry that nnU-Net reads was kept"),
    "SC093": Code(EXIT_DATA, "header repaired", "a header or the order of voxels was repaired during conversion", "nothing to do: restore undoes it"),
    "SC094": Code(EXIT_DATA, "dataset", "a folder is not a usable nnU-Net dataset", cures=("check",)),
    "SC095": Code(EXIT_DATA, "splits", "a fold trains on copies, on patients or on images that it validates", "remove the file", ("make_splits",)),
    "SC096": Code(EXIT_DATA, "lineage", "the record of how a dataset was made cannot be used", "convert again"),
    "SC097": Code(EXIT_DATA, "not reversible", "something cannot come back as it was", "nothing to do: it was merged during conversion"),
    "SC098": Code(EXIT_DATA, "orientations", "the cases are stored in several orientations, which nnU-Net ignores", "store all cases in one orientation, if left and right matter"),
    "SC099": Code(EXIT_DATA, "folds", "the folds do not match the cases: names that do not exist, cases or classes left out", "remove the file", ("make_splits",)),
    # scores
    "SC130": Code(EXIT_DATA, "units", "only some labels say how large a voxel is, or not as was given", cures=("give_spacing",)),
    "SC131": Code(EXIT_DATA, "nothing to compare", "two sets of predictions have no case or class in common", "give predictions of the same cases"),
    # programs
    "SC100": Code(EXIT_SOFTWARE, "worker died", "a worker process was ended from outside", cures=("fewer_jobs",)),
    "SC101": Code(EXIT_SOFTWARE, "nnU-Net failed", "an nnU-Net command ended with an error", "read the named log"),
    "SC102": Code(EXIT_FOUND, "below the bar", "a result is worse than it must be", "see the message"),
    "SC103": Code(EXIT_SOFTWARE, "memory", "memory ran out", cures=("fewer_jobs",)),
    "SC104": Code(EXIT_SOFTWARE, "internal error", "something that segconv did not foresee", "run again with SEGCONV_DEBUG=1 and report what it prints"),
    "SC140": Code(EXIT_CONFIG, "package", "Python or a package is missing, of a wrong version, or does not work", "pip install 'segconv[train]' in a fresh environment"),
    "SC141": Code(EXIT_CONFIG, "variable", "an environment variable is misspelled, or harms training", "unset the variable"),
    "SC142": Code(EXIT_CONFIG, "machine", "memory, a limit or a disk of this machine is not enough", "make room"),
    "SC143": Code(EXIT_EXISTS, "plans in use", "plans or preprocessed cases that models or other plans depend on would change", cures=("name_plans",)),
    "SC105": Code(EXIT_INTERRUPTED, "interrupted", "Ctrl-C, or the system asked the process to end", "run the same command again: it resumes where it stopped"),
    # training
    "SC110": Code(EXIT_FOUND, "fold failed", "the training of a fold ended with an error", "read the named log, then run the same command again"),
    "SC111": Code(EXIT_DATA, "not preprocessed", "preprocessed data are missing or damaged", cures=("plan",)),
    "SC112": Code(EXIT_DATA, "stale plans", "a dataset changed after it was planned or preprocessed", cures=("plan",)),
    "SC113": Code(EXIT_DATA, "checkpoint", "a checkpoint was cut off, or none was kept", "nothing to do: training resumed from another one, or began again"),
    "SC114": Code(EXIT_DATA, "too few cases", "there are fewer cases than folds", cures=("train_on_all",)),
    "SC115": Code(EXIT_DATA, "stage incomplete", "the first stage of a cascade has not predicted every case for the next stage", "validate the named fold of the stage before"),
    "SC116": Code(EXIT_EXISTS, "fold is a link", "a fold that would be replaced is a link to another folder", "move the link away"),
    # cascades and fine-tuning
    "SC150": Code(EXIT_DATA, "no cascade", "the plans of a dataset have no cascade: its images are not large enough for one", cures=("train",)),
    "SC151": Code(EXIT_DATA, "broken cascade", "the stages of a cascade do not name each other, or cases have no fold that predicts them for the next stage", "correct the plans or the folds"),
    "SC152": Code(EXIT_DATA, "not weights", "a file is not a checkpoint that nnU-Net can take pretrained weights from", "give the checkpoint_final.pth of a trained fold"),
    "SC153": Code(EXIT_DATA, "weights do not fit", "the tensors of a checkpoint are not those of the network that would be trained", cures=("pretrain",)),
    "SC154": Code(EXIT_DATA, "datasets do not fit", "two datasets differ in something that pretraining on one for the other needs", "choose a dataset with the same number of channels"),
    # rehearsal
    "SC160": Code(EXIT_SOFTWARE, "step failed", "a step of a rehearsal ended with an error, as it would in the real training", "read the end of the named log"),
    "SC161": Code(EXIT_CONFIG, "trainer", "a trainer cannot be made as nnU-Net makes it: its __init__ has other parameters", "give it the parameters of nnUNetTrainer"),
    "SC162": Code(EXIT_CONFIG, "network not picklable", "a network or its weights cannot be handed to another process", "define its functions and classes at the top of their module"),
    "SC163": Code(EXIT_CONFIG, "deep supervision", "a network returns other outputs than the trainer's loss or the prediction expects", "let trainer and network agree on deep supervision"),
    "SC164": Code(EXIT_CONFIG, "patch", "a patch does not go through its network", "choose a patch that the strides divide"),
    "SC165": Code(EXIT_DATA, "order of regions", "nnU-Net would decode predictions of regions to other values", cures=("prove_regions",)),
    "SC166": Code(EXIT_CONFIG, "class missing", "a module, trainer, planner or network class that is named is not installed", "install it, or correct the name"),
    "SC167": Code(EXIT_IO, "disk too small", "the disk has less room than the real training will take", "make room"),
    "SC168": Code(EXIT_CONFIG, "network output", "the output of a network has another number of channels than the labels need, another size than the patch, or no floating-point numbers", "pass the number of output channels on to the network"),
    "SC169": Code(EXIT_SOFTWARE, "not resumed", "a killed training does not resume where its checkpoint is", "let the trainer keep nnU-Net's checkpoints"),
    # trainers
    "SC170": Code(EXIT_DATA, "folder of trainers", "a module in a folder of trainers is not Python, and nnU-Net imports all of them", "correct it, or move it away"),
    "SC171": Code(EXIT_CONFIG, "trainer twice", "a trainer is in several places, of which nnU-Net takes the first", "give yours a name of its own"),
    "SC172": Code(EXIT_CONFIG, "offered trainer", "an installed package offers a trainer that it does not have, or under another name", "correct the entry point of the package, and install it again"),
    "SC226": Code(EXIT_CONFIG, "trainer not imported", "a module in which nnU-Net looks for a trainer fails when it is imported, or does not come back", "correct the module, or move it away"),
    "SC175": Code(EXIT_FOUND, "loss not finite", "a training was stopped, as its loss or gradients are not finite", "train with a third of the rate, or in full precision"),
    "SC176": Code(EXIT_FOUND, "collapsed", "a training was stopped, as its network finds no class any more", "go on from the last good checkpoint; if it collapses again, train with a third of the rate"),
    # U-Mamba
    "SC181": Code(EXIT_DATA, "former U-Mamba", "a checkpoint is of U-Mamba's networks before 2024-03-27, which had other layers", "predict with the version of U-Mamba that trained it, or train again"),
    "SC182": Code(EXIT_DATA, "network of another patch", "a network that is made for one patch size is in a configuration with another", cures=("make_plans_again",)),
    # own networks and planners
    "SC185": Code(EXIT_CONFIG, "network not built", "what is named as a network is no class of networks, or cannot be built from the plans", "let it take the arguments that nnU-Net passes"),
    "SC186": Code(EXIT_CONFIG, "network weights", "a network has other weights when it is built for prediction, without deep supervision, than after training", "make the same layers with and without deep supervision"),
    "SC187": Code(EXIT_SOFTWARE, "network process", "a network ends the process that uses it, or does not come back", "read the end of the named log"),
    "SC188": Code(EXIT_CONFIG, "planner", "what is named as a planner is no class of planners, or nnU-Net cannot make it", "derive it from nnU-Net's ExperimentPlanner, with the same parameters"),
    "SC189": Code(EXIT_SOFTWARE, "planning failed", "a planner of the user's own failed, or did not write the plans that it was asked for", "read the end of the named log"),
    # prediction
    "SC120": Code(EXIT_DATA, "empty prediction", "a prediction holds nothing but background", "check that the images are like those that the model was trained on"),
    "SC121": Code(EXIT_DATA, "postprocessing", "a postprocessing names functions that are not nnU-Net's", cures=("find_best",)),
    "SC122": Code(EXIT_NO_INPUT, "not validated", "folds or predictions of the validation are missing, so that models cannot be compared", cures=("train",)),
    "SC123": Code(EXIT_DATA, "outdated choice", "models were trained again since the best was found", cures=("find_best",)),
    "SC124": Code(EXIT_DATA, "no score", "a model has no mean Dice: a class occurs in no case of the validation", "leave the class out of the labels"),
    "SC125": Code(EXIT_DATA, "model archive", "an archive holds files that no trained model has, or others than it lists", "export the model again"),
    # TotalSegmentator
    "SC190": Code(EXIT_CONFIG, "TotalSegmentator missing", "TotalSegmentator is not installed, or is of an unknown version", "pip install 'segconv[totalseg]'"),
    "SC191": Code(EXIT_USAGE, "task or class", "TotalSegmentator has no task or class of this name", cures=("list_tasks",)),
    "SC192": Code(EXIT_CONFIG, "weights missing", "a model that a task of TotalSegmentator needs is missing or incomplete", "bring the weights that are missing", ("list_weights",)),
    "SC193": Code(EXIT_DATA, "class missing", "a case has no mask and no value of a class that is asked for", cures=("count_missing_masks_as_empty",)),
    "SC194": Code(EXIT_DATA, "weights archive", "an archive holds no complete models of TotalSegmentator, or other folders", "download it again, or pack it again"),
    "SC195": Code(EXIT_CONFIG, "TotalSegmentator not started", "the process that runs TotalSegmentator does not start", "pip check names packages that do not fit together"),
    "SC196": Code(EXIT_SOFTWARE, "worker died", "the process that ran TotalSegmentator was ended from outside", "run the same command again", cures=("fewer_jobs",)),
    "SC197": Code(EXIT_SOFTWARE, "segmentation failed", "TotalSegmentator failed on a case", "view the image; the log in the output says more if another case succeeds"),
    "SC198": Code(EXIT_DATA, "overlap", "voxels are in two groups of classes, and count as the one that is named first", "name the group first that is to have them"),
    "SC199": Code(EXIT_DATA, "modality", "nothing says whether images are CT or MR, or they are of another kind than the task is for", cures=("name_modality",)),
    "SC200": Code(EXIT_CONFIG, "licence", "a task of TotalSegmentator needs a licence number, and none is set", "totalseg_set_license stores one"),
    # folds
    "SC210": Code(EXIT_EXISTS, "folds in use", "folds would be replaced by which a model was trained", "keep them, or make a new dataset"),
    "SC216": Code(EXIT_DATA, "held out", "a model on all cases would be trained on those that are held out", cures=("train_held_out",)),
    "SC217": Code(EXIT_DATA, "not compared", "images were not compared before a training, as a file cannot be read", "correct the named file"),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One error or oddity of one file.

    Parameters
    ----------
    code
        A key of `CODES`.
    message
        What was found, and what was expected.
    hint
        Advice in words, without names of options or commands.
    file
        The file, as the user wrote it; empty if the finding concerns no file.
    severity
        ``"error"`` or ``"warning"``.
    cures
        Remedies by segconv, best first.
    """

    code: str
    message: str
    hint: str = ""
    file: str = ""
    severity: str = "error"
    cures: tuple[Cure, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"no such finding code: {self.code}")
        if self.severity not in ("error", "warning"):
            raise ValueError(f"severity is error or warning, not {self.severity!r}")

    @property
    def advice(self) -> tuple[str, tuple[Cure, ...]]:
        """The finding's hint and cures, or those of its code if it has neither."""
        if self.hint or self.cures:
            return self.hint, self.cures
        code = CODES[self.code]
        return code.hint, tuple(map(Cure, code.cures))

    def as_json(self) -> dict[str, str]:
        """Return the finding as recorded in the lineage; ``--json`` adds the cures."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "message": self.message,
            "hint": self.advice[0],
        }


def warning(code: str, message: str, *, hint: str = "", file: str = "", cures: Iterable[Cure] = ()) -> Finding:
    """Return a finding that does not stop anything."""
    return Finding(code, message, hint=hint, file=file, severity="warning", cures=tuple(cures))


class SegconvError(Exception):
    """Root of all errors that segconv raises on purpose.

    Parameters
    ----------
    message
        What was found, and what was expected.
    code, file, hint, cures
        As in `Finding`.
    """

    def __init__(
        self, message: str = "", *, code: str = "SC001", file: str = "", hint: str = "", cures: Iterable[Cure] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.file = file
        self.hint = hint
        self.cures = tuple(cures)

    # Unpickling rebuilds an exception from `args` and then restores its `__dict__`, which is why the message
    # is the only positional argument: every subclass survives the way back from a worker.

    def advise(self, hint: str = "", cures: Iterable[Cure] = ()) -> None:
        """Replace the hint and the cures."""
        self.hint, self.cures = hint, tuple(cures)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The error as findings; a plain error has one."""
        return (Finding(self.code, self.message, hint=self.hint, file=self.file, cures=self.cures),)

    @property
    def exit_code(self) -> int:
        """The exit code of a process that ends with this error."""
        return exit_code_of(self.findings)


class Refused(SegconvError):
    """Refused input, with all reasons at once."""

    def __init__(self, message: str = "", *, reasons: Iterable[Finding] = ()) -> None:
        self.reasons = tuple(reasons)
        count = sum(reason.severity == "error" for reason in self.reasons)
        super().__init__(message or count_of(count, "finding"))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The reasons."""
        return self.reasons


class Interrupted(SegconvError):
    """Ctrl-C or SIGTERM: finished work is kept."""

    def __init__(
        self, message: str = "", *, signal_number: int = 2, hint: str = "", cures: Iterable[Cure] = ()
    ) -> None:
        super().__init__(message, code="SC105", hint=hint, cures=cures)
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """128 plus the number of the signal, as in shells."""
        return 128 + self.signal_number


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code for findings of several classes.

    Of the classes 65, 66, 73, 74, 78 the lowest wins; warnings do not count.
    """
    return min((CODES[f.code].exit_code for f in findings if f.severity == "error"), default=EXIT_DONE)


def refuse_if_any(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Raise `Refused` with all findings if one of them is an error; return them otherwise."""
    findings = tuple(findings)
    if any(finding.severity == "error" for finding in findings):
        raise Refused(reasons=findings)
    return findings


def as_warning(finding: Finding) -> Finding:
    """Return a finding as a warning, which does not stop anything."""
    return replace(finding, severity="warning")


def as_errors(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings with warnings turned into errors (``--strict``)."""
    return tuple(replace(finding, severity="error") for finding in findings)


@contextmanager
def naming(file: str) -> Iterator[None]:
    """Add this file, as the user knows it, to errors of the block that name none."""
    try:
        yield
    except SegconvError as error:
        error.file = error.file or file
        raise
