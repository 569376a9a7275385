"""Folds as jobs: what a job answers, and what is heard of its log."""

from __future__ import annotations

from pathlib import Path

from segconv.train.cluster import NewLines


def test_only_what_is_new_and_complete_in_a_log_is_heard(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    new = NewLines(log)
    assert new() == []
    with log.open("a") as file:
        file.write("$ nnUNetv2_train 7\nEpoch 0\n 10%|\r 50%|")
        file.flush()
        assert new() == ["$ nnUNetv2_train 7", "Epoch 0"]
        file.write("\r100%|\nEpo")
        file.flush()
        assert new() == ["100%|"]
        file.write("ch 1\n")
    assert (new(), new()) == (["Epoch 1"], [])


def test_a_log_need_not_exist_when_its_job_is_submitted(tmp_path: Path) -> None:
    new = NewLines(tmp_path / "log")
    assert new() == []
    (tmp_path / "log").write_text("line 1\n")
    assert new() == ["line 1"]
