"""Options of a conversion: one per field of `ConvertOptions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..convert.accepted import ORDERS, REPAIRS
from ..convert.sources.registry import KINDS
from ..image.formats.table import FORMATS, writable_of
from .completion import lists_of, words_of
from .help_pages import WRITTEN, grouped
from .options import PATH, bundled, link, option
from .types import LABELS, NAMES, SPACING, OneOf, in_one_list, value_map

if TYPE_CHECKING:
    from ..convert.model import ConvertOptions


def _options(**given: Any) -> ConvertOptions:
    from ..convert.model import ConvertOptions
    from ..dataset.numbering import Numbering

    if isinstance(given["labels"], Numbering):
        given |= {"labels": None, "numbering": given["labels"]}
    return ConvertOptions(**{field: value for field, value in given.items() if value is not None})


_known = "; ".join(f"{name}: {summary}" for name, summary in KINDS.items())
kind = option(
    "--from",
    "kind",
    metavar="KIND",
    shell_complete=words_of(KINDS),
    help=f"What the source is, if its files are not to decide. {_known}.",
)
repair = option(
    "--repair",
    type=NAMES,
    multiple=True,
    metavar="KIND",
    callback=in_one_list,
    shell_complete=lists_of(REPAIRS),
    help=f"Repair on the way: {', '.join(REPAIRS)}; may be repeated.",
)
nonfinite = option("--nonfinite", type=float, metavar="VALUE", help="Replace NaN and infinity in images with this.")

converting = bundled(
    "options",
    _options,
    *grouped(
        "Files and cases",
        option(
            "--images",
            multiple=True,
            metavar="GLOB",
            help="Files of a channel; repeated for several. {case} names a part.",
        ),
        option("--masks", metavar="GLOB", help="Files of the labels; of masks of classes, the NAME,… to take."),
        option(
            "--pairs",
            type=PATH,
            metavar="LIST",
            help="CSV or JSON: columns image (or image_1, image_2 … for channels), label, case, patient, split"
            " (train, test).",
        ),
        option(
            "--cases",
            metavar="NAME,…|FILE",
            help="Convert only these cases, by name or glob; or a CSV of old and new names.",
        ),
        option("--leave-out", "without", type=NAMES, metavar="NAME,…", help="Leave out these cases, by name or glob."),
        option("--case-names", type=click.Choice(["path"]), help="Name cases by their folders and file."),
        option("--patient-pattern", metavar="REGEX", help="Finds the patient in the name of a case."),
        option("--patients", type=PATH, metavar="CSV", help="Case and patient."),
        option("--unlabelled", type=click.Choice(["skip", "test"]), help="What to do with images that have no label."),
        option("--listed-only", is_flag=True, help="Leave out files that dataset.json does not list."),
        option("--frames", is_flag=True, help="Make a case of each frame, where image and label are 4D; one patient."),
        option("--allow-external", is_flag=True, help="Follow links that leave the source."),
        option(
            "--max-volume",
            type=click.IntRange(min=1),
            default=8 << 30,
            show_default="8 GiB",
            metavar="BYTES",
            help="Largest decoded file.",
        ),
    ),
    *grouped(
        "Labels",
        option(
            "--labels",
            type=LABELS,
            metavar="NAME=VALUE,…|FILE|totalseg:TASK",
            help="Values as in the files, ranges 1- or 1-99, colours #rrggbb or #rrggbbaa; or a table of ITK-SNAP,"
            " CVAT …; or a task of TotalSegmentator, which names its values.",
        ),
        option(
            "--keep",
            type=NAMES,
            metavar="NAME,…",
            help="Take only these classes, by name or pattern, such as liver,kidney*; the rest becomes background.",
        ),
        option(
            "--map",
            "value_map",
            multiple=True,
            metavar="VALUE=NAME",
            callback=value_map,
            help="Count a value or colour as a label; may be repeated.",
        ),
        option(
            "--snap",
            type=click.IntRange(min=0),
            default=0,
            metavar="N",
            help="Values no further off take the nearest label.",
        ),
        option("--accept-labels", is_flag=True, help="Take the values that are found as labels."),
        option(
            "--ignore",
            metavar="NAME|unlabelled",
            shell_complete=words_of(("unlabelled",)),
            help="The label that training leaves out; unlabelled: what is not drawn.",
        ),
    ),
    *grouped(
        "Masks of one class each",
        option(
            "--image",
            multiple=True,
            metavar="NAME",
            help="The image beside the masks; repeated for several channels.",
        ),
        option(
            "--mask-channels",
            type=NAMES,
            metavar="NAME,…",
            help="Classes whose masks are the channels or pages of one file, in order.",
        ),
        option("--unite-masks", is_flag=True, help="Numbered masks of one image, a_mask and a_mask_1, count as one."),
        option("--missing-masks", type=click.Choice(["empty"]), help="A mask that a case lacks counts as empty."),
        option(
            "--priority",
            type=NAMES,
            metavar="MASK,…",
            help="An overlap goes to the first of these, instead of being kept.",
        ),
        option(
            "--max-heads", type=click.IntRange(min=1), default=64, help="Most regions that overlapping masks become."
        ),
    ),
    *grouped(
        "Channels and grids",
        option(
            "--channels", type=NAMES, metavar="NAME,…", help="Channel names; CT decides another normalisation than MRI."
        ),
        option("--grey-to-rgb", is_flag=True, help="Pictures: write grey ones as RGB, their values three times."),
        option(
            "--drop-alpha",
            is_flag=True,
            help="Pictures: leave out their alpha, also transparent, or a last sample that a TIFF does not name.",
        ),
        option("--spacing", "spacing_mm", type=SPACING, metavar="X,Y,Z", help="In mm, of volumes stored as pictures."),
        option(
            "--slice-order",
            type=OneOf(ORDERS),
            help="Mask pictures of a volume, by name, follow the file names, InstanceNumbers or positions of its"
            " slices; reverse: from the last position to the first.",
        ),
        option(
            "--label-header", type=click.Choice(["image"]), help="A label on another grid takes the image's header."
        ),
        repair,
        nonfinite,
    ),
    *grouped(
        WRITTEN,
        option(
            "--format",
            "file_ending",
            type=OneOf(ending.removeprefix(".") for ending in writable_of(FORMATS)),
            callback=lambda _, __, name: name and f".{name}",
            help="Of the dataset's files; default: what changes least.",
        ),
        link,
        option(
            "--no-verify-source",
            "verify_source",
            is_flag=True,
            callback=lambda _, __, given: not given,
            help="Copy files that need no change without proving that they are intact.",
        ),
        option(
            "--strip-headers",
            is_flag=True,
            help="Encode every file again: no free text, extension, comment or EXIF is kept.",
        ),
    ),
)
"""The options of a conversion; the function gets `ConvertOptions`."""
