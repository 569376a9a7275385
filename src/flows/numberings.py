"""Numberings of TotalSegmentator's tasks, for label maps that it made: convert gets the names, and imports nothing."""

from __future__ import annotations

from ..dataset.numbering import Numbering
from ..errors import Cure, SegconvError


def numbering_of(text: str) -> Numbering:
    """Return how TotalSegmentator numbers the classes of a task.

    Parameters
    ----------
    text
        ``TASK``, as the installed version numbers it, or ``TASK@VERSION`` if the label maps must be of that version,
        such as ``total@2.18``; ``total@1`` is the numbering of version 1, which later versions keep.

    Raises
    ------
    SegconvError
        ``SC190`` if TotalSegmentator is not installed, or numbers the task as another version does; ``SC191`` if it has
        no such task, with similar names.
    """
    from ..train.totalsegmentator import registry

    task, _, wanted = text.partition("@")
    if wanted.split(".")[0] == "1" and not task.endswith(_OF_VERSION_1):
        task += _OF_VERSION_1
    installed = registry.version()
    values = registry.numbering(task)
    if wanted and not task.endswith(_OF_VERSION_1) and not f"{installed}.".startswith(f"{wanted}."):
        raise SegconvError(
            f"TotalSegmentator {installed} is installed, and says nothing of how version {wanted} numbers {task}",
            code="SC190",
            hint=f"pip install TotalSegmentator=={wanted}",
            cures=(Cure.of("declare_by_table"),),
        )
    return Numbering(f"task {task} of TotalSegmentator {installed}", values)


_OF_VERSION_1 = "_v1"
