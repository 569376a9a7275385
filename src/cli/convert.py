"""``segconv convert``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import EXIT_FOUND, SegconvError, as_errors, refuse_if_any
from ..words import count_of
from .options import PATH, dry_run, example, force, option, running, speaking, three_folders
from .sink import Sink

if TYPE_CHECKING:
    from ..convert.conversion import Conversion
    from ..train.paths import Paths
    from ..work.run_options import RunOptions


KINDS = ("png", "msd", "nnunet-v1", "nnunet-v2", "pairs", "masks", "dicom")
SHOWN_LABELS = 16
SHOWN_NAMES = 4
REPAIRS = ("header", "resample", "orthonormal", "cast", "orientation")
ORDERS = ("name", "instance", "position", "reverse")
FORMATS = ("nii", "nii.gz", "nrrd", "mha", "png", "tif")


@click.command(epilog=example("segconv convert fixtures/png --to 501_Shapes --labels background=0,disc=128,ring=255"))
@click.argument("source", type=PATH)
@option("--to", "target", metavar="ID[_NAME]", help="Dataset to make, such as 42 or 42_Liver.")
@option("--to-v1", "target_v1", metavar="ID[_NAME]", help="Make a task of nnU-Net v1 instead, such as 42_Roads.")
@option("--from", "kind", metavar="KIND", help=f"One of {', '.join(KINDS)}; found from the files otherwise.")
@option(
    "--labels",
    metavar="NAME=VALUE,…|FILE",
    help="Values as in the files, ranges 1- or 1-99, colours #rrggbb or #rrggbbaa; or a table of ITK-SNAP, CVAT …",
)
@option(
    "--map", "maps", multiple=True, metavar="VALUE=NAME", help="Count a value or colour as a label; may be repeated."
)
@option(
    "--snap", type=click.IntRange(min=0), default=0, metavar="N", help="Values no further off take the nearest label."
)
@option("--accept-labels", is_flag=True, help="Take the values that are found as labels.")
@option(
    "--ignore", metavar="NAME|unlabelled", help="The label that training leaves out; unlabelled: what nobody drew on."
)
@option("--priority", metavar="MASK,…", help="Masks: an overlap goes to the first of these, instead of being kept.")
@option("--max-heads", type=click.IntRange(min=1), default=64, help="Most regions that overlapping masks may become.")
@option("--unite-masks", is_flag=True, help="Numbered masks of one image, a_mask and a_mask_1, count as their union.")
@option("--grey-to-rgb", is_flag=True, help="Pictures: write grey ones as RGB, their values three times.")
@option(
    "--drop-alpha",
    is_flag=True,
    help="Pictures: leave out their alpha, also transparent, or a last sample that a TIFF does not name.",
)
@option("--missing-masks", type=click.Choice(["empty"]), help="A mask that a case lacks counts as empty.")
@option("--channels", metavar="NAME,…", help="Channel names; CT decides another normalisation than MRI.")
@option(
    "--images", multiple=True, metavar="GLOB", help="Files of a channel; repeated for several. {case} names a part."
)
@option("--masks", metavar="GLOB", help="Files of the labels; of masks of classes, the NAME,… to take.")
@option("--image", multiple=True, metavar="NAME", help="Masks: the image beside them; repeated for several channels.")
@option(
    "--pairs",
    type=PATH,
    metavar="LIST",
    help="CSV or JSON: columns image (or image_1, image_2 … for channels), label, case, patient, split (train, test).",
)
@option(
    "--cases", metavar="NAME,…|FILE", help="Take these cases alone, by name or glob; or a CSV of old and new names."
)
@option("--case-names", type=click.Choice(["path"]), help="Name cases by their folders and file.")
@option("--patient-pattern", metavar="REGEX", help="Finds the patient in the name of a case.")
@option("--patients", type=PATH, metavar="CSV", help="Case and patient.")
@option("--unlabelled", type=click.Choice(["skip", "test"]), help="What to do with an image that has no label.")
@option("--listed-only", is_flag=True, help="Leave out files that dataset.json does not list.")
@option("--label-header", type=click.Choice(["image"]), help="A label on another grid takes the image's header.")
@option("--repair", "repairs", multiple=True, metavar="KIND", help=f"Mend on the way in: {', '.join(REPAIRS)}.")
@option("--nonfinite", type=float, metavar="VALUE", help="Put this in the place of NaN and infinity in images.")
@option(
    "--slice-order",
    type=click.Choice(ORDERS),
    help="Mask pictures of a volume, by name, follow the file names, InstanceNumbers or positions of its slices;"
    " reverse: from the last position to the first.",
)
@option("--frames", is_flag=True, help="Make a case of each frame, where image and label are 4D; one patient.")
@option("--spacing", metavar="X,Y,Z", help="In mm, of volumes that are stored as pictures.")
@option(
    "--format", "file_format", type=click.Choice(FORMATS), help="Of the dataset's files; default: what changes least."
)
@option(
    "--link",
    type=click.Choice(["none", "hard", "symlink", "external"]),
    default="none",
    help="Link files that need no change; external leaves them where they are and names them in dataset.json.",
)
@option("--allow-external", is_flag=True, help="Follow links that leave the source.")
@option("--no-verify-source", is_flag=True, help="Copy what need not change without proving that it is whole.")
@option(
    "--strip-headers", is_flag=True, help="Encode every file anew: no free text, extension, comment or EXIF is kept."
)
@option("--max-volume", type=click.IntRange(min=1), default=8 << 30, metavar="BYTES", help="Largest decoded file.")
@dry_run
@force
@running
@three_folders
@speaking
def command(
    source: Path,
    target: str | None,
    target_v1: str | None,
    kind: str | None,
    dry_run: bool,
    force: bool,
    sink: Sink,
    paths: Paths,
    how: RunOptions,
    **said: Any,
) -> int:
    """Turn data of any kind into a nnU-Net v2 dataset.

    SOURCE is a folder of pictures or volumes with their masks, in any of the usual layouts, a task of
    the Medical Segmentation Decathlon or of nnU-Net v1 (by path, or by its number), a v2 dataset, or
    a folder a case with one mask a class, which may overlap. Every file is read once and proved
    whole; nothing is written before the whole plan has been checked, and the dataset appears when it
    is complete. Sources are never changed.
    """
    from ..convert.conversion import mended_by, plan_conversion, run_conversion
    from ..convert.labels.labelling import parse_labels, parse_map
    from ..convert.model import ConvertOptions

    if (target is None) == (target_v1 is None):
        raise SegconvError("say what to make: --to or --to-v1", hint="for example --to 42_Liver")
    options = ConvertOptions(
        labels=parse_labels(said["labels"]) if said["labels"] else None,
        value_map=parse_map(said["maps"]),
        snap=said["snap"],
        accept_labels=said["accept_labels"],
        ignore=said["ignore"],
        priority=_listed(said["priority"]),
        max_heads=said["max_heads"],
        channels=_channels(said["channels"]),
        images=said["images"],
        masks=said["masks"],
        image=said["image"],
        pairs=said["pairs"],
        case_names=said["case_names"],
        cases=said["cases"],
        patient_pattern=said["patient_pattern"],
        patients=said["patients"],
        unlabelled=said["unlabelled"],
        unite_masks=said["unite_masks"],
        grey_to_rgb=said["grey_to_rgb"],
        drop_alpha=said["drop_alpha"],
        missing_masks=said["missing_masks"],
        listed_only=said["listed_only"],
        label_header=said["label_header"],
        repair=tuple(kind for text in said["repairs"] for kind in _listed(text)),
        nonfinite=said["nonfinite"],
        spacing_mm=_spacing(said["spacing"]) if said["spacing"] else None,
        frames=said["frames"],
        slice_order=said["slice_order"],
        link=said["link"],
        allow_external=said["allow_external"],
        verify_source=not said["no_verify_source"],
        strip_headers=said["strip_headers"],
        max_volume=said["max_volume"],
        file_ending=f".{said['file_format']}" if said["file_format"] else None,
    )
    noticed = paths.warnings("preprocessed", "results")
    if how.strict:
        refuse_if_any(as_errors(noticed))
    v1_root = paths.v1_tasks() if target_v1 is not None else None
    conversion = plan_conversion(
        source,
        str(target_v1) if target is None else target,
        raw=v1_root or paths.require("raw"),
        other_roots=(paths.preprocessed, paths.results) if v1_root is None else (),
        kind=kind,
        options=options,
        how=how,
        force=force,
        v1=v1_root is not None,
    )
    _show(conversion, sink)
    if dry_run:
        if sink.verbose:
            sink.table(
                ["case", "image", "label"],
                [(c.case, " ".join(c.images), c.label or "") for c in conversion.scan.cases],
            )
        warnings = [*noticed, *conversion.plan.warnings]
        sink.warn(warnings)
        sink.say("nothing was written (--dry-run)")
        sink.end(conversion.summary(), warnings)
        return 0
    outcome = run_conversion(conversion, how)
    findings = [*noticed, *outcome.warnings, *outcome.failed]
    sink.warn(findings)
    result = {**conversion.summary(), "cases": outcome.done, "reused": outcome.reused}
    if options.repair or options.nonfinite is not None:
        mended = mended_by(conversion, outcome)
        sink.table(["case", "mended"], [(case, repair) for case, told in mended.items() for repair in told])
        result["repairs"] = mended
    again = f", {outcome.reused} of them by an earlier run" if outcome.reused else ""
    sink.say(f"Made {outcome.target} with {count_of(outcome.done, 'case')}{again}.")
    if v1_root is None:
        sink.next(f"segconv plan {conversion.name.id}")
    sink.end(result, findings, ok=not outcome.failed)
    return EXIT_FOUND if outcome.failed else 0


def _channels(text: str | None) -> tuple[str, ...]:
    names = _listed(text)
    if not all(names):
        raise SegconvError(
            f"--channels {text!r}: a name is empty", hint="for example --channels CT or --channels T1,T2"
        )
    return names


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",")) if text else ()


def _spacing(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise SegconvError(f"--spacing {text!r} is not X,Y,Z", hint="for example --spacing 0.5,0.5,2") from None
    if not all(0 < part < float("inf") for part in (x, y, z)):
        raise SegconvError(f"--spacing {text!r} is not made of numbers above 0")
    return x, y, z


def _show(conversion: Conversion, sink: Sink) -> None:
    found = conversion.summary()
    sink.say(f"{found['source']}: {found['kind']} ({found['evidence']})")
    sink.say(f"{found['training_cases']} training and {found['test_cases']} test cases")
    for name, scheme in found["channels"].items():
        sink.say(f"channel {name}: normalisation {scheme}")
    back = {written: text for text, written in reversed(found["label_values"].items())}
    labels = [
        f"{name} {back.get(value, value)} → {value}" if isinstance(value, int) else f"{name} {value}"
        for name, value in found["labels"].items()
    ]
    shown = labels if sink.verbose else labels[:SHOWN_LABELS]
    told = ", ".join(shown) + (f" … {len(labels)} in all (-v shows them)" if len(shown) < len(labels) else "")
    guess = (
        f" (guessed from {found['labels_guessed_from']}; --labels overrides)" if found["labels_guessed_from"] else ""
    )
    sink.say(f"labels: {told}{guess}")
    sink.say(f"patients: {found['patients_in_words']}")
    if names := found["mapped_names"]:
        some = list(names.items())[: None if sink.verbose else SHOWN_NAMES]
        more = f" … {len(names)} in all (-v shows them)" if len(some) < len(names) else ""
        sink.say(f"names: {', '.join(f'{own!r} → {case}' for own, case in some)}{more}; restore gives them back")
    for note in (*found["notes"], *conversion.left_alone.in_words()):
        sink.say(f"note: {note}")
