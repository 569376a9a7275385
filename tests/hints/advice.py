"""What a hint leaves to who reads it, where nothing of it can be typed as it stands."""

from __future__ import annotations

import re

from .typed import Choice

CHOICES = re.compile(
    r"^(did you mean|similar:|its cases:|an example is|for example|known are|there are|-c|(the )?\w+( \w+)? are) "
)
"""Advice that names what can be written in place of what was."""
LISTED = re.compile(r"Did you mean|is not (one of|in the range|a valid)|such as ")
"""What a message says of the values that an option takes."""
EDITS = re.compile(
    r"^(add|ask|change|convert|copy|correct|cp|declare|draw|give|keep|label|leave|make|merge|move|name|number|plan|process|put"
    r"|remove|rename|repair|replace|resample|rotate|run|save|set|store|train|unset|use|wait|write) ",
)
"""Advice that names an edit, as of a list, a json or names of files."""
FETCHED = re.compile(r"\b(restore|download|export|git lfs pull|gunzip|replace|draw|leave|save|set|store)\b")
"""What to do with a file that only its owner can replace."""
FILES = {
    "SC010": "the file that names channels and labels is missing",
    "SC012": "a file that is named is missing",
    "SC030": "the system does not give the file",
    "SC033": "only the former file is what was trained on",
    "SC050": "the rest of a damaged file cannot be had from it",
    "SC051": "the file is not the data, which is elsewhere",
    "SC052": "the voxels are not in the file",
    "SC053": "nothing in the file says which part of its header is wrong",
    "SC054": "what a header says of its size cannot be true",
    "SC055": "nothing says which class a voxel of a label has that is not a number",
    "SC056": "colours and complex numbers have no intensity that a file alone decides",
    "SC057": "nothing in the file says where the image is",
    "SC058": "the rest of a damaged picture cannot be had from it",
    "SC059": "what follows the data may be a part of it",
    "SC071": "fractions were made by interpolation, which cannot be undone",
    "SC072": "nothing says what a negative value means",
    "SC073": "nothing says which of several channels a label is",
    "SC074": "masks that number classes differently cannot be brought together by their values",
    "SC075": "only who drew a mask knows whether it is complete",
    "SC077": "a constant image holds nothing to repair",
    "SC078": "the values of a mask are lost, or mean something else in each file",
    "SC079": "values were lost when the mask was stored",
    "SC082": "nothing says where voxels lie that another grid has",
    "SC083": "nothing says which of two grids is right",
    "SC084": "nothing in the file has the form of the others",
    "SC091": "the unit of intensities was lost when the image was stored",
}
"""Code → why nothing that can be typed cures it: only other files do."""
NOTHING = "nothing to do: "
"""What a warning says of what was done."""


def end_of(code: str, message: str, hint: str, offered: list[Choice]) -> str:
    """Return how a walk ends with a hint: a key of `ends.KINDS`.

    Parameters
    ----------
    code, message, hint
        Of the finding, as printed.
    offered
        The choices of the hint, none of which is typed without a decision.
    """
    if any("--help" not in choice.words for choice in offered) or (offered and LISTED.search(message)):
        return "question"
    if code in FILES and FETCHED.search(hint):
        return "file"
    return "question" if EDITS.match(hint) or CHOICES.match(hint) else "dead"
