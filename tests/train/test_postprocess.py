"""Postprocessing is read as data: only nnU-Net's own functions, and never the pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from segconv.errors import SegconvError
from segconv.train import postprocess
from segconv.train.paths import Paths
from segconv.train.postprocess import Step, apply_postprocessing, read_postprocessing

LARGEST = "remove_all_but_largest_component_from_segmentation"


def written(folder: Path, functions: Sequence[Any], arguments: Sequence[Any]) -> Path:
    said = {"postprocessing_fns": functions, "postprocessing_kwargs": arguments, "input_folder": {"mean": {}}}
    (folder / "postprocessing.json").write_text(json.dumps(said))
    return folder


class Touches:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_the_steps_are_those_of_the_json_and_the_pickle_beside_it_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "postprocessing.pkl").write_bytes(pickle.dumps(Touches(tmp_path / "touched")))
    arguments = [{"labels_or_regions": [1, 2]}, {"labels_or_regions": 2, "background_label": 0}]
    found = read_postprocessing(written(tmp_path, [LARGEST] * 2, arguments), tmp_path / "model")
    assert found.steps == tuple(Step(LARGEST, said) for said in arguments)
    assert found.folder == tmp_path / "model"
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("functions", "arguments", "code"),
    [
        (["system"], [{"labels_or_regions": 1}], "SC121"),
        (["os.system"], [{"labels_or_regions": 1}], "SC121"),
        (["apply_postprocessing"], [{"labels_or_regions": 1}], "SC121"),
        ([LARGEST], [], "SC086"),
        ([LARGEST], [{}], "SC086"),
        ([LARGEST], [{"labels_or_regions": "1"}], "SC086"),
        ([LARGEST], [{"labels_or_regions": [[]]}], "SC086"),
        (LARGEST, [{"labels_or_regions": 1}], "SC086"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, functions: Any, arguments: Any, code: str) -> None:
    with pytest.raises(SegconvError) as caught:
        read_postprocessing(written(tmp_path, functions, arguments), tmp_path)
    assert caught.value.code == code
    assert caught.value.file == str(tmp_path / "postprocessing.json")


def test_without_it_the_search_for_the_best_is_advised(tmp_path: Path) -> None:
    with pytest.raises(SegconvError) as caught:
        read_postprocessing(tmp_path, tmp_path)
    assert (caught.value.code, [cure.kind for cure in caught.value.cures]) == ("SC010", ["find_best"])


def test_arguments_that_the_function_does_not_have_are_not_passed_on(tmp_path: Path) -> None:
    said = [{"labels_or_regions": [[1, 2], 3], "surprise": "x"}]
    with pytest.raises(SegconvError) as caught:
        read_postprocessing(written(tmp_path, [LARGEST], said), tmp_path)
    assert caught.value.code == "SC086"


def test_the_child_gets_nnunets_function_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plans.json", "dataset.json"):
        (tmp_path / name).write_text(f'{{"name": "{name}"}}')
    found = read_postprocessing(written(tmp_path, [LARGEST], [{"labels_or_regions": 1}]), tmp_path)
    seen: list[list[str]] = []
    monkeypatch.setattr(postprocess, "run_child", lambda command, *_, **__: seen.append(list(command)))
    apply_postprocessing(found, tmp_path / "in", tmp_path / "out", Paths(), log=tmp_path / "log", jobs=3)
    assert json.loads(seen[0][-1]) == {
        "functions": [["nnunetv2.postprocessing.remove_connected_components", LARGEST]],
        "pp_fn_kwargs": [{"labels_or_regions": 1}],
        "input_folder": str(tmp_path / "in"),
        "output_folder": str(tmp_path / "out"),
        "plans_file_or_dict": {"name": "plans.json"},
        "dataset_json_file_or_dict": {"name": "dataset.json"},
        "num_processes": 3,
    }
