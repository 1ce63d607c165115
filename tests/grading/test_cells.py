"""Cells are recognised when what names them is lost, and a text for a person is found wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.grading.submission import read_notebook
from autograder.records.grading import SubmittedNotebook

Read = Callable[[dict[str, Any], str], SubmittedNotebook]

TEXT = (
    "Dear Marta, put more money into YouTube in the stores 14 and 1. Ten units bring about 0.4 units of sales in the "
    "average store, and up to 0.6 in the best. Begin with store 14 alone, for I am not sure that stores differ."
)


@pytest.fixture(scope="module")
def release(course: Course, rubric: Rubric) -> dict[str, ReleasedNotebook]:
    return {entry.name: entry for entry in read_release(course, rubric)}


@pytest.fixture
def load(course: Course) -> Callable[[str], dict[str, Any]]:
    def from_source(name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((course.source("practice") / f"{name}.ipynb").read_text(encoding="utf-8"))
        return loaded

    return from_source


@pytest.fixture
def released(course: Course) -> dict[str, Any]:
    path = course.release("practice") / "task5-memo.ipynb"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def read(tmp_path: Path, release: dict[str, ReleasedNotebook]) -> Read:
    def written_and_read(notebook: dict[str, Any], name: str) -> SubmittedNotebook:
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return read_notebook(path, release[name])

    return written_and_read


def grade_id(cell: dict[str, Any]) -> str | None:
    found: str | None = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return found


def named(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if grade_id(cell) == name)


def own(source: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": source}


def bare(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook whose cells have nothing left but their kind and their source."""
    return {"cells": [own("".join(cell["source"]), cell["cell_type"]) for cell in notebook["cells"]]}


TASKS = ("task1-icc", "task2-random-slope", "task3-store-slopes", "task4-centring", "task5-memo")


@pytest.mark.parametrize("task", TASKS)
def test_a_notebook_without_metadata_is_the_one_with_it(
    read: Read, load: Callable[[str], dict[str, Any]], task: str
) -> None:
    whole, without = read(load(task), task), read(bare(load(task)), task)
    assert without.cells == whole.cells
    assert without.untouched == whole.untouched
    (note,) = without.notes
    assert note.startswith("These cells had lost what nbgrader keeps in them")


@pytest.mark.parametrize("task", TASKS[:4])
def test_cells_of_which_nothing_is_left_are_known_by_their_place_or_run_where_they_stood(
    read: Read, load: Callable[[str], dict[str, Any]], task: str, release: dict[str, ReleasedNotebook]
) -> None:
    notebook = bare(load(task))
    first_lines = [cell.source.split("\n")[0] for cell in release[task].cells if cell.grade_id and not cell.locked]
    for cell in notebook["cells"]:
        if cell["source"].startswith(tuple(first_lines)):
            cell["source"] = "\n".join(cell["source"].split("\n")[1:]) + "\n# mine"
    mine = [cell["source"] for cell in notebook["cells"] if cell["source"].endswith("# mine")]
    found = read(notebook, task)
    assert [cell.source for cell in found.cells if cell.source.endswith("# mine")] == mine
    assert any(cell.grade_id for cell in found.cells if cell.source.endswith("# mine"))


def test_an_id_alone_is_enough(read: Read, load: Callable[[str], dict[str, Any]]) -> None:
    notebook = load("task1-icc")
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell["source"] = "# something else entirely"
    found = read(notebook, "task1-icc")
    assert found.untouched == frozenset()


def test_an_edited_check_runs_before_the_check_and_an_edited_beginning_after_it(
    read: Read, load: Callable[[str], dict[str, Any]]
) -> None:
    notebook = load("task1-icc")
    named(notebook, "icc")["source"] = 'icc = 0.1\ncheck("icc", icc)'
    named(notebook, "setup_icc")["source"] = "panel = load_panel()\nmine = 1"
    sources = [cell.source for cell in read(notebook, "task1-icc").cells]
    assert sources.index('icc = 0.1\ncheck("icc", icc)') < sources.index('check("icc", icc)')
    assert next(n for n, s in enumerate(sources) if s.startswith("import warnings")) < sources.index(
        "panel = load_panel()\nmine = 1"
    )


