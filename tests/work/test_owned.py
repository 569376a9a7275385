"""Nothing that segconv did not write is removed or replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from segconv.errors import SegconvError
from segconv.work import begun, fsops, owned, staging
from segconv.work.plan import Plan
from segconv.work.run import abort, execute
from segconv.work.run_options import RunOptions

from . import tasks
from .tasks import listing, make_plan, tree


def refused(plan: Plan, code: str, **how: bool) -> SegconvError:
    with pytest.raises(SegconvError) as caught:
        execute(plan, tasks.copy, listing, RunOptions(**how))
    assert caught.value.code == code
    return caught.value


def add_file(folder: Path) -> str:
    (folder / "notes.txt").write_text("mine")
    return "notes.txt"


def add_deep_file(folder: Path) -> str:
    (folder / "data" / "mine").mkdir()
    (folder / "data" / "mine" / "notes.txt").write_text("mine")
    return "data/mine/notes.txt"


def add_folder(folder: Path) -> str:
    (folder / "mine").mkdir()
    return "mine"


def add_link(folder: Path) -> str:
    (folder / "link").symlink_to("/etc/hostname")
    return "link"


def add_fifo(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return "pipe"


def add_hidden(folder: Path) -> str:
    (folder / ".tmp-notes").write_text("mine")
    return ".tmp-notes"


def add_temporary(folder: Path) -> str:
    (folder / "data" / ".tmp-0123456789abcdef-1.bin").write_text("mine")
    return "data/.tmp-0123456789abcdef-1.bin"


def change_file(folder: Path) -> str:
    path = folder / "data" / "1.bin"
    path.write_bytes(bytes(len(path.read_bytes())))
    return "data/1.bin"


def link_for_file(folder: Path) -> str:
    path = folder / "data" / "1.bin"
    path.rename(folder.parent / "kept.bin")
    path.symlink_to(folder.parent / "kept.bin")
    return "data/1.bin"


def link_for_folder(folder: Path) -> str:
    (folder / "data").rename(folder.parent / "elsewhere")
    (folder / "data").symlink_to(folder.parent / "elsewhere")
    return "data"


STRANGERS = [add_file, add_deep_file, add_folder, add_link, add_fifo, add_hidden, add_temporary]
CHANGES = [*STRANGERS, change_file, link_for_file, link_for_folder]


@pytest.mark.parametrize("change", CHANGES)
def test_a_target_is_replaced_only_if_all_of_it_is_as_it_was_written(
    tmp_path: Path, change: Callable[[Path], str]
) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    name = change(plan.target.path)
    before = tree(plan.target.path.parent)
    error = refused(plan, "SC020", overwrite=True)
    assert name in error.message
    assert tree(plan.target.path.parent) == before
    assert not plan.target.staging.exists()


def test_a_file_that_has_another_name_elsewhere_may_differ(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    path = plan.target.path / "data" / "0.bin"
    path.write_bytes(b"changed in the source that it is linked to")
    os.link(path, tmp_path / "source.bin")
    execute(plan, tasks.copy, listing, RunOptions(overwrite=True))
    assert (tmp_path / "source.bin").read_bytes() == b"changed in the source that it is linked to"


def test_what_appears_in_a_target_during_the_run_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)

    def late(results: object, staged: staging.Staged) -> list[object]:
        add_file(plan.target.path)
        return listing(results, staged)  # type: ignore[arg-type]

    with pytest.raises(SegconvError, match=r"notes\.txt") as caught:
        execute(plan, tasks.copy, late, RunOptions(overwrite=True))  # type: ignore[arg-type]
    assert caught.value.code == "SC020"
    assert (plan.target.path / "notes.txt").read_text() == "mine"
    (plan.target.path / "notes.txt").unlink()
    assert execute(plan, tasks.copy, listing, RunOptions(overwrite=True)).reused == 3


def test_foreign_folders_and_links_are_never_replaced(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    other = tmp_path / "other"
    execute(plan, tasks.copy, listing)
    plan.target.path.rename(other)
    plan.target.path.symlink_to(other)
    before = tree(other)
    refused(plan, "SC020", overwrite=True)
    refused(plan, "SC020")
    plan.target.path.unlink()
    plan.target.path.mkdir()
    add_file(plan.target.path)
    refused(plan, "SC020", overwrite=True)
    assert tree(other) == before
    assert tree(plan.target.path) == {"notes.txt": b"mine"}


def unfinished(tmp_path: Path) -> Plan:
    plan = make_plan(tmp_path)
    with pytest.raises(SegconvError):
        execute(plan, tasks.one_fails, listing)
    return plan


def add_planned(folder: Path) -> str:
    (folder / "data" / "1.bin").write_text("mine")  # of the case that failed
    return "data/1.bin"


def add_planned_link(folder: Path) -> str:
    (folder / "more" / "1.bin").symlink_to("/etc/hostname")
    return "more/1.bin"


def add_of_the_whole(folder: Path) -> str:
    (folder / "index").write_text("mine")
    return "index"


@pytest.mark.parametrize("change", [*STRANGERS, add_planned, add_planned_link, add_of_the_whole])
@pytest.mark.parametrize("key", ["k", "other"])
def test_an_unfinished_run_is_not_mixed_with_foreign_files(
    tmp_path: Path, change: Callable[[Path], str], key: str
) -> None:
    plan = unfinished(tmp_path)
    name = change(plan.target.staging)
    before = tree(plan.target.staging)
    again = make_plan(tmp_path, key=key)
    for restart in (False, True):
        error = refused(again, "SC021", restart=restart)
        assert name in error.message
    with pytest.raises(SegconvError, match=name) as caught:
        abort(plan.target)
    assert caught.value.code == "SC021"
    assert tree(plan.target.staging) == before
    stranger = plan.target.staging / name.removesuffix("/notes.txt")
    shutil.rmtree(stranger) if stranger.is_dir() and not stranger.is_symlink() else stranger.unlink()
    assert execute(make_plan(tmp_path), tasks.copy, listing).done == 3


@pytest.mark.parametrize("change", [add_planned, add_planned_link, add_of_the_whole])
def test_what_takes_the_name_of_an_output_during_the_run_stays(
    tmp_path: Path, change: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, names = make_plan(tmp_path), []
    name_outputs = staging.name_outputs

    def late(folder: Path, *what: object) -> None:
        if not names and what:
            names.append(change(folder))
        name_outputs(folder, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(staging, "name_outputs", late)
    with pytest.raises(SegconvError) as caught:
        execute(plan, tasks.copy, listing)
    assert caught.value.code in ("SC020", "SC021")
    (name,) = names
    assert name in f"{caught.value.file} {caught.value.message}"
    path = plan.target.staging / name
    assert path.is_symlink() or path.read_text() == "mine"
    assert refused(plan, "SC021").message.startswith(f"holds {name},")
    path.unlink()
    assert execute(plan, tasks.copy, listing).done == 3


@pytest.mark.parametrize("kind", ["link", "file", "folder"])
def test_what_has_the_name_of_a_staging_folder_is_left_untouched(tmp_path: Path, kind: str) -> None:
    plan = make_plan(tmp_path)
    other, at = tmp_path / "other", plan.target.staging
    other.mkdir()
    (other / "plan.json").write_text("{}")
    at.parent.mkdir()
    if kind == "link":
        at.symlink_to(other)
    elif kind == "file":
        at.write_text("mine")
    else:
        other.rename(at)
    before = tree(tmp_path)
    for restart in (False, True):
        refused(plan, "SC021", restart=restart)
    with pytest.raises(SegconvError) as caught:
        abort(plan.target)
    assert caught.value.code == "SC021"
    assert tree(tmp_path) == before
    assert at.is_symlink() == (kind == "link")


@pytest.mark.parametrize("name", [begun.PLAN, begun.JOURNAL, begun.FILE])
def test_the_records_of_a_run_are_not_links(tmp_path: Path, name: str) -> None:
    plan = unfinished(tmp_path)
    (plan.target.staging / name).rename(tmp_path / "elsewhere")
    (plan.target.staging / name).symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path)
    refused(plan, "SC021")
    with pytest.raises(SegconvError):
        abort(plan.target)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("text", ["mine", "process 1 on host\nand more"])
def test_a_file_that_has_the_name_of_a_lock_is_left_untouched(tmp_path: Path, text: str) -> None:
    plan = make_plan(tmp_path)
    plan.target.lock.parent.mkdir()
    plan.target.lock.write_text(text)
    refused(plan, "SC021")
    assert plan.target.lock.read_text() == text
    plan.target.lock.write_text("process 1 on host")  # as a run leaves it that was killed
    assert execute(plan, tasks.copy, listing).done == 3


def test_a_link_or_a_pipe_that_has_the_name_of_a_lock_is_refused(tmp_path: Path) -> None:
    plan = make_plan(tmp_path)
    plan.target.lock.parent.mkdir()
    plan.target.lock.symlink_to(tmp_path / "nothing")
    refused(plan, "SC031")
    plan.target.lock.unlink()
    os.mkfifo(plan.target.lock)
    refused(plan, "SC021")
    assert not (tmp_path / "nothing").exists()


def killed_at(number: int, staged: Path, name: str) -> Callable[..., None]:
    """A change of the disk that is the last of a process: the Nth in a staging folder, or of it."""
    real: Callable[..., None] = getattr(fsops, name)

    def change(*paths: str | Path) -> None:
        first = Path(paths[0])
        if staged in (first, first.parent) and next(_calls) == number:
            raise KeyboardInterrupt
        real(*paths)

    return change


_calls = iter(range(0))


def test_a_run_killed_at_its_last_step_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(tmp_path)
    for number in (1, 2, 3, 4):  # journal, plan, list, rename
        with monkeypatch.context() as patch:
            patch.setitem(globals(), "_calls", iter(range(1, 100)))
            for name in ("unlink", "rename_new"):
                patch.setattr(fsops, name, killed_at(number, plan.target.staging, name))
            with pytest.raises(SegconvError, match="interrupted"):
                execute(plan, tasks.copy, listing)
        assert plan.target.staging.is_dir()
    assert execute(plan, tasks.copy, listing).done == 3
    assert [p.name for p in plan.target.path.parent.iterdir()] == ["Dataset007_Kit"]


@pytest.mark.parametrize("number", range(1, 11))
def test_what_was_replaced_is_removed_by_the_next_run_if_the_first_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    plan = make_plan(tmp_path)
    execute(plan, tasks.copy, listing)
    remove = staging.owned.remove

    def killed(folder: Path, *which: object, **last: object) -> list[str]:
        if begun.read(folder) is None:
            monkeypatch.setattr(fsops, "unlink", every("unlink"))
            monkeypatch.setattr(fsops, "rmdir", every("rmdir"))
        return remove(folder, *which, **last)  # type: ignore[arg-type]

    left = iter(range(1, 100))

    def every(name: str) -> Callable[[Path], None]:
        real: Callable[[Path], None] = getattr(fsops, name)

        def change(path: Path) -> None:
            if next(left) == number:
                raise KeyboardInterrupt
            real(path)

        return change

    with monkeypatch.context() as patch:
        patch.setattr(staging.owned, "remove", killed)
        patch.setattr(staging, "LAST", ("index",))
        with pytest.raises(SegconvError, match="interrupted"):
            execute(plan, tasks.copy, listing, RunOptions(overwrite=True))
    monkeypatch.undo()
    assert plan.target.staging.is_dir()
    assert execute(plan, tasks.copy, listing, RunOptions(overwrite=True)).done == 3
    assert [p.name for p in plan.target.path.parent.iterdir()] == ["Dataset007_Kit"]


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path, linked: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / "pipe"
    if linked:
        path = tmp_path / "link"
        path.symlink_to("pipe")
    with pytest.raises(SegconvError) as caught:
        owned.file_sha256(path)
    assert caught.value.code == "SC061"


def without_mark(staging_folder: Path) -> None:
    """Make a staging folder what the first version left: a list of all outputs and no mark, and names without one."""
    listed = sorted(begun.read(staging_folder) or ())
    (mark,) = [entry for entry in listed if entry.startswith(fsops.MARK)]
    outputs = {entry for entry in listed if entry != mark} | {f"data/{n}.bin" for n in range(3)}
    lines = ["segconv staging folder, format 1", *sorted(outputs)]
    (staging_folder / begun.FILE).write_bytes(b"".join(os.fsencode(line) + b"\0" for line in lines))
    for path in list(staging_folder.rglob(f"{mark}*")):
        path.unlink()
    (staging_folder / "data" / ".tmp-0123456789abcdef-1.bin").write_bytes(b"half")
    (staging_folder / ".tmp-0123456789abcdef-plan.json").write_bytes(b"{")


def test_an_unfinished_run_of_the_first_version_resumes_or_is_removed(tmp_path: Path) -> None:
    plan = unfinished(tmp_path)
    without_mark(plan.target.staging)
    kept = tmp_path / "kept"
    shutil.copytree(plan.target.staging, kept)
    assert execute(make_plan(tmp_path), tasks.copy, listing).reused == 2
    assert not list(plan.target.path.rglob(".tmp-*"))
    shutil.rmtree(plan.target.path)
    kept.rename(plan.target.staging)
    assert abort(plan.target)
    assert not plan.target.staging.exists()


@pytest.mark.parametrize(
    "name", ["data/.tmp-0123456789abcdef-9.bin", "data/.tmp-0123456789abcdef", ".tmp-0123456789abcdef-notes"]
)
def test_what_its_list_does_not_account_for_stays(name: str, tmp_path: Path) -> None:
    plan = unfinished(tmp_path)
    without_mark(plan.target.staging)
    (plan.target.staging / name).write_text("mine")
    assert name in refused(make_plan(tmp_path), "SC021").message
    with pytest.raises(SegconvError):
        abort(plan.target)
    assert (plan.target.staging / name).read_text() == "mine"


def test_a_run_without_any_list_is_said_to_be_of_another_version_and_stays(tmp_path: Path) -> None:
    plan = unfinished(tmp_path)
    (plan.target.staging / begun.FILE).unlink()
    before = tree(plan.target.staging)
    for restart in (False, True):
        assert "another version" in refused(make_plan(tmp_path), "SC021", restart=restart).message
    with pytest.raises(SegconvError, match="another version"):
        abort(plan.target)
    assert tree(plan.target.staging) == before


def test_folders_removed_meanwhile_have_no_entries(tmp_path: Path) -> None:
    for name in ("a/1", "b/2", "c/3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    found = owned.entries(tmp_path)
    first, _ = next(found)
    for folder in tmp_path.iterdir():
        if folder.name != Path(first).parent.name:
            shutil.rmtree(folder)
    assert [path for path, _ in found] == []
