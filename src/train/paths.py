"""Create and find nnU-Net's three folders, and explain missing ones.

For each, an option takes precedence over the environment variable, and that over the settings file
(``$XDG_CONFIG_HOME/segconv/folders.json``, by default in ``~/.config``).
"""

from __future__ import annotations

import errno
import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import reading
from ..dataset.names import find_dataset
from ..errors import Cure, Finding, SegconvError, refuse_if_any, warning
from ..work import fsops
from ..work.home import config_home
from ..work.writing import writing
from .folder_values import meant, of_similar_name, problem

NAMES = {"raw": "nnUNet_raw", "preprocessed": "nnUNet_preprocessed", "results": "nnUNet_results"}
"""Our word → the environment variable, which is also the usual name of the folder."""

TRAINERS = "nnUNet_extTrainer"
"""The variable that names folders of trainers."""

SETTING = (("setPath.sh", 'export {}="{}"'), ("setPath.ps1", '$Env:{} = "{}"'), (".env", "{}={}"))
"""Files that set the variables, and the line that sets one."""

PURPOSE = {
    "raw": "datasets as they are converted",
    "preprocessed": "what nnU-Net makes of them for training",
    "results": "trained models",
}

LARGEST_SETTINGS = 1 << 20

_OUT_OF_REACH = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a file that does not exist or is out of this user's reach, as the home of another user is."""


@dataclass(frozen=True)
class Paths:
    """The three folders, each an absolute path or None.

    Parameters
    ----------
    raw, preprocessed, results
        Existing folders.
    origin
        Word → source of the value.
    problems
        Word → why its value cannot be used.
    values
        Word → unusable value.
    trainers
        Folders of which nnU-Net imports every module, to find trainers there.
    """

    raw: Path | None = None
    preprocessed: Path | None = None
    results: Path | None = None
    origin: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    trainers: tuple[Path, ...] = ()

    @classmethod
    def find(cls, *, raw: Path | None = None, preprocessed: Path | None = None, results: Path | None = None) -> Paths:
        """Return the configured folders; unusable values are kept as problems."""
        options = {"raw": raw, "preprocessed": preprocessed, "results": results}
        settings = read_settings()
        found: dict[str, Path] = {}
        origin: dict[str, str] = {}
        problems: dict[str, str] = {}
        values: dict[str, str] = {}
        for word, variable in NAMES.items():
            option = options[word]
            candidates = (
                (os.path.abspath(option) if option is not None else None, f"argument {word}"),
                (os.environ.get(variable), f"variable {variable}"),
                (settings.get(variable), f"settings file {settings_file()}"),
            )
            text, origin[word] = next(((text, where) for text, where in candidates if text), ("", ""))
            if not text:
                del origin[word]
            elif why := problem(text):
                problems[word], values[word] = f"{text!r} {why}", text
            else:
                found[word] = Path(text)
        return cls(found.get("raw"), found.get("preprocessed"), found.get("results"), origin, problems, values)

    def require(self, *words: str) -> Path:
        """Return the first of the folders, all of which must be usable.

        Raises
        ------
        SegconvError
            ``SC040``, with the value and its source.
        """
        for word in words:
            if getattr(self, word) is None:
                raise self._unusable(word)
        found: Path = getattr(self, words[0])
        return found

    def _unusable(self, word: str) -> SegconvError:
        variable = NAMES[word]
        if word in self.problems:
            # What a caller names counts before what could be set instead.
            typed = not self.origin[word].startswith(("variable ", "settings file "))
            return SegconvError(
                f"{self.origin[word]}: {self.problems[word]}",
                code="SC040",
                hint="make this folder, or give another" if typed else self.advice(word),
                cures=[] if typed else [Cure.of("make_folders")],
            )
        if similar := of_similar_name(variable, os.environ):
            return SegconvError(similar.message, code=similar.code, hint=similar.hint)
        return SegconvError(
            f"{variable} is not set: the folder for {PURPOSE[word]}",
            code="SC040",
            hint=f"source {shlex.quote(made)}" if (made := _made_here()) else "",
            cures=[Cure.of("make_folders"), Cure.of("name_folder", word=word)],
        )

    def advice(self, word: str) -> str:
        """Return what to do about the unusable value of a folder."""
        found = meant(self.values[word])
        value = f"the absolute path of a folder, without quotes{f': {found}' if found else ''}"
        return f"set {NAMES[word]} to {value}"

    def dataset(self, reference: str) -> Path:
        """Return the folder of a dataset; a path needs none of the three folders.

        Parameters
        ----------
        reference
            An id, a name, or a path.

        Raises
        ------
        SegconvError
            What `find_dataset` raises; ``SC040`` if the folder to search is not set or not usable.
        """
        try:
            return find_dataset(reference, self.raw)
        except SegconvError:
            if "raw" not in self.problems:
                raise
            if os.path.isdir(reference):
                return Path(os.path.realpath(reference))  # errors in it are reported when it is read
            return self.require("raw")

    def warnings(self, *words: str) -> tuple[Finding, ...]:
        """Return a warning for each of these folders with an unusable value."""
        return tuple(
            warning("SC040", f"{self.origin[word]}: {self.problems[word]}; it is ignored")
            for word in words
            if word in self.problems
        )

    def v1_tasks(self) -> Path:
        """Return the folder of nnU-Net v1's tasks: ``$nnUNet_raw_data_base/nnUNet_raw_data``, or next to nnUNet_raw.

        Raises
        ------
        SegconvError
            ``SC040`` if neither is set.
        """
        base = os.environ.get("nnUNet_raw_data_base")
        if not base:
            return self.require("raw").parent / "nnUNet_raw_data"
        why = problem(base)
        if why:
            raise SegconvError(
                f"variable nnUNet_raw_data_base: {base!r} {why}",
                code="SC040",
                hint="set nnUNet_raw_data_base to the absolute path of a folder, without quotes",
            )
        return Path(base) / "nnUNet_raw_data"

    def variables(self) -> dict[str, str]:
        """Return the variables of the three folders."""
        return {variable: str(getattr(self, word)) for word, variable in NAMES.items() if getattr(self, word)}


