"""Submitted files are limited and sanitised; what does not fit is named, never raised."""

from __future__ import annotations

import json
import os
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.assignment.course import Course
from autograder.assignment.release import ReleasedNotebook, read_release
from autograder.assignment.rubric import Rubric
from autograder.errors import CourseError
from autograder.grading.submission import MAX_FILE_BYTES, find_submissions, read_learners, read_notebook


@pytest.fixture(scope="module")
def release(course: Course, rubric: Rubric) -> ReleasedNotebook:
    return read_release(course, rubric)[0]


@pytest.fixture
def notebook(course: Course) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((course.release("practice") / "task1-icc.ipynb").read_text(encoding="utf-8"))
    return loaded


def grade_id(cell: dict[str, Any]) -> str | None:
    found: str | None = cell["metadata"].get("nbgrader", {}).get("grade_id")
    return found


def read(tmp_path: Path, content: Any, release: ReleasedNotebook) -> Any:
    path = tmp_path / "task1-icc.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_notebook(path, release)


def test_an_untouched_release_comes_back_as_it_was(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    found = read(tmp_path, notebook, release)
    assert found.cells == release.cells
    assert found.notes == ()
    assert found.untouched == {cell.grade_id for cell in release.cells if not cell.locked}


def test_locked_cells_are_restored_and_solutions_kept(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    for cell in notebook["cells"]:
        cell["source"] = f"# {grade_id(cell)}"
    found = read(tmp_path, notebook, release)
    for cell in release.cells:
        same = [c for c in found.cells if c.grade_id == cell.grade_id and c.grade_id]
        if cell.grade_id:
            assert same[0].source == (cell.source if cell.locked else f"# {cell.grade_id}")
    assert "The cell icc was edited, but it is not yours to edit; it was put back as it was handed out." in found.notes
    assert found.untouched == frozenset()


def test_deleted_duplicated_renamed_and_moved_cells_are_named(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    cells = {grade_id(cell): cell for cell in notebook["cells"] if grade_id(cell)}
    check, other, renamed = cells["icc"], cells["var_store"], cells["var_residual"]
    notebook["cells"].remove(check)
    notebook["cells"].insert(0, deepcopy(other))
    renamed["metadata"]["nbgrader"]["grade_id"] = "mine"
    found = read(tmp_path, notebook, release)
    assert [cell.grade_id for cell in found.cells if cell.grade_id] == [
        cell.grade_id for cell in release.cells if cell.grade_id
    ]
    notes = " ".join(found.notes)
    assert "The cell icc was deleted or renamed" in notes
    assert "The cell var_store is there twice; the first one counts." in notes
    assert "The cell 'mine' is not one of this notebook's" in notes
    assert "Cells were moved" in notes


def test_cells_of_the_learners_own_stay_where_they_followed(
    tmp_path: Path, notebook: dict[str, Any], release: ReleasedNotebook
) -> None:
    position = next(i for i, cell in enumerate(notebook["cells"]) if grade_id(cell) == "var_store")
    own = {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {"tags": ["skip-execution"]}, "outputs": []}
    notebook["cells"].insert(position + 1, own)
    found = read(tmp_path, notebook, release)
    place = next(i for i, cell in enumerate(found.cells) if cell.grade_id == "var_store")
    assert found.cells[place + 1].source == "a = 1\nb = 2"
    assert found.notes == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.4", "the file is not a notebook. Hand in the .ipynb file that Jupyter saves."),
        (b"[" * 100_000, "the file is not a notebook"),
        (b'{"cells": []}', "not a notebook that Jupyter could have saved: Object missing required field `nbformat`"),
        ({"nbformat": 4, "cells": [{"cell_type": "code", "source": 3}]}, "at `$.cells[0].source`"),
        ({"nbformat": 3, "worksheets": []}, "the notebook has the format 3, and 4 is needed"),
        ({"nbformat": 4, "cells": [{"cell_type": "raw", "source": ""}] * 501}, "more than 500 cells"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 20 MB"),
    ],
)
def test_what_is_not_a_notebook_is_said_to_the_learner(
    tmp_path: Path, release: ReleasedNotebook, content: Any, said: str
) -> None:
    found = read(tmp_path, content, release)
    assert said in found.problem
    assert not found.absent


def test_a_missing_notebook_is_absent(tmp_path: Path, release: ReleasedNotebook) -> None:
    found = read_notebook(tmp_path / "task1-icc.ipynb", release)
    assert found.absent
    assert found.problem == "The notebook task1-icc.ipynb was not handed in."


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_only_an_ordinary_file_is_opened(tmp_path: Path, release: ReleasedNotebook, kind: str) -> None:
    path = tmp_path / "task1-icc.ipynb"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert "not an ordinary file" in str(read_notebook(path, release).problem)


@given(content=st.binary(max_size=300))
def test_no_bytes_raise(release: ReleasedNotebook, tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert read(tmp_path_factory.mktemp("bytes"), content, release).problem


def test_folders_are_learners_and_everything_else_gets_a_line(tmp_path: Path) -> None:
    (tmp_path / "anna" / "practice").mkdir(parents=True)
    (tmp_path / "ben").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("c+d", "=1+1", "@SUM(A1)", "-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "link").symlink_to(tmp_path / "anna")
    found, ignored = find_submissions(tmp_path, "practice")
    assert [(folder.student, folder.path) for folder in found] == [
        ("anna", tmp_path / "anna" / "practice"),
        ("ben", tmp_path / "ben"),
    ]
    assert sorted(one.name for one in ignored) == [
        *("-x", ".hidden", "=1+1", "@SUM(A1)", "c+d", "link", "notes.txt"),
    ]
    assert {one.name for one in ignored if not one.is_learner} == {".hidden", "notes.txt"}


def test_a_folder_that_cannot_be_entered_gets_a_line() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        class_folder = Path(scratch)
        class_folder.chmod(0o755)
        for name in ("anna", "locked"):
            (class_folder / name / "practice").mkdir(parents=True)
        (class_folder / "locked").chmod(0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if os.geteuid() == 0:
                    os.setuid(61180)  # root enters every folder
                found, ignored = find_submissions(class_folder, "practice")
                status = [folder.student for folder in found] != ["anna"] or "cannot be entered" not in str(ignored[0])
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0


def test_a_folder_without_submissions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="holds no submission"):
        find_submissions(tmp_path, "practice")
    with pytest.raises(CourseError, match="There is no folder"):
        find_submissions(tmp_path / "nowhere", "practice")


def test_a_saved_notebook_of_jupyter_is_read(tmp_path: Path, course: Course, release: ReleasedNotebook) -> None:
    source = nbformat.read(course.source("practice") / "task1-icc.ipynb", as_version=4)
    nbformat.write(source, tmp_path / "task1-icc.ipynb")
    assert read_notebook(tmp_path / "task1-icc.ipynb", release).problem is None


def test_what_is_said_of_a_file_does_not_repeat_the_file(tmp_path: Path, release: ReleasedNotebook) -> None:
    cell = {"cell_type": "\x1b[2J" + "A" * 10**6, "source": "", "metadata": {}}
    found = read(tmp_path, {"nbformat": 4, "cells": [cell]}, release)
    assert found.problem is not None
    assert len(found.problem) < 300
    assert found.problem.isprintable()


@pytest.mark.parametrize("metadata", [None, [], "x", {"nbgrader": 3}, {"nbgrader": {"grade_id": [1]}}, {"n": 10**400}])
def test_metadata_of_any_shape_is_no_reason_to_refuse_a_notebook(
    tmp_path: Path, release: ReleasedNotebook, metadata: Any
) -> None:
    cell = {"cell_type": "code", "source": "mine = 1", "metadata": metadata}
    found = read(tmp_path, {"nbformat": 4, "cells": [cell]}, release)
    assert found.problem is None
    assert "mine = 1" in [cell.source for cell in found.cells]


def test_a_learners_name_that_cannot_be_written_down_is_named_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    for name in (b"caf\xe9", b"eve\x1b[2J", b"two\nlines", b"<script>alert(1)<", b'";alert(1);"'):
        os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    found, ignored = find_submissions(tmp_path, "practice")
    assert [folder.student for folder in found] == ["anna"]
    assert len(ignored) == 5
    assert all(line.isascii() and line.isprintable() and "rename the folder" in line for line in map(str, ignored))
    assert all(one.is_learner for one in ignored)


def test_what_is_there_in_the_place_of_submissions_is_named(tmp_path: Path) -> None:
    (tmp_path / "-rf").mkdir()
    (tmp_path / "-notes.txt").touch()
    with pytest.raises(CourseError, match="holds no submission") as refused:
        find_submissions(tmp_path, "practice")
    assert "-rf: a spreadsheet takes" in str(refused.value)
    assert "-notes.txt: not a folder" in str(refused.value)


NO_NAMES = (
    "a<script>",
    "a>b",
    'a"b',
    "a\\b",
    "a\x1b[2J",
    "a\x85b",
    "=1",
    "-rf",
    "@x",
    ".x",
    "a+b",
    "x" * 256,
    "ä" * 128,
)


@pytest.mark.parametrize("name", [*NO_NAMES, "a/b", "a\0b", "a\x0bb", "a\u2028b", "x" * 300])
def test_a_handout_takes_no_name_that_grading_refuses(tmp_path: Path, name: str) -> None:
    names = tmp_path / "names.txt"
    names.write_bytes(f"anna\r\n\r\n {name} \n".encode())
    with pytest.raises(CourseError, match=r"names.txt, line 3: .* cannot be a learner's name: ") as refused:
        read_learners(names)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300 + len(str(names))


@pytest.mark.parametrize("name", [name for name in NO_NAMES if len(os.fsencode(name)) < 256])
def test_grading_refuses_a_folder_of_each_such_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "anna").mkdir()
    (tmp_path / name).mkdir()
    found, left_out = find_submissions(tmp_path, "practice")
    assert [folder.student for folder in found] == ["anna"]
    assert len(left_out) == 1


@pytest.mark.parametrize(
    "name", ["x" * 255, "Zoë", "O'Neill & Söhne", "李 明", "a%20b", "~anna", "$HOME", "a.b-c_d=e@f"]
)
def test_handout_and_grading_take_the_same_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "class" / name).mkdir(parents=True)
    (tmp_path / "names.txt").write_text(f"\ufeff{name}\n", encoding="utf-8")
    found, _ = find_submissions(tmp_path / "class", "practice")
    assert (found[0].student,) == read_learners(tmp_path / "names.txt") == (name,)
