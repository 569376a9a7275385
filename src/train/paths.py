"""nnU-Net's three folders: made, found, and explained when they are not.

For each, an option beats the environment variable, which beats the settings file
(``$XDG_CONFIG_HOME/segconv/folders.json``, by default in ``~/.config``).
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from .. import reading
from ..dataset.names import find_dataset
from ..errors import Finding, SegconvError, refuse_if_any, warning
from ..work import fsops
from ..work.home import config_home
from ..work.staging import writing

NAMES = {"raw": "nnUNet_raw", "preprocessed": "nnUNet_preprocessed", "results": "nnUNet_results"}
"""Our word → the environment variable, which is also the usual name of the folder."""

SETTING = (("setPath.sh", 'export {}="{}"'), ("setPath.ps1", '$Env:{} = "{}"'), (".env", "{}={}"))
"""Files that set the variables, and the line that sets one."""

PURPOSE = {
    "raw": "datasets as they are converted",
    "preprocessed": "what nnU-Net makes of them for training",
    "results": "trained models",
}

LARGEST_SETTINGS = 1 << 20

_OUT_OF_REACH = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG)
"""What the system says of a file that is not there, or that this user cannot get at: a home may be somebody else's."""

INIT_HINT = "segconv paths init ROOT makes all three"


@dataclass(frozen=True)
class Paths:
    """The three folders, each an absolute path or None.

    Parameters
    ----------
    raw, preprocessed, results
        Existing folders.
    origin
        Word → where the value comes from.
    problems
        Word → why a value that is set cannot be used.
    """

    raw: Path | None = None
    preprocessed: Path | None = None
    results: Path | None = None
    origin: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, *, raw: Path | None = None, preprocessed: Path | None = None, results: Path | None = None) -> Paths:
        """Return what is set, each value judged but none insisted on."""
        given = {"raw": raw, "preprocessed": preprocessed, "results": results}
        settings = read_settings()
        found: dict[str, Path] = {}
        origin: dict[str, str] = {}
        problems: dict[str, str] = {}
        for word, variable in NAMES.items():
            option = given[word]
            if option is not None:
                text, origin[word] = os.path.abspath(option), f"option --{word}"
            elif os.environ.get(variable):
                text, origin[word] = os.environ[variable], f"variable {variable}"
            elif settings.get(variable):
                text, origin[word] = settings[variable], f"settings file {settings_file()}"
            else:
                continue
            problem = _problem(text)
            if problem:
                problems[word] = f"{text!r} {problem}"
            else:
                found[word] = Path(text)
        return cls(found.get("raw"), found.get("preprocessed"), found.get("results"), origin, problems)

    def require(self, *words: str) -> Path:
        """Return the first of the folders, all of which must be usable.

        Raises
        ------
        SegconvError
            ``SC040``, with what is set and where that comes from.
        """
        for word in words:
            if getattr(self, word) is None:
                variable = NAMES[word]
                if word in self.problems:
                    raise SegconvError(
                        f"{self.origin[word]}: {self.problems[word]}",
                        code="SC040",
                        hint=f"set {variable} to an absolute path of a folder, without quotes; or {INIT_HINT}",
                    )
                raise SegconvError(
                    f"{variable} is not set: the folder for {PURPOSE[word]}",
                    code="SC040",
                    hint=f"{INIT_HINT}; or give --{word}, or export {variable}",
                )
        found: Path = getattr(self, words[0])
        return found

    def dataset(self, reference: str) -> Path:
        """Return the folder of a dataset; one that is given as a path needs none of the three folders.

        Parameters
        ----------
        reference
            An id, a name, or a path.

        Raises
        ------
        SegconvError
            What `find_dataset` raises; ``SC040`` if it would have to look where nothing usable is set.
        """
        try:
            return find_dataset(reference, self.raw)
        except SegconvError:
            if "raw" not in self.problems:
                raise
            if os.path.isdir(reference):
                return Path(os.path.realpath(reference))  # whoever reads it tells what it lacks
            return self.require("raw")

    def warnings(self, *words: str) -> tuple[Finding, ...]:
        """Return a warning for each of these folders that is set to something that cannot be used."""
        return tuple(
            warning("SC040", f"{self.origin[word]}: {self.problems[word]}; it is not looked at")
            for word in words
            if word in self.problems
        )

    def v1_tasks(self) -> Path:
        """Return where nnU-Net v1 keeps its tasks: ``$nnUNet_raw_data_base/nnUNet_raw_data``, or beside nnUNet_raw.

        Raises
        ------
        SegconvError
            ``SC040`` if neither is set.
        """
        base = os.environ.get("nnUNet_raw_data_base")
        if not base:
            return self.require("raw").parent / "nnUNet_raw_data"
        problem = _problem(base)
        if problem:
            raise SegconvError(
                f"variable nnUNet_raw_data_base: {base!r} {problem}",
                code="SC040",
                hint="set nnUNet_raw_data_base to an absolute path of a folder, without quotes",
            )
        return Path(base) / "nnUNet_raw_data"

    def variables(self) -> dict[str, str]:
        """Return the environment that nnU-Net needs."""
        return {variable: str(getattr(self, word)) for word, variable in NAMES.items() if getattr(self, word)}


