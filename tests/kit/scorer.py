"""Run a case through the command line and compare the outcome with everything that is promised."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from segconv.cli.main import run
from segconv.errors import CODES

from .case import Case, Convert, Reject, Warn, Words, source_of
from .made import Made
from .sources import FROM, KINDS, Place, fresh
from .topics import SEEN_IN_HEADERS

LIMIT_S = 20.0
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")

SLOT = re.compile(r"\.segconv-\d{3}(\.lock)?")
"""The staging folder and the lock: all that may stay."""


class Run:
    """One run of the command line."""

    def __init__(self, words: list[str]) -> None:
        out, err = io.StringIO(), io.StringIO()
        begin = time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = run(words)
        self.seconds = time.monotonic() - begin
        self.out, self.err = out.getvalue(), err.getvalue()

    def findings(self, severity: str) -> list[tuple[str, str]]:
        """Return code and text of the findings that were printed."""
        return re.findall(rf"^{severity} (SC\d{{3}}): (.*)$", self.err, re.MULTILINE)


def score(case: Case, folder: Path) -> list[str]:
    """Run a case in an empty folder; return what was wrong, nothing if all was right."""
    with placed(case, folder) as place:
        return _Score(case, place).wrong()


def outcomes(case: Case, folder: Path, variants: Sequence[Words]) -> list[tuple[object, ...]]:
    """Run a case with each of several sets of options; return exit code, words and every file that was made."""
    found: list[tuple[object, ...]] = []
    with placed(case, folder) as place:
        runs = _Score(case, place)
        for words in variants:
            done = runs.run(runs.words(*words))
            now = _datasets(_listing(folder))
            found.append((done.code, done.err, {name: now[name] for name in now.keys() - runs.before.keys()}))
            for path in runs.raw.iterdir():
                if str(path.relative_to(folder)) not in runs.before:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert not runs.reasons, runs.reasons
    return found


@contextlib.contextmanager
def placed(case: Case, folder: Path) -> Iterator[Place]:
    """Make the source of a case, and three empty folders, which the variables name for the time of the block."""
    place = fresh(folder, case.kind)
    for name in (*FOLDERS, "tmp"):
        (folder / name).mkdir()
    case.change(place)
    variables = {name: str(folder / name) for name in FOLDERS} | {"TMPDIR": str(folder / "tmp")}
    unset = ("SEGCONV_FAULT", "SEGCONV_DEBUG", "nnUNet_raw_data_base")
    with mock.patch.dict(os.environ, variables | {"XDG_CONFIG_HOME": "/nonexistent"}):
        for name in unset:
            os.environ.pop(name, None)
        with mock.patch.object(tempfile, "tempdir", str(folder / "tmp")):
            yield place


def command_line(case: Case, place: Place, *more: str, to: str | None = None, kind: bool = True) -> list[str]:
    """Return the words that convert the source of a case, or repair it."""
    words = [case.command, str(source_of(case, place)), "--to", to or case.to]
    if case.command == "convert" and kind:
        words += ["--from", FROM.get(case.kind, case.kind)]
    jobs = os.environ.get("SEGCONV_KIT_JOBS", "1")
    named = [word.replace("{folder}", str(place.folder)) for word in (*case.words, *more)]
    return [*words, "--jobs", jobs, "--no-fsync", *_own_words(case, named), *named]


def _own_words(case: Case, given: list[str]) -> list[str]:
    """Return the options of the good source but those that the case gives itself."""
    own = () if case.bare or case.command == "repair" else KINDS[case.kind].words
    pairs = [own[i : i + 2] for i in range(0, len(own), 2)]
    return [word for pair in pairs if pair[0] not in given for word in pair]


class _Score:
    """The runs of one case, and what was wrong with them."""

    def __init__(self, case: Case, place: Place) -> None:
        self.case, self.place = case, place
        self.raw = place.folder / "nnUNet_raw"
        self.reasons: list[str] = []
        self.before = _listing(place.folder)

    def wrong(self) -> list[str]:
        expect = self.case.expect
        if isinstance(expect, Reject):
            self._rejected(expect)
        else:
            self._converted(expect)
        if not self.reasons:
            self._cures()
        return self.reasons

    def words(self, *more: str, to: str | None = None, kind: bool = True) -> list[str]:
        return command_line(self.case, self.place, *more, to=to, kind=kind)

    def run(self, words: list[str], *, around: bool = True) -> Run:
        circumstances: Any = contextlib.nullcontext()
        if around and self.case.around is not None:
            circumstances = self.case.around(self.place)
        with circumstances:
            done = Run(words)
        self.need(done.seconds < LIMIT_S, f"took {done.seconds:.0f} s")
        self.need("Traceback" not in done.err + done.out, f"a traceback: {done.err[-300:]}")
        self.need("SC104" not in done.err + done.out, f"an internal error: {(done.err + done.out)[-300:]}")
        self.need(not any((self.place.folder / "tmp").iterdir()), "left files in TMPDIR")
        self.need(_listing(self.place.folder, but=FOLDERS[0]) == _but(self.before, FOLDERS[0]), "changed the source")
        return done

    def need(self, holds: bool, reason: str) -> None:
        if not holds and reason not in self.reasons:
            self.reasons.append(reason)

    def _rejected(self, expect: Reject) -> None:
        done = self.run(self.words())
        self.need(done.code in expect.exits, f"exit code {done.code}, expected {expect.exits}: {done.err[-600:]}")
        _two_lines(done, self)
        errors = done.findings("Error")
        self.need(
            _reported(errors, expect.codes, self._named(expect.file)), f"expected {expect}, reported {done.err[-600:]}"
        )
        self.nothing_made()
        if self.case.topic in SEEN_IN_HEADERS and "resample" not in self.case.words:  # which looks at voxels
            left = [path.name for path in self.raw.iterdir()]
            self.need(not left, f"left {left} although it was refused before anything was written")
        if self.reasons:
            return
        objects = self.run(self.words("--json"))
        self.need(objects.code == done.code, f"exit code {objects.code} with --json, {done.code} without")
        reported = self._json(objects, ok=False)
        self.need(
            _reported_json(reported, "error", expect.codes, self._named(expect.file)), f"not in --json: {reported}"
        )
        self.nothing_made()
        if self.case.detect:
            found = self.run(self.words(kind=False))
            self.need(found.code in expect.exits, f"without --from exit code {found.code}: {found.err[-600:]}")
            reported_errors = found.findings("Error")
            named = _reported(reported_errors, expect.codes, self._named(expect.file))
            self.need(named, f"without --from expected {expect}, reported {found.err[-600:]}")
            self.nothing_made()
        if self.case.again and list(self.raw.glob(".segconv-[0-9][0-9][0-9]")):
            self._again()

    def _again(self) -> None:
        """Once the source is fixed, the same command resumes."""
        shutil.copytree(self.place.root, self.place.folder / "broken", symlinks=True)
        fresh(self.place.folder, self.case.kind)
        done = Run(self.words())
        self.need(done.code == 0, f"after the repair exit code {done.code}: {done.err[-600:]}")
        self.need(not list(self.raw.glob(".segconv-[0-9][0-9][0-9]")), "the staging folder is still there")
        shutil.rmtree(self.place.root)
        (self.place.folder / "broken").rename(self.place.root)
        for made in self.raw.glob("Dataset005_*"):
            shutil.rmtree(made)
        self.before = _listing(self.place.folder)

    def _converted(self, expect: Convert | Warn) -> None:
        done = self.run(self.words("--json") if isinstance(expect, Convert) else self.words())
        self.need(done.code == 0, f"exit code {done.code}: {(done.err + done.out)[-600:]}")
        if done.code:
            return
        made = self._only_dataset()
        if made is None:
            return
        self._check(made, expect, done)
        if isinstance(expect, Warn):
            warnings = done.findings("Warning")
            named = self._named(expect.file)
            self.need(_reported(warnings, expect.codes, named), f"expected {expect}, reported {done.err[-600:]}")
            self.need(_in_lineage(made, expect.codes) is expect.recorded, "what is recorded is not as promised")
            shutil.rmtree(made)
            again = self.run(self.words("--json"))
            reported = self._json(again, ok=True)
            self.need(_reported_json(reported, "warning", expect.codes, named), f"not in --json: {reported}")
        if made.is_dir():
            shutil.rmtree(made)
        if self.case.detect:
            found = self.run(self.words(kind=False))
            self.need(found.code == 0, f"without --from exit code {found.code}: {found.err[-600:]}")
            if found.code == 0:
                self._check(made, expect, found)
                shutil.rmtree(made, ignore_errors=True)
        if isinstance(expect, Warn):
            strict = self.run(self.words("--strict"))
            expected = {CODES[code].exit_code for code in expect.codes}
            self.need(strict.code in expected, f"exit code {strict.code} with --strict")
            self.nothing_made()

    def _check(self, made: Path, expect: Convert | Warn, done: Run) -> None:
        try:
            expect.check(Made(made, self.place, done.err, done.out))
        except Exception as error:  # noqa: BLE001 - whatever a check meets is a fault of the result
            self.reasons.append(f"the result is wrong: {type(error).__name__}: {error}")

    def _only_dataset(self) -> Path | None:
        names = [path.name for path in self.raw.iterdir() if not SLOT.fullmatch(path.name)]
        new = [name for name in names if f"{FOLDERS[0]}/{name}" not in self.before]
        self.need(len(new) == 1, f"made {new}")
        self.need(not list(self.raw.glob(".segconv-[0-9][0-9][0-9]")), "left its staging folder")
        return self.raw / new[0] if len(new) == 1 else None

    def _cures(self) -> None:
        for words in self.case.cures:
            to = "7_Mended"
            done = self.run(self.words(*words, to=to), around=False)
            self.need(done.code == 0, f"{' '.join(words)}: exit code {done.code}: {done.err[-600:]}")
            made = self.raw / "Dataset007_Mended"
            if made.is_dir():
                self.need((made / "dataset.json").is_file(), "made a dataset without dataset.json")
                shutil.rmtree(made)
            for left in self.raw.glob(".segconv-007*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()

    def nothing_made(self) -> None:
        """Nothing but the staging folder and the lock may be there that was not there before."""
        now, before = _datasets(_listing(self.place.folder)), _datasets(self.before)
        self.need(now == before, f"left {sorted(now.keys() ^ before.keys())[:3]} in nnUNet_raw, or changed it")

    def _named(self, file: str | None) -> str | None:
        kind = KINDS[self.case.kind]
        return {"image": kind.image, "label": kind.label}.get(file or "", file)

    def _json(self, done: Run, *, ok: bool) -> list[dict[str, str]]:
        try:
            found = json.loads(done.out)
        except ValueError:
            self.reasons.append(f"--json printed no JSON: {done.out[-200:]!r}")
            return []
        self.need(found["ok"] is ok, f"ok is {found['ok']}")
        keys = {"code", "severity", "file", "message", "hint", "cures"}
        self.need(all(keys == finding.keys() for finding in found["findings"]), "findings with other keys")
        self.need(done.err == "", f"words with --json: {done.err[:200]!r}")
        return found["findings"]


def _two_lines(done: Run, reported: _Score) -> None:
    """Each error or warning is one line, and its hint the next."""
    lines = done.err.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(("Error ", "Warning ")):
            after = lines[number + 1] if number + 1 < len(lines) else ""
            reported.need(
                re.fullmatch(r"(Error|Warning) SC\d{3}: .+", line) is not None, f"a line of another form: {line}"
            )
            reported.need(after.startswith("Hint: ") and len(after) > 6, f"no hint after: {line}")


def _reported(findings: list[tuple[str, str]], codes: tuple[str, ...], file: str | None) -> bool:
    return any(code in codes and _names(text.split(": ")[0], file) for code, text in findings)


def _names(reported: str, file: str | None) -> bool:
    """Return whether a finding names a file, relative to the source or in full."""
    return file is None or reported.startswith(file) or f"/{file}" in reported


def _reported_json(found: list[dict[str, str]], severity: str, codes: tuple[str, ...], file: str | None) -> bool:
    return any(
        finding["severity"] == severity and finding["code"] in codes and _names(finding["file"], file)
        for finding in found
    )


def _in_lineage(made: Path, codes: tuple[str, ...]) -> bool:
    text = (made / "segconv" / "run.json").read_text("utf-8") + (made / "segconv" / "cases.jsonl").read_text("utf-8")
    return any(code in text for code in codes)


def _listing(folder: Path, *, but: str = "") -> dict[str, object]:
    """Return everything below a folder: contents and rights of files, targets of links."""
    return dict(_entries(folder, folder, but))


def _entries(folder: Path, top: Path, but: str) -> Iterator[tuple[str, object]]:
    for path in sorted(folder.iterdir()):
        name = str(path.relative_to(top))
        if name == but:
            continue
        mode = path.lstat().st_mode
        if path.is_symlink():
            yield name, os.readlink(path)
        elif path.is_dir():
            yield name, mode
            yield from _entries(path, top, but)
        elif path.is_file():
            yield name, (mode, path.read_bytes())
        else:
            yield name, mode


def _datasets(listing: dict[str, object]) -> dict[str, object]:
    """Return what is in nnUNet_raw except staging folders and locks."""
    raw = f"{FOLDERS[0]}/"
    return {
        name: what
        for name, what in listing.items()
        if name.startswith(raw) and not SLOT.fullmatch(name.removeprefix(raw).split("/")[0])
    }


def _but(listing: dict[str, object], folder: str) -> dict[str, object]:
    return {name: what for name, what in listing.items() if name != folder and not name.startswith(f"{folder}/")}
