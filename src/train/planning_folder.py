"""A folder in which nnU-Net plans and preprocesses a dataset, before the result takes its place in one go.

nnU-Net writes into the preprocessed dataset step by step, and deletes cases before it makes them again. Stopped in
between, it leaves new plans with old cases, which it would later train on. So it works in a folder next to the
datasets, and only what is complete is moved. What a stopped run had finished is kept for the next one.

The plans are the last to arrive: without them, nothing trains. A run that was killed while it moved is completed
by the next one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..dataset.strictjson import dumps, loads, read_file
from ..errors import SegconvError
from ..typed import Misfit, file_name, many
from ..work import fsops
from ..work.plan import hidden_name
from ..work.writing import writing

_BEGUN, _READY = "begun", "ready.json"
_SIGN = b"segconv: nnU-Net plans a dataset here\n"
_LAST = f"{_READY} {_BEGUN}"
"""What is removed last, in this order: each says what the rest is."""
_NEW, _OLD, _EARLIER = "new", "old", "earlier"


class PlanningFolder:
    """The folder for one dataset; a lock keeps other runs out.

    Parameters
    ----------
    preprocessed
        ``nnUNet_preprocessed``.
    dataset
        Name of the dataset's folder.
    """

    def __init__(self, preprocessed: Path, dataset: str) -> None:
        self.final = preprocessed / dataset
        self.folder = preprocessed / hidden_name(f"plan-{dataset}")
        self.preprocessed = self.folder / _NEW
        """``nnUNet_preprocessed`` of nnU-Net's processes."""
        self.made = self.preprocessed / dataset
        self.earlier = self.folder / _EARLIER / dataset
        """What an interrupted run made."""

    def begin(self) -> None:
        """Make the folder, after completing what a killed run was moving; `earlier` is what another left.

        Raises
        ------
        SegconvError
            ``SC021`` if the folder is not segconv's; ``SC031``, ``SC032`` if the system refuses.
        """
        self._refuse_foreign()
        if os.path.lexists(self.folder / _READY):
            self.abandon()
        with writing(self.folder):
            fsops.mkdir(self.folder)
            if not os.path.lexists(self.folder / _BEGUN):
                fsops.create(self.folder / _BEGUN, _SIGN)
            if os.path.lexists(self.preprocessed):
                _remove_tree(self.folder / _EARLIER)
                fsops.rename(self.preprocessed, self.folder / _EARLIER)
            fsops.mkdir(self.made)

    def put_in_place(self, names: Iterable[str]) -> None:
        """Let what was made take its place, and remove the folder with all that was replaced.

        Parameters
        ----------
        names
            Files and folders, relative to `made`; the plans last.
        """
        with writing(self.folder):
            fsops.write_atomic(self.folder / _READY, dumps(list(names)), sync=True)
            self._move()
        self.remove()

    def abandon(self) -> None:
        """Remove what an interrupted run left; complete what a killed run was moving."""
        self._refuse_foreign()
        if os.path.lexists(self.folder / _READY):
            with writing(self.folder):
                self._move()
        self.remove()

    def remove(self) -> None:
        """Remove the folder, whatever is in it; do nothing if it does not exist."""
        if os.path.lexists(self.folder):
            self._refuse_foreign()
            with writing(self.folder):
                for path in sorted(self.folder.iterdir(), key=lambda path: _LAST.find(path.name)):
                    _remove_tree(path)
                fsops.rmdir(self.folder)

    @classmethod
    def of_number(cls, preprocessed: Path, slot: str) -> list[PlanningFolder]:
        """Return the folders that exist for a dataset's number, such as ``"042"``."""
        start = hidden_name(f"plan-Dataset{slot}_").removesuffix(f"Dataset{slot}_")
        return [
            cls(preprocessed, path.name.removeprefix(start))
            for path in sorted(preprocessed.glob(f"{start}Dataset{slot}_*"))
            if path.is_dir()
        ]

    def _move(self) -> None:
        names = self._ready()
        fsops.mkdir(self.final)
        for name in (names[-1], *names):  # without its plans, nothing trains on a half-replaced dataset
            self._set_aside(name)
        for name in names:
            if os.path.lexists(self.made / name):
                fsops.mkdir((self.final / name).parent)
                fsops.rename_new(self.made / name, self.final / name)
        fsops.sync_folder(self.final)

    def _set_aside(self, name: str) -> None:
        """Move what is replaced out of the way, once."""
        aside = self.folder / _OLD / name
        if os.path.lexists(self.made / name) and os.path.lexists(self.final / name) and not os.path.lexists(aside):
            fsops.mkdir(aside.parent)
            fsops.rename(self.final / name, aside)

    def _ready(self) -> list[str]:
        path = self.folder / _READY
        try:
            return many(_path, least=1)(loads(read_file(path)))
        except Misfit as misfit:
            raise SegconvError(f"is not a list of files: {misfit}", code="SC086", file=str(path)) from None

    def _refuse_foreign(self) -> None:
        if not os.path.lexists(self.folder):
            return
        ours = self.folder.is_dir() and not self.folder.is_symlink()
        if not ours or (any(self.folder.iterdir()) and not (self.folder / _BEGUN).is_file()):
            raise SegconvError(
                "is not a folder that segconv made; it is not touched",
                code="SC021",
                file=str(self.folder),
                hint="move it away",
            )


def _path(value: object) -> str:
    parts = value.split("/") if isinstance(value, str) else [value]
    return "/".join(file_name(part) for part in parts)


def _remove_tree(path: Path) -> None:
    """Remove a file, link, or folder with all that is in it; links are not followed."""
    if path.is_dir() and not path.is_symlink():
        for entry in sorted(path.iterdir()):
            _remove_tree(entry)
        fsops.rmdir(path)
    else:
        fsops.unlink(path)