def test_spaces_that_nobody_sees_are_no_edit(read: Read, load: Callable[[str], dict[str, Any]]) -> None:
    notebook = load("task1-icc")
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "  \n") + "\n\n"
    assert read(notebook, "task1-icc").notes == ()


MEMOS: dict[str, list[dict[str, Any]]] = {
    "markdown": [own(TEXT, "markdown")],
    "raw": [own(TEXT, "raw")],
    "comments": [own("\n".join(f"# {line}" for line in TEXT.split(". ")))],
    "a comment without space": [own(f"#{TEXT}")],
    "a string": [own(f'"""\n{TEXT}\n"""')],
    "a name": [own(f"memo = '''{TEXT}'''")],
    "printed": [own(f'print("{TEXT}")')],
    "prose in a code cell": [own(TEXT)],
    "in two cells": [own(TEXT[:110], "markdown"), own(TEXT[110:], "markdown")],
    "another kind of cell": [own("### Memo to Marta", "markdown"), own(TEXT, "raw")],
}


@pytest.mark.parametrize("place", ["below", "above", "at the end", "at the beginning"])
@pytest.mark.parametrize("memo", MEMOS)
def test_a_memo_goes_to_a_person_wherever_it_stands(
    read: Read, released: dict[str, Any], memo: str, place: str
) -> None:
    position = released["cells"].index(named(released, "memo"))
    at = {"below": position + 1, "above": position, "at the end": len(released["cells"]), "at the beginning": 0}[place]
    released["cells"][at:at] = deepcopy(MEMOS[memo])
    found = read(released, "task5-memo")
    assert "memo" not in found.untouched
    text = found.text_of("memo")
    assert "Dear Marta" in text.replace("\n", " ")
    assert "not sure that stores differ" in text.replace("\n", " ")
    assert "The text for memo was found in another cell; a person reads it." in found.notes


@pytest.mark.parametrize("kind", ["markdown", "raw", "code"])
def test_a_memo_in_its_cell_is_read_whatever_kind_the_cell_has_become(
    read: Read, released: dict[str, Any], kind: str
) -> None:
    named(released, "memo").update(cell_type=kind, source=TEXT)
    found = read(released, "task5-memo")
    assert found.text_of("memo") == TEXT
    assert [cell.cell_type for cell in found.cells if cell.grade_id == "memo"] == ["markdown"]


def test_a_memo_that_lost_its_metadata_and_its_heading_is_found(read: Read, released: dict[str, Any]) -> None:
    place = released["cells"].index(named(released, "memo"))
    released["cells"][place] = own(TEXT, "markdown")
    assert TEXT in read(released, "task5-memo").text_of("memo")


def test_a_memo_that_goes_on_below_is_read_to_its_end(read: Read, released: dict[str, Any]) -> None:
    place = released["cells"].index(named(released, "memo"))
    named(released, "memo")["source"] = TEXT[:110]
    released["cells"].insert(place + 1, own(TEXT[110:], "markdown"))
    text = read(released, "task5-memo").text_of("memo")
    assert TEXT[:110] in text
    assert TEXT[110:].strip() in text


def test_remarks_and_code_are_no_memo(read: Read, released: dict[str, Any]) -> None:
    released["cells"] += [
        own("## Notes", "markdown"),
        own("fit = smf.mixedlm(formula, panel, groups='store_id').fit(reml=True)  # as above\nprint(fit.summary())"),
        own("# the fit\nx = 1"),
    ]
    found = read(released, "task5-memo")
    assert "memo" in found.untouched
    assert found.notes == ()