def settings_file() -> Path | None:
    """Return where the settings file is, be it there or not; None for a user without a home."""
    base = config_home()
    return None if base is None else base / "segconv" / "folders.json"


def read_settings() -> dict[str, str]:
    """Return the settings file; empty if there is none that this user can reach.

    Raises
    ------
    SegconvError
        ``SC042`` if it is there and cannot be used.
    """
    path = settings_file()
    if path is None:
        return {}
    hint = "remove it, and run segconv paths init ROOT --remember"
    try:
        # A link is fine: who keeps settings elsewhere put it there. A pipe would be waited for.
        found = json.loads(reading.whole(os.path.realpath(path), LARGEST_SETTINGS))
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            return {}
        raise SegconvError(f"cannot be read ({error.strerror})", code="SC042", file=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise SegconvError(f"is no JSON ({error})", code="SC042", file=str(path), hint=hint) from error
    except SegconvError as error:
        if error.code == "SC060":  # links in a circle
            return {}
        raise SegconvError(error.message, code="SC042", file=str(path), hint=hint) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SegconvError("is no object of names and paths", code="SC042", file=str(path), hint=hint)
    return found


def init_folders(root: Path, *, remember: bool = False) -> Paths:
    """Make the three folders and the files that set the variables.

    Parameters
    ----------
    root
        Folder that gets ``nnUNet_raw``, ``nnUNet_preprocessed``, ``nnUNet_results``, and
        ``setPath.sh``, ``setPath.ps1`` and ``.env``.
    remember
        Write the settings file too, so that no variable is needed.

    Raises
    ------
    Refused
        ``SC020`` if one of these files is there already and sets something else.
    SegconvError
        ``SC040`` for a path that shells would misread; ``SC042`` for settings that cannot be used; ``SC03x``.
    """
    root = root.absolute()
    if any(c in str(root) for c in "\"'\n\r$`\\"):
        raise SegconvError(f"{str(root)!r} has quotes or other characters that shells take for their own", code="SC040")
    folders = {variable: root / variable for variable in NAMES.values()}
    remembered = settings_file() if remember else None
    if remember and remembered is None:
        raise SegconvError(
            "there is no home folder that settings could be kept in",
            code="SC042",
            hint="leave out --remember; or export XDG_CONFIG_HOME, an absolute path of a folder for settings",
        )
    settings = read_settings() if remembered is not None else {}  # which refuses a file of somebody else
    if remembered is not None and not settings and os.path.lexists(remembered) and not os.access(remembered, os.R_OK):
        raise SegconvError(
            "is there and cannot be read, and is not replaced",
            code="SC042",
            file=str(remembered),
            hint="check its rights, or move it away",
        )
    files = {
        root / name: "".join(f"{line.format(variable, folder)}\n" for variable, folder in folders.items()).encode()
        for name, line in SETTING
    }
    missing = {path: data for path, data in files.items() if not os.path.lexists(path)}
    refuse_if_any(
        other
        for path, data in files.items()
        if path not in missing and (other := _other_content(path, data)) is not None
    )
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


def _other_content(path: Path, wanted: bytes) -> Finding | None:
    """Return the error for a file that is there and sets something else, which is kept."""
    try:
        if reading.whole(reading.in_real_folder(path), LARGEST_SETTINGS) == wanted:
            return None
    except (OSError, SegconvError):  # a folder, a link, a pipe
        pass
    return Finding(
        "SC020",
        "is there already with other content, and is not replaced",
        file=str(path),
        hint="move it away, or leave it and run segconv with --raw, --preprocessed and --results",
    )


def _problem(text: str) -> str | None:
    """Return why a value cannot be one of the folders."""
    if text[:1] in "\"'" or text[-1:] in "\"'":
        return "has quotes around it, which are part of the value"
    if not os.path.isabs(text):
        return "is not absolute"
    if not os.path.isdir(text):
        return "is no folder"
    return None