def _made_here() -> str | None:
    """Return a file that sets the variables, in the current folder or one in it; None if there is none."""
    name, _ = SETTING[0]
    return next((path for path in (name, *sorted(map(str, Path().glob(f"*/{name}")))) if reading.is_file(path)), None)


def settings_file() -> Path | None:
    """Return the path of the settings file, which need not exist; None for a user without a home."""
    base = config_home()
    return None if base is None else base / "segconv" / "folders.json"


def read_settings() -> dict[str, str]:
    """Return the settings; empty if the user can reach no settings file.

    Raises
    ------
    SegconvError
        ``SC042`` if the file exists but cannot be used.
    """
    path = settings_file()
    if path is None:
        return {}
    try:
        # A link is fine: the user keeps settings elsewhere. A pipe would block.
        found = json.loads(reading.whole(os.path.realpath(path), LARGEST_SETTINGS))
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            return {}
        raise SegconvError(f"cannot be read ({error.strerror})", code="SC042", file=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise _unusable_settings(path, f"is not JSON ({error})") from error
    except SegconvError as error:
        if error.code == "SC060":  # circular links
            return {}
        raise _unusable_settings(path, error.message) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _unusable_settings(path, "is not an object of names and paths")
    return found


def _unusable_settings(path: Path, why: str) -> SegconvError:
    return SegconvError(why, code="SC042", file=str(path), hint="remove it", cures=[Cure.of("remember_folders")])


def init_folders(root: Path, *, remember: bool = False) -> Paths:
    """Create the three folders and the files that set the variables.

    Parameters
    ----------
    root
        Folder to create ``nnUNet_raw``, ``nnUNet_preprocessed``, ``nnUNet_results``, and
        ``setPath.sh``, ``setPath.ps1`` and ``.env`` in.
    remember
        Also write the settings file, so that no variables are needed.

    Raises
    ------
    Refused
        ``SC020`` if one of these files exists and sets something else.
    SegconvError
        ``SC040`` for a path that shells would misread; ``SC042`` for settings that cannot be used; ``SC03x``.
    """
    root = root.absolute()
    if any(c in str(root) for c in "\"'\n\r$`\\"):
        raise SegconvError(f"{str(root)!r} has quotes or other characters that shells interpret", code="SC040")
    folders = {variable: root / variable for variable in NAMES.values()}
    remembered = _replaceable_settings() if remember else None
    settings = read_settings() if remembered is not None else {}
    missing = _missing_files(root, folders)
    with writing(root):
        for folder in folders.values():
            fsops.mkdir(folder)
        for path, data in missing.items():
            fsops.create(path, data)
        if remembered is not None:
            fsops.mkdir(remembered.parent)
            settings |= {variable: str(folder) for variable, folder in folders.items()}
            fsops.write_atomic(Path(os.path.realpath(remembered)), (json.dumps(settings, indent=2) + "\n").encode())
    return Paths(folders["nnUNet_raw"], folders["nnUNet_preprocessed"], folders["nnUNet_results"])


def _replaceable_settings() -> Path:
    """Return the path of the settings; refuse an existing file that cannot be read, and so not replaced."""
    path = settings_file()
    if path is None:
        raise SegconvError(
            "no home folder is known to keep settings in",
            code="SC042",
            hint="export XDG_CONFIG_HOME, the absolute path of a folder for settings",
            cures=[Cure.of("do_not_remember")],
        )
    if not read_settings() and os.path.lexists(path) and not os.access(path, os.R_OK):
        raise SegconvError(
            "exists and cannot be read, and is not replaced",
            code="SC042",
            file=str(path),
            hint="check its permissions, or move it away",
        )
    return path


def _missing_files(root: Path, folders: Mapping[str, Path]) -> dict[Path, bytes]:
    """Return the missing files that set the variables; refuse existing ones that set something else."""
    files = {
        root / name: "".join(f"{line.format(variable, folder)}\n" for variable, folder in folders.items()).encode()
        for name, line in SETTING
    }
    missing = {path: data for path, data in files.items() if not os.path.lexists(path)}
    refuse_if_any(
        _other_content(path) for path, data in files.items() if path not in missing and not _holds(path, data)
    )
    return missing


def _holds(path: Path, wanted: bytes) -> bool:
    try:
        return reading.whole(reading.in_real_folder(path), LARGEST_SETTINGS) == wanted
    except (OSError, SegconvError):  # a folder, a link, a pipe
        return False


def _other_content(path: Path) -> Finding:
    return Finding(
        "SC020",
        "already exists with other content, and is not replaced",
        file=str(path),
        hint="move it away",
        cures=(Cure.of("name_folders"),),
    )
